"""The file_search tool of /v1/responses with the stock client: every filter, ranking, what is answered
without an embedder, and how much may be asked."""

import pytest

import pdfs
from conftest import is_error

FILES = {
    "a.pdf": {"year": 2021, "kind": "report", "draft": False},
    "b.pdf": {"year": 2022, "kind": "report", "draft": True},
    "c.pdf": {"year": 2023, "kind": "letter", "draft": False},
    "d.pdf": {},
}


@pytest.fixture(scope="module")
def shelf(shared_service):
    service = shared_service
    store = service.new_store("searched")
    ids = {}
    for name, attributes in FILES.items():
        ids[name] = service.upload(pdfs.text_pdf([f"The harbour dues of {name} were paid."]), name)["id"]
        service.openai.vector_stores.files.create_and_poll(ids[name], vector_store_id=store, attributes=attributes,
                                                           poll_interval_ms=100)
    yield store
    service.http.delete(f"/v1/vector_stores/{store}")
    for file_id in ids.values():
        service.http.delete(f"/v1/files/{file_id}")


def results_of(service, store, question="Were the harbour dues paid?", **options):
    response = service.openai.responses.create(
        model="any", input=question, include=["file_search_call.results"],
        tools=[{"type": "file_search", "vector_store_ids": [store], **options}])
    assert response.status == "completed"
    return response.output[0].results


def compare(kind, key, value):
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize("filters, names", [
    (compare("eq", "kind", "report"), "ab"), (compare("eq", "draft", True), "b"),
    (compare("ne", "kind", "report"), "cd"), (compare("gt", "year", 2021), "bc"),
    (compare("gte", "year", 2022), "bc"), (compare("lt", "year", 2022), "a"),
    (compare("lte", "year", 2022), "ab"), (compare("in", "year", [2021, 2023]), "ac"),
    (compare("nin", "year", [2021, 2023]), "bd"), (compare("in", "kind", ["letter", "note"]), "c"),
    ({"type": "and", "filters": [compare("eq", "kind", "report"), compare("gt", "year", 2021)]}, "b"),
    ({"type": "or", "filters": [compare("eq", "kind", "letter"), compare("eq", "year", 2021)]}, "ac"),
    ({"type": "and", "filters": [compare("gte", "year", 2021), {"type": "or", "filters": [
        compare("eq", "draft", True), compare("eq", "kind", "letter")]}]}, "bc"),
])
def test_filters_in_answers_and_in_searches(service, shelf, filters, names):
    wanted = {f"{name}.pdf" for name in names}
    found = results_of(service, shelf, filters=filters, max_num_results=50)
    assert {result.filename for result in found} == wanted
    assert all(result.attributes == FILES[result.filename] for result in found)
    searched = service.openai.vector_stores.search(shelf, query="harbour dues", filters=filters, max_num_results=50)
    assert {result.filename for result in searched} == wanted


def test_score_threshold(service, shelf):
    scores = [result.score for result in results_of(service, shelf, max_num_results=4)]
    above = results_of(service, shelf, max_num_results=4, ranking_options={"score_threshold": scores[1]})
    assert 1 <= len(above) <= len(scores) and all(result.score >= scores[1] for result in above)
    assert len(above) == sum(score >= scores[1] for score in scores)
    assert results_of(service, shelf, "unheard of", ranking_options={"score_threshold": 1}) == []


@pytest.mark.parametrize("ranker", ["auto", "none", "default-2024-11-15", "fused", "lexical", "dense"])
def test_rankers(service, shelf, ranker):
    assert results_of(service, shelf, ranking_options={"ranker": ranker})


@pytest.mark.parametrize("options", [
    {"ranking_options": {"ranker": "best"}}, {"ranking_options": {"ranker": 1}},
    {"ranking_options": {"score_threshold": 1.5}}, {"ranking_options": {"score_threshold": "high"}},
])
def test_ranking_that_can_not_be(service, shelf, options):
    body = {"input": "What?", "tools": [{"type": "file_search", "vector_store_ids": [shelf], **options}]}
    is_error(service.http.post("/v1/responses", json=body), 400, "bad_field", "tools")
    is_error(service.http.post(f"/v1/vector_stores/{shelf}/search", json={"query": "What?", **options}), 400,
             "bad_field", "ranking_options")


def test_without_an_embedder_words_answer(without_embedder):
    service, store, file_id = without_embedder
    tools = [{"type": "file_search", "vector_store_ids": [store]}]
    response = service.openai.responses.create(model="any", input=pdfs.FACTS[1][1], tools=tools,
                                               include=["file_search_call.results"])
    assert response.status == "completed" and response.output[0].results[0].file_id == file_id
    assert pdfs.FACTS[1][0] in response.output_text
    assert response.output[1].content[0].annotations[0].file_id == file_id
    chat = service.openai.chat.completions.create(model=f"quire/{store}",
                                                  messages=[{"role": "user", "content": pdfs.FACTS[1][1]}])
    assert pdfs.FACTS[1][0] in chat.choices[0].message.content


# -- how much ----------------------------------------------------------------------------------------

MEGABYTE = 1 << 20


def test_a_question_of_a_megabyte(service, facts):
    tools = [{"type": "file_search", "vector_store_ids": [facts.store]}]
    question = pdfs.FACTS[0][1].ljust(MEGABYTE)
    response = service.openai.responses.create(model="any", input=question, tools=tools)
    assert response.status == "completed" and pdfs.FACTS[0][0] in response.output_text
    again = service.openai.responses.retrieve(response.id)
    assert again.output_text == response.output_text
    items = service.openai.responses.input_items.list(response.id).data
    assert len(items[0].content[0].text) == MEGABYTE


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
def test_five_megabytes_are_too_much(service, path):
    message = {"role": "user", "content": "x" * 5 * MEGABYTE}
    body = {"input": [message]} if path == "/v1/responses" else {"messages": [message], "model": "quire"}
    is_error(service.http.post(path, json=body), 413, "body_too_large")


def test_a_long_conversation_goes_on(service, facts):
    """Its stored responses are larger together than what is told of them at once."""
    tools = [{"type": "file_search", "vector_store_ids": [facts.store]}]
    filler = [{"role": "user", "content": "Once more. " * 95000}] * 3
    last = None
    for _ in range(6):
        last = service.openai.responses.create(model="any", tools=tools, previous_response_id=last and last.id,
                                               input=[*filler, {"role": "user", "content": pdfs.FACTS[0][1]}])
        assert last.status == "completed" and last.store
        assert pdfs.FACTS[0][0] in last.output_text, (last.output[0].queries, last.output_text)
