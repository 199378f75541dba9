"""Asks a real language model through the whole chain, streamed by OpenAI's client, and counts what
became of its answers: how many have a checked citation, and what was dropped.

DIR holds pdfs/ and questions.jsonl, a JSON object a line: id, pdf, question, pages (the 1-based pages
with the evidence; none: the document does not say). The model's server is told by --set
LLM_BASE_URL=… and --set LLM_MODEL=…."""

import sys
import time

from shelf import arguments, filled_shelf, load_questions, report, running_service, say, table

MARGIN_S = 1200


def ask(service, shelf, question):
    tool = {"type": "file_search", "vector_store_ids": [shelf.store],
            "filters": {"type": "eq", "key": "file_id", "value": shelf.ids[question["pdf"]]}}
    begun, first, text, last = time.monotonic(), None, "", None
    client = service.openai.with_options(timeout=MARGIN_S)
    for event in client.responses.create(model="quire", input=question["question"], tools=[tool], stream=True, store=False):
        if event.type == "response.output_text.delta":
            first = first or time.monotonic() - begun
            text += event.delta
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            last = event.response
    content = last.output[1].content[0]
    if content.text != text:
        sys.exit(f"the deltas are not the text: {question['id']}")
    return {"id": question["id"], "question": question["question"], "status": last.status, "text": text,
            "citations": [{"page": one.page, "quote": one.quote, "passage": one.passage} for one in content.annotations],
            "evidence": question["pages"], "first_s": first, "all_s": time.monotonic() - begun,
            "tokens": [last.usage.input_tokens, last.usage.output_tokens], **last.quire}


def counts(answers):
    def count(holds):
        return sum(map(bool, map(holds, answers)))
    return [
        ("answers", len(answers)),
        ("written by the model to their end", count(lambda one: one["by"] == "llm" and one["status"] == "completed")),
        ("cut off or replaced by quotes", count(lambda one: one["reason"])),
        ("the documents do not say", count(lambda one: one["declined"])),
        ("with a checked citation by the model", count(lambda one: one["by"] == "llm" and one["citations"])),
        ("of these, one on an evidence page", count(lambda one: one["by"] == "llm" and {
            citation["page"] for citation in one["citations"]} & set(one["evidence"]))),
        ("citations that were checked", sum(len(one["citations"]) for one in answers)),
        ("citations that were dropped", sum(one["quotes_rejected"] for one in answers)),
        ("ranges of text without support", sum(len(one["unsupported"]) for one in answers)),
    ]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--questions", type=int, default=20, help="so many, spread over the list")
    options = parser.parse_args()
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        questions = load_questions(options.folder, shelf.ids)
        questions = questions[::max(1, len(questions) // options.questions)][:options.questions]
        answers = []
        for question in questions:
            say(f"asking {question['id']}")
            answers.append(ask(service, shelf, question))
    rows = counts(answers)
    report(options, {"counts": dict(rows), "answers": answers}, table(["", "count"], rows))


main()
