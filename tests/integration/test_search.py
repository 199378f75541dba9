"""Searching a store: ranking, filters, what a result carries, and queries of every kind."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import pdfs
from conftest import is_error
from service import wait_until

RANKERS = ("auto", "lexical", "dense")


def squeezed(text):
    return " ".join(text.split())


# -- what is found ----------------------------------------------------------------------------------

@pytest.mark.parametrize("ranker", RANKERS)
def test_each_fact_is_found_on_its_page(service, facts, ranker):
    ranks = []
    for index, (_, question) in enumerate(pdfs.FACTS):
        results = service.search(facts.store, question, max_num_results=50,
                                 ranking_options={"ranker": ranker})
        pages = list(dict.fromkeys(result["page"] for result in results))
        ranks.append(pages.index(facts.pages[index]) if facts.pages[index] in pages else 99)
    assert sum(rank == 0 for rank in ranks) >= 8, ranks
    assert max(ranks) < 5, ranks


@pytest.mark.parametrize("ranker", RANKERS + ("none", "default-2024-11-15"))
def test_a_result_carries_its_exact_place(service, facts, ranker):
    results = service.search(facts.store, pdfs.FACTS[3][1], ranking_options={"ranker": ranker})
    assert 1 <= len(results) <= 10
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0
    for result in results:
        assert result["file_id"] == facts.file_id and result["filename"] == "facts.pdf"
        text = service.page(facts.file_id, result["page"])["text"]
        assert result["content"] == [
            {"type": "text", "text": text[result["start"]:result["end"]]}]
        for part in result["highlight"].split(","):
            start, end = map(int, part.split("-"))
            assert 0 <= start < end <= len(text)


def test_the_answer_says_what_was_asked_and_how_much_is_indexed(service, facts):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search",
                               json={"query": pdfs.FACTS[0][1]}).json()
    assert answer["object"] == "vector_store.search_results.page"
    assert answer["search_query"] == [pdfs.FACTS[0][1]]
    assert answer["has_more"] is False and answer["next_page"] is None
    assert answer["indexed"]["chunks"] == answer["indexed"]["vectors"] >= 20
    assert isinstance(answer["indexed"]["words"], bool)   # what another test deletes is forgotten within a second


def test_several_queries_at_once(service, facts):
    results = service.search(facts.store, [pdfs.FACTS[0][1], pdfs.FACTS[5][1]],
                             max_num_results=10)
    pages = {result["page"] for result in results}
    assert {facts.pages[0], facts.pages[5]} <= pages


def test_number_of_results(service, facts):
    for wanted in (1, 3, 50):
        results = service.search(facts.store, "report", max_num_results=wanted)
        assert len(results) <= wanted
    assert len(service.search(facts.store, "report", max_num_results=1)) == 1


def test_score_threshold(service, facts):
    results = service.search(facts.store, pdfs.FACTS[0][1], max_num_results=20)
    middle = results[len(results) // 2]["score"]
    above = service.search(facts.store, pdfs.FACTS[0][1], max_num_results=20,
                           ranking_options={"score_threshold": middle})
    assert above and all(result["score"] >= middle for result in above)
    assert len(above) <= len(results)
    assert service.search(facts.store, pdfs.FACTS[0][1],
                          ranking_options={"score_threshold": 0})


def test_searches_know_meaning_while_many_texts_are_embedded(service, facts):
    texts = [f"{index} " + "a long text about nothing " * 60 for index in range(300)]
    with ThreadPoolExecutor(1) as aside:
        bulk = aside.submit(service.http.post, "/v1/embeddings", timeout=300,
                            json={"model": "all-MiniLM-L6-v2", "input": texts, "truncate": True})
        meanwhile = []
        while not bulk.done():
            meanwhile.append(service.http.post(f"/v1/vector_stores/{facts.store}/search",
                                               json={"query": pdfs.FACTS[0][1]}).json()["dense"])
        assert bulk.result().status_code == 200
        assert len(bulk.result().json()["data"]) == len(texts)
    assert meanwhile and all(meanwhile), meanwhile


def test_an_empty_store_has_no_results(service, store):
    assert service.search(store, "anything at all") == []


def test_words_are_found_in_any_case_form_and_accent(service, store):
    file_id = service.add(pdfs.text_pdf([
        "The bakery sells crème brûlée on Sundays.", pdfs.filler("other")]), store=store)
    for query in ("creme brulee", "CRÈME BRÛLÉE", "selling at the bakeries"):
        best = service.search(store, query, ranking_options={"ranker": "lexical"})
        assert best and best[0]["page"] == 1, query
    service.http.delete(f"/v1/files/{file_id}")


def test_text_is_searchable_before_the_file_is_completed(without_embedder):
    """Without an embedder no vector comes into being, yet the words are found."""
    service, store, file_id = without_embedder
    found = wait_until(lambda: service.search(store, "silicone grease",
                                              ranking_options={"ranker": "lexical"}), 10,
                       "the words to be found")
    assert found[0]["file_id"] == file_id
    assert service.search(store, "silicone grease")[0]["file_id"] == file_id   # fused, too
    service.start_role("embedder")
    assert service.wait_file(file_id)["state"] == "completed"
    assert service.search(store, "silicone grease",
                          ranking_options={"ranker": "dense"})[0]["file_id"] == file_id


# -- filters ----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def shelf(shared_service):
    """Four files with attributes, that say the same."""
    service = shared_service
    store = service.new_store("shelf")
    attributes = {
        "a.pdf": {"year": 2021, "kind": "report", "draft": False},
        "b.pdf": {"year": 2022, "kind": "report", "draft": True},
        "c.pdf": {"year": 2023, "kind": "letter", "draft": False},
        "d.pdf": {},
    }
    ids = {}
    for name, values in attributes.items():
        ids[name] = service.upload(pdfs.text_pdf([f"The harbour dues of {name} were paid."]),
                                   name)["id"]
        service.attach(store, ids[name], values)
    for file_id in ids.values():
        service.wait_file(file_id)
    return store, ids


def comparison(kind, key, value):
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize("filters, names", [
    (comparison("eq", "year", 2022), "b"),
    (comparison("eq", "year", 2022.0), "b"),
    (comparison("eq", "kind", "report"), "ab"),
    (comparison("eq", "draft", True), "b"),
    (comparison("gt", "year", 2021), "bc"),
    (comparison("gte", "year", 2022), "bc"),
    (comparison("lt", "year", 2022), "a"),
    (comparison("lte", "year", 2022), "ab"),
    (comparison("in", "year", [2021, 2023]), "ac"),
    (comparison("in", "kind", ["letter"]), "c"),
    (comparison("eq", "filename", "d.pdf"), "d"),
    (comparison("in", "filename", ["a.pdf", "d.pdf"]), "ad"),
    (comparison("eq", "kind", "report' OR 1=1 --"), ""),
    (comparison("eq", "no_such_key", 1), ""),
    (comparison("eq", "year", "2022"), ""),
    ({"type": "and", "filters": [comparison("eq", "kind", "report"),
                                 comparison("gt", "year", 2021)]}, "b"),
    ({"type": "or", "filters": [comparison("eq", "kind", "letter"),
                                comparison("eq", "year", 2021)]}, "ac"),
    ({"type": "and", "filters": [
        comparison("gte", "year", 2021),
        {"type": "or", "filters": [comparison("eq", "draft", True),
                                   comparison("eq", "kind", "letter")]}]}, "bc"),
])
@pytest.mark.parametrize("ranker", RANKERS)
def test_filters(service, shelf, filters, names, ranker):
    store, _ = shelf
    results = service.search(store, "harbour dues", filters=filters, max_num_results=50,
                             ranking_options={"ranker": ranker})
    assert {result["filename"] for result in results} == {f"{name}.pdf" for name in names}


@pytest.mark.parametrize("filters, without", [
    (comparison("ne", "year", 2022), "b.pdf"),
    (comparison("nin", "year", [2022]), "b.pdf"),
])
def test_filters_of_what_is_not(service, shelf, filters, without):
    results = service.search(shelf[0], "harbour dues", filters=filters, max_num_results=50)
    names = {result["filename"] for result in results}
    assert without not in names and {"a.pdf", "c.pdf"} <= names


def test_filter_by_file(service, shelf):
    store, ids = shelf
    for filters in (comparison("eq", "file_id", ids["c.pdf"]),
                    comparison("in", "file_id", [ids["c.pdf"], "file-none"])):
        results = service.search(store, "harbour dues", filters=filters)
        assert {result["file_id"] for result in results} == {ids["c.pdf"]}


def nested(depth):
    filters = comparison("eq", "year", 2022)
    for _ in range(depth):
        filters = {"type": "and", "filters": [filters]}
    return filters


@pytest.mark.parametrize("filters", [
    [], "year = 2022", 7, {"type": "like", "key": "year", "value": 1}, {"type": "eq"},
    {"type": "eq", "key": "year"}, {"type": "eq", "key": 7, "value": 1},
    {"type": "eq", "key": "year", "value": {"x": 1}}, {"type": "in", "key": "year", "value": 2022},
    {"type": "and"}, {"type": "and", "filters": {}}, {"type": "and", "filters": [7]},
])
def test_filters_that_are_none(service, shelf, filters):
    answer = service.http.post(f"/v1/vector_stores/{shelf[0]}/search",
                               json={"query": "dues", "filters": filters})
    error = is_error(answer, 400)
    assert "filter" in f"{error['param']} {error['message']}".lower()


def test_filters_nested_very_deep(service, shelf):
    """An answer or an error, but no crash: the fixture looks for one."""
    text = '{"type":"and","filters":[' * 20000 + '{"type":"eq","key":"a","value":1}' + "]}" * 20000
    answer = service.http.post(f"/v1/vector_stores/{shelf[0]}/search", headers={
        "Content-Type": "application/json"}, content=f'{{"query":"dues","filters":{text}}}')
    is_error(answer, 400)
    few = service.search(shelf[0], "harbour dues", filters=nested(3))
    assert {result["filename"] for result in few} == {"b.pdf"}


# -- queries of every kind --------------------------------------------------------------------------

@pytest.mark.parametrize("query", [
    "a", "A", "7", "?", "é", "灯", "AND", "OR", "NOT", 'AND NOT "', "title:*", "*", "lighthouse*",
    '"lighthouse', "(((", ")", "NEAR/3 (", "a:b:c", "+must -not ~x ^2", "' OR 1=1 --", "%", "_",
    "\\", "../../etc/passwd", "<script>alert(1)</script>", "\u202eright to left", "\u0000NUL",
    "e\u0301\u0301\u0301", "\U0001F600", "\ufffe", " lighthouse ", "\t\nlighthouse",
    "lighthouse " * 500, "x" * 5000, "supercalifragilistic" * 20,
])
@pytest.mark.parametrize("ranker", RANKERS)
def test_any_query_gets_results_or_a_clear_error(service, facts, query, ranker):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search", json={
        "query": query, "ranking_options": {"ranker": ranker}})
    if answer.status_code == 200:
        assert answer.json()["object"] == "vector_store.search_results.page"
    else:
        is_error(answer, 400)


@pytest.mark.parametrize("query", ["lighthouse AND NOT granite", "title:lighthouse", "-lighthouse",
                                   '"lighthouse" granite"'])
def test_query_syntax_is_only_words(service, facts, query):
    results = service.search(facts.store, query, ranking_options={"ranker": "lexical"})
    assert results and results[0]["page"] == facts.pages[0]


@pytest.mark.parametrize("words", [20_000, 200_000])
def test_query_of_100_kb_and_more(service, facts, words):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search",
                               json={"query": pdfs.filler("long query", words)})
    if answer.status_code != 200:
        is_error(answer, 400, param="query")
    one_word = service.http.post(f"/v1/vector_stores/{facts.store}/search",
                                 json={"query": "x" * 5 * words})
    if one_word.status_code != 200:
        is_error(one_word, 400, param="query")


@pytest.mark.parametrize("query", ["", "   ", "\n\t", [], [""], ["", "  "]])
def test_empty_query(service, facts, query):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search", json={"query": query})
    is_error(answer, 400)


@pytest.mark.parametrize("body, param", [
    ({}, "query"), ({"query": None}, "query"), ({"query": 7}, "query"), ({"query": {}}, "query"),
    ({"query": [7]}, "query"), ({"query": True}, "query"),
    ({"query": "x", "max_num_results": 0}, "max_num_results"),
    ({"query": "x", "max_num_results": 51}, "max_num_results"),
    ({"query": "x", "max_num_results": -1}, "max_num_results"),
    ({"query": "x", "max_num_results": 1.5}, "max_num_results"),
    ({"query": "x", "max_num_results": "ten"}, "max_num_results"),
    ({"query": "x", "max_num_results": 10 ** 30}, "max_num_results"),
    ({"query": "x", "ranking_options": "auto"}, "ranking_options"),
    ({"query": "x", "ranking_options": {"ranker": "magic"}}, None),
    ({"query": "x", "ranking_options": {"ranker": 7}}, None),
    ({"query": "x", "ranking_options": {"score_threshold": "high"}}, None),
])
def test_wrong_types_and_numbers(service, facts, body, param):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search", json=body)
    is_error(answer, 400, param=param)


def test_many_queries_in_one(service, facts):
    answer = service.http.post(f"/v1/vector_stores/{facts.store}/search",
                               json={"query": ["lighthouse"] * 10_000})
    if answer.status_code != 200:
        is_error(answer, 400)
