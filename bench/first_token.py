"""Measures what Quire adds to a language model's own time: from asking, as a gateway does, until the
model's server has the request, and from the server's first text until the gateway has it.

DIR holds pdfs/ and questions.jsonl, of which only the field `question` is used. The server is a
scripted one that answers at once."""

import json
import time

from shelf import arguments, filled_shelf, report, running_service, say, table

from fake_llm import DONE, FakeLLM, chunk
from link import Link

WARM_UP = 20


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class Clock:
    """When the server had the last request, and when its first text went."""

    def play(self, connection):
        self.asked = time.monotonic()
        connection.head()
        self.said = time.monotonic()
        connection.send(chunk("The documents do not say. ") + chunk(finish="stop") + DONE)


def measure(link, shelf, questions, clock):
    before, behind = [], []
    for question in questions:
        begun = time.monotonic()
        request = link.begin_answer(question, shelf.store)
        link.wait_for(request, lambda messages: any(one["name"] == "answer_delta" for one in messages))
        shown = time.monotonic()
        link.end_answer(request)
        before.append(1000 * (clock.asked - begun))
        behind.append(1000 * (shown - clock.said))
    return before[WARM_UP:], behind[WARM_UP:]


def main():
    options = arguments(__doc__).parse_args()
    llm, clock = FakeLLM(), Clock()
    llm.will(clock.play)
    options.set += [f"LLM_BASE_URL={llm.url}", "LLM_MODEL=scripted"]
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        lines = (options.folder / "questions.jsonl").read_text().splitlines()
        say("asking")
        link = Link(f"ipc://{service.folder}/ask")
        before, behind = measure(link, shelf, [json.loads(line)["question"] for line in lines], clock)
        link.close()
    rows = [{"time": name, "p50_ms": percentile(times, 50), "p95_ms": percentile(times, 95)} for name, times in (
        ("until the server has the request", before), ("from its first text to the gateway", behind),
        ("both together", [one + other for one, other in zip(before, behind)]))]
    text = table(["", "p50 ms", "p95 ms"], [(row["time"], row["p50_ms"], row["p95_ms"]) for row in rows])
    report(options, {"answers": len(before), "rows": rows}, f"{len(before)} answers\n\n{text}")


main()
