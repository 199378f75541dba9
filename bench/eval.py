"""Measures whether a search finds the page that holds the evidence.

DIR holds pdfs/ and questions.jsonl, a JSON object a line: id, pdf, question, pages (the 1-based
pages with the evidence), text_only (the evidence is text). A question counts when it has such
pages. Page hit@k: one of them is among the first k distinct pages of the results."""

from shelf import arguments, filled_shelf, load_questions, report, running_service, say, table

RANKERS = ("lexical", "dense", "auto")
NAMES = {"auto": "fused"}
DEPTHS = (1, 5, 10)
RESULTS = 50


def ranked_pages(shelf, question, ranker, file_id=None):
    """(file id, page) in the order of the results, each once."""
    body = {"max_num_results": RESULTS, "ranking_options": {"ranker": ranker}}
    if file_id:
        body["filters"] = {"type": "eq", "key": "file_id", "value": file_id}
    results = shelf.service.search(shelf.store, question, **body)
    return list(dict.fromkeys((result["file_id"], result["page"]) for result in results))


def rank_of_evidence(pages, file_id, evidence):
    """From 1; None when no evidence page is among them."""
    wanted = {(file_id, page) for page in evidence}
    return next((rank for rank, page in enumerate(pages, 1) if page in wanted), None)


def hits(ranks):
    return {f"hit@{depth}": sum(rank is not None and rank <= depth for rank in ranks) / len(ranks)
            for depth in DEPTHS}


def measure(shelf, questions):
    rows, detail = [], []
    for ranker in RANKERS:
        for scope in ("right file", "all files"):
            say(f"{NAMES.get(ranker, ranker)}, {scope}")
            ranks = []
            for question in questions:
                file_id = shelf.ids[question["pdf"]]
                pages = ranked_pages(shelf, question["question"], ranker,
                                     file_id if scope == "right file" else None)
                ranks.append(rank_of_evidence(pages, file_id, question["pages"]))
                detail.append({"id": question["id"], "ranker": NAMES.get(ranker, ranker),
                               "scope": scope, "rank": ranks[-1]})
            for kind in ("all", "text only"):
                chosen = [rank for rank, question in zip(ranks, questions)
                          if kind == "all" or question.get("text_only")]
                if chosen:
                    rows.append({"ranker": NAMES.get(ranker, ranker), "scope": scope,
                                 "questions": kind, "count": len(chosen), **hits(chosen)})
    return rows, detail


def main():
    parser = arguments(__doc__)
    parser.add_argument("--detail", action="store_true", help="with --json: each question's rank")
    options = parser.parse_args()
    with running_service(options) as service:
        shelf = filled_shelf(service, options)
        questions = load_questions(options.folder, shelf.ids, with_evidence=True)
        rows, detail = measure(shelf, questions)
    result = {"files": len(shelf.ids), "rows": rows}
    if options.detail:
        result["detail"] = detail
    header = ["ranker", "searched", "questions", "number", *(f"hit@{depth}" for depth in DEPTHS)]
    text = table(header, [
        (row["ranker"], row["scope"], row["questions"], row["count"],
         *(f"{100 * row[f'hit@{depth}']:.1f}" for depth in DEPTHS)) for row in rows])
    report(options, result, f"{len(shelf.ids)} files; percent of questions\n\n{text}")


main()
