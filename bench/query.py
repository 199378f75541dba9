"""Measures how long a search takes over HTTP, with one client and with eight, and what processor
time it costs the whole service, the question's embedding included (with one client)."""

import http.client
import json
import multiprocessing
import random
import statistics
import time

from multiply import multiply
from shelf import (arguments, filled_shelf, report, run_milliseconds, running_service, say, table,
                   wait_for_rest)

CLIENTS = (1, 8)
WARM_UP = 20


def questions_of(options, service, ids):
    """Those of DIR/questions.jsonl, or else made of runs of words of the pages."""
    path = options.folder / "questions.jsonl"
    if path.exists():
        return [json.loads(line)["question"] for line in path.read_text().splitlines()]
    chance, questions = random.Random(1), []
    names = sorted(ids)
    while len(questions) < options.count:
        file_id = ids[chance.choice(names)]
        pages = service.file(file_id)["pages"]
        if not pages:
            continue
        words = service.page(file_id, chance.randint(1, pages))["text"].split()
        if len(words) >= 20:
            start = chance.randint(0, len(words) - 12)
            questions.append(" ".join(words[start:start + chance.randint(4, 12)]))
    return questions


def ask_all(port, store, questions, ranker, pids=()):
    """One client with one connection. Returns for each answer the seconds that it took, and the
    milliseconds of processor time that these processes needed meanwhile."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    costs = []
    for question in questions:
        body = json.dumps({"query": question, "ranking_options": {"ranker": ranker}})
        before, began = run_milliseconds(pids), time.perf_counter()
        connection.request("POST", f"/v1/vector_stores/{store}/search", body,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        costs.append((time.perf_counter() - began, run_milliseconds(pids) - before))
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:200]}")
    return costs


def percentiles(values):
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def ask_from(clients, service, store, questions, ranker):
    """So many clients, a process each. Returns what p50, p95 and searches/s were."""
    pids = [process.pid for process in service.processes.values()] if clients == 1 else []
    with multiprocessing.Pool(clients) as pool:
        pool.map(int, range(clients))   # all are there before the clock starts
        began = time.perf_counter()
        parts = pool.starmap(ask_all, [(service.port, store, questions[number::clients], ranker, pids)
                                       for number in range(clients)], chunksize=1)
        took = time.perf_counter() - began
    costs = [cost for part in parts for cost in part]
    row = {"clients": clients, "ranker": ranker, "searches_per_second": len(costs) / took}
    row["p50_ms"], row["p95_ms"], row["p99_ms"] = percentiles([1000 * seconds for seconds, _ in costs])
    if pids:
        row["cpu_p50_ms"], row["cpu_p95_ms"], _ = percentiles([cpu for _, cpu in costs])
    return row


def enlarge(service, shelf, chunks):
    """Copies of the shelf's files (multiply.py), until there are about so many chunks."""
    say(f"making it {chunks:,} chunks large")
    service.stop()
    multiply(service.data / "store.sqlite", chunks)
    service.start().wait_ready()
    wait_for_rest([process.pid for process in service.processes.values()])


def count_chunks(service, store):
    answer = service.http.post(f"/v1/vector_stores/{store}/search", json={"query": "anything"})
    return answer.json()["indexed"]["chunks"]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=400, help="searches a row (default 400)")
    parser.add_argument("--chunks", type=int, default=0,
                        help="enlarge the shelf to about so many by copies with their lines in another order")
    options = parser.parse_args()
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        questions = questions_of(options, service, shelf.ids)
        questions = (questions * (options.count // len(questions) + 1))[:options.count]
        if options.chunks:
            enlarge(service, shelf, options.chunks)
        chunks = count_chunks(service, shelf.store)
        ask_all(service.port, shelf.store, questions[:WARM_UP], "auto")
        rows = []
        for ranker in ("lexical", "dense", "auto"):
            for clients in CLIENTS:
                say(f"{ranker}, {clients} clients")
                rows.append(ask_from(clients, service, shelf.store, questions, ranker))
    result = {"files": len(shelf.ids), "chunks": chunks, "questions": len(questions),
              "rows": rows}
    header = ["ranker", "clients", "p50 ms", "p95 ms", "p99 ms", "searches/s", "cpu p50 ms", "cpu p95 ms"]
    text = table(header, [(row["ranker"], row["clients"], row["p50_ms"], row["p95_ms"], row["p99_ms"],
                           row["searches_per_second"], row.get("cpu_p50_ms", ""), row.get("cpu_p95_ms", ""))
                          for row in rows])
    report(options, result, f"{chunks:,} chunks, {len(questions)} searches a row\n\n{text}")


if __name__ == "__main__":
    main()
