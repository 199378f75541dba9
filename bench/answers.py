"""Measures extractive answers: whether their quotes lie on a page that holds the evidence, and what is
declined ("The documents do not say").

DIR holds pdfs/ and questions.jsonl, a JSON object a line: id, pdf, question, pages (the 1-based
pages with the evidence; none: the document does not say). The answerer is asked as a gateway asks it,
over the service's link."""

import json
import sys

from shelf import arguments, filled_shelf, load_questions, report, running_service, say, table

from link import Link


def ask(link, shelf, question, file_id=None):
    filters = {"type": "eq", "key": "file_id", "value": file_id} if file_id else None
    answer = link.answer(question, shelf.store, filters=json.dumps(filters) if filters else "")
    if answer.end["name"] != "answer_ended" or answer.end["by"] != "extractive":
        sys.exit(f"not an extractive answer: {answer.end}")
    return answer


def judge(answer, file_id, evidence):
    wanted = {(file_id, page) for page in evidence}
    hits = [(citation["file_id"], citation["page"]) in wanted for citation in answer.citations]
    return {"declined": bool(answer.end["declined"]), "quotes": len(hits), "hits": sum(hits),
            "first": bool(hits) and hits[0], "any": any(hits)}


def share(judged, name):
    return sum(one[name] for one in judged) / len(judged) if judged else 0.0


def measure(link, shelf, questions):
    rows, detail = [], []
    for scope in ("right file", "all files"):
        say(scope)
        judged = {True: [], False: []}
        for question in questions:
            file_id = shelf.ids[question["pdf"]]
            answer = ask(link, shelf, question["question"], file_id if scope == "right file" else None)
            verdict = judge(answer, file_id, question["pages"])
            judged[bool(question["pages"])].append(verdict)
            detail.append({"id": question["id"], "scope": scope, **verdict})
        answerable, others = judged[True], judged[False]
        rows.append({"scope": scope, "answerable": len(answerable), "first": share(answerable, "first"),
                     "any": share(answerable, "any"), "quotes": share(answerable, "quotes"),
                     "declined": share(answerable, "declined"), "unanswerable": len(others),
                     "unanswerable_declined": share(others, "declined")})
    return rows, detail


def main():
    parser = arguments(__doc__)
    parser.add_argument("--detail", action="store_true", help="with --json: what became of each question")
    options = parser.parse_args()
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        questions = load_questions(options.folder, shelf.ids)
        link = Link(f"ipc://{service.folder}/ask")
        rows, detail = measure(link, shelf, questions)
        link.close()
    result = {"files": len(shelf.ids), "rows": rows}
    if options.detail:
        result["detail"] = detail
    header = ["searched", "answerable", "first quote", "any quote", "quotes", "declined", "unanswerable", "declined"]
    text = table(header, [
        (row["scope"], row["answerable"], f"{100 * row['first']:.1f}", f"{100 * row['any']:.1f}",
         f"{row['quotes']:.1f}", f"{100 * row['declined']:.1f}", row["unanswerable"],
         f"{100 * row['unanswerable_declined']:.1f}") for row in rows])
    report(options, result, f"{len(shelf.ids)} files; percent of questions of which a quote lies on an evidence page,"
                            f" quotes an answer, percent declined\n\n{text}")


main()
