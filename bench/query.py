"""Measures how long a search takes over HTTP, with one client and with eight."""

import http.client
import json
import multiprocessing
import random
import statistics
import time

from shelf import arguments, filled_shelf, report, running_service, say, table

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


def ask_all(port, store, questions, ranker):
    """One client with one connection. Returns the seconds that each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds = []
    for question in questions:
        body = json.dumps({"query": question, "ranking_options": {"ranker": ranker}})
        began = time.perf_counter()
        connection.request("POST", f"/v1/vector_stores/{store}/search", body,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        seconds.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:200]}")
    return seconds


def ask_from(clients, port, store, questions, ranker):
    """So many clients, a process each. Returns what p50, p95 and searches/s were."""
    with multiprocessing.Pool(clients) as pool:
        pool.map(int, range(clients))   # all are there before the clock starts
        began = time.perf_counter()
        parts = pool.starmap(ask_all, [(port, store, questions[number::clients], ranker)
                                       for number in range(clients)], chunksize=1)
        took = time.perf_counter() - began
    milliseconds = sorted(1000 * second for part in parts for second in part)
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {"clients": clients, "ranker": ranker, "p50_ms": cuts[49], "p95_ms": cuts[94],
            "p99_ms": cuts[98], "searches_per_second": len(milliseconds) / took}


def main():
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=400, help="searches a row (default 400)")
    options = parser.parse_args()
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        questions = questions_of(options, service, shelf.ids)
        questions = (questions * (options.count // len(questions) + 1))[:options.count]
        chunks = sum(file["chunks"] for file in shelf.files())
        ask_all(service.port, shelf.store, questions[:WARM_UP], "auto")
        rows = []
        for ranker in ("lexical", "dense", "auto"):
            for clients in CLIENTS:
                say(f"{ranker}, {clients} clients")
                rows.append(ask_from(clients, service.port, shelf.store, questions, ranker))
    result = {"files": len(shelf.ids), "chunks": chunks, "questions": len(questions),
              "rows": rows}
    header = ["ranker", "clients", "p50 ms", "p95 ms", "p99 ms", "searches/s"]
    text = table(header, [(row["ranker"], row["clients"], row["p50_ms"], row["p95_ms"],
                           row["p99_ms"], row["searches_per_second"]) for row in rows])
    report(options, result,
           f"{len(shelf.ids)} files, {chunks:,} chunks, {len(questions)} searches a row\n\n{text}")


main()
