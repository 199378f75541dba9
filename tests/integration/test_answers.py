"""Answers on the link `ask`, message by message: extractive ones, their citations, their one end."""

import json

import pytest

import pdfs
from link import Link

FOUND, DELTA, CITATION, ENDED = "answer_found", "answer_delta", "answer_citation", "answer_ended"


@pytest.fixture
def link(service):
    link = Link(f"ipc://{service.folder}/ask")
    yield link
    link.close()


def check_order(answer):
    """Found, then text and citations, then exactly one end."""
    assert answer.kinds[0] == FOUND and answer.kinds[-1] == ENDED, answer.kinds
    assert set(answer.kinds[1:-1]) <= {DELTA, CITATION}, answer.kinds


def check_citations(service, answer):
    """Each is a range of a page word for word, has boxes, and its mark stands in the text."""
    for citation in answer.citations:
        text = service.page(citation["file_id"], citation["page"])["text"]
        assert text[citation["start"]:citation["end"]] == citation["quote"]
        mark = f"[{citation['passage']}]"
        assert answer.text[citation["index"]:].startswith(mark), (answer.text, citation)
        passage = answer.found[citation["passage"] - 1]
        assert (passage["file_id"], passage["page"]) == (citation["file_id"], citation["page"])
        assert citation["boxes"] and all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in citation["boxes"])
    assert answer.end["citations"] == len(answer.citations)


@pytest.mark.parametrize("index", range(len(pdfs.FACTS)))
def test_an_extractive_answer_quotes_the_fact_first(service, facts, link, index):
    sentence, question = pdfs.FACTS[index]
    answer = link.answer(question, facts.store)
    check_order(answer)
    check_citations(service, answer)
    assert (answer.end["by"], answer.end["status"], answer.end["declined"]) == ("extractive", "completed", 0)
    assert 1 <= len(answer.citations) <= 5
    assert answer.citations[0]["quote"] == sentence, answer.text
    assert answer.citations[0]["page"] == facts.pages[index]
    assert answer.text.startswith(f"\u201c{sentence}\u201d [{answer.citations[0]['passage']}]")


def test_what_the_documents_do_not_say(service, facts, link):
    answer = link.answer("How many seats has the parliament of Iceland?", facts.store)
    check_order(answer)
    check_citations(service, answer)
    assert answer.end["declined"] == 1 and answer.end["status"] == "completed"
    assert answer.text.startswith("The documents do not say. The nearest passages:\n\n")


def test_an_empty_store_does_not_say(service, store, link):
    answer = link.answer("Who has to sign large invoices?", store)
    assert answer.found == [] and answer.text == "The documents do not say."
    assert answer.end["declined"] == 1


def test_what_is_still_being_read_may_say_it(without_embedder):
    """In every API: the answer's text, and a field."""
    service, store, file_id = without_embedder
    fact, question = pdfs.FACTS[1]
    said = "The documents do not say. 1 file is still being read."
    link = Link(f"ipc://{service.folder}/ask")
    answer = link.answer("How many seats has the parliament of Iceland?", store)
    assert answer.end["declined"] == 1 and answer.end["files_reading"] == 1
    assert answer.text == said
    other = link.answer(question, store, filters='{"type": "ne", "key": "file_id", "value": "%s"}' % file_id)
    assert (other.text, other.end["files_reading"]) == ("The documents do not say.", 0)
    answer = link.answer(question, store)
    assert fact in answer.text and answer.end["files_reading"] == 1 and "still being read" not in answer.text
    link.close()
    client = service.openai
    response = client.responses.create(model="quire", input="Who governs Iceland?", store=False, tools=[
        {"type": "file_search", "vector_store_ids": [store]}])
    assert response.output_text.startswith(said) and response.quire["files_reading"] == 1
    completion = client.chat.completions.create(model=f"quire/{store}", messages=[
        {"role": "user", "content": "Who governs Iceland?"}])
    assert completion.choices[0].message.content.startswith(said) and completion.quire["files_reading"] == 1


def test_a_question_that_points_back(facts, link):
    turns = [{"role": "user", "content": pdfs.FACTS[7][1]},
             {"role": "assistant", "content": "In November."},
             {"role": "user", "content": "And why?"}]
    answer = link.answer(turns, facts.store)
    assert answer.found[0]["page"] == facts.pages[7]
    assert answer.citations[0]["quote"] == pdfs.FACTS[7][0]


def test_several_stores(service, facts, link, store):
    other = service.add(pdfs.text_book(["The harbour office opens at six."]).pdf(), "harbour.pdf", store)
    stores = [facts.store, store]
    assert link.answer("When does the harbour office open?", stores).citations[0]["file_id"] == other
    answer = link.answer(pdfs.FACTS[2][1], stores)
    assert answer.citations[0]["quote"] == pdfs.FACTS[2][0]
    scores = [passage["score"] for passage in answer.found]
    assert scores == sorted(scores, reverse=True) and len(scores) <= 10


@pytest.mark.parametrize("wrong, error, param", [
    ({"limit": 0}, "max_num_results", "max_num_results"),
    ({"filters": "{"}, "filter", "filters"),
    ({"ranker": "best"}, "ranker", "ranking_options"),
    ({"store": []}, "vector stores", "vector_store_ids"),
    ({"store": "vs_none"}, "No such vector store", ""),
    ({"question": []}, "at least one", "input"),
    ({"question": [{"role": "user", "content": " "}]}, "empty", "input"),
    ({"question": [{"role": "assistant", "content": "x"}]}, "user's question", "input"),
    ({"question": [{"role": "robot", "content": "x"}]}, "role", "input"),
    ({"question": [{"role": "user", "content": 5}]}, "content", "input"),
])
def test_what_cannot_begin_is_refused_once(facts, link, wrong, error, param):
    answer = link.answer(**{"question": "Who?", "store": facts.store, **wrong})
    assert answer.kinds == ["request_failed"]
    assert error in answer.end["message"] and answer.end["param"] == param


def test_cancelled_answers_end_once(facts, link):
    requests = [link.begin_answer(pdfs.FACTS[i % 10][1], facts.store) for i in range(20)]
    for request in requests:
        link.cancel(request)
        link.cancel(request)
    for request in requests:
        link.end_answer(request)
    link.turn_until_silent(0.5)
    for request in requests:
        kinds = [message["name"] for message in link.messages(request)]
        assert kinds.count(ENDED) == 1 and kinds[-1] == ENDED, kinds
    ends = [link.messages(request)[-1]["status"] for request in requests]
    assert set(ends) <= {"cancelled", "completed"} and "cancelled" in ends, ends


def test_a_repeated_request_is_answered_once(facts, link):
    request = link.begin_answer(pdfs.FACTS[0][1], facts.store)
    link.last_request -= 1
    assert link.begin_answer(pdfs.FACTS[0][1], facts.store) == request
    link.end_answer(request)
    link.turn_until_silent(0.5)
    kinds = [message["name"] for message in link.messages(request)]
    assert kinds.count(ENDED) in (1, 2) and kinds.count(FOUND) == kinds.count(ENDED), kinds


def test_a_gateway_that_is_lost_leaves_the_answerer_well(service, facts):
    lost = Link(f"ipc://{service.folder}/ask")
    for _ in range(10):
        lost.begin_answer(pdfs.FACTS[1][1], facts.store)
    lost.vanish()
    link = Link(f"ipc://{service.folder}/ask")
    assert link.answer(pdfs.FACTS[1][1], facts.store).end["status"] == "completed"
    link.close()


def test_responses_are_stored_as_a_chain(link):
    def put(number, previous=""):
        answer = link.ask("put_response", response_id=f"resp_{number}", previous_id=previous, created=number,
                          response=json.dumps({"id": f"resp_{number}"}), input=json.dumps([number]))
        assert answer["name"] == "result", answer

    def chain(number, limit=100):
        answer = link.ask("get_response", response_id=f"resp_{number}", limit=limit)
        if answer["name"] == "request_failed":
            return answer["message"]
        return [(one["response"]["id"], one["input"]) for one in json.loads(answer["json"])["data"]]

    put(1)
    put(2, "resp_1")
    put(3, "resp_2")
    assert chain(3) == [("resp_3", [3]), ("resp_2", [2]), ("resp_1", [1])]
    assert chain(3, 1) == [("resp_3", [3])]
    assert json.loads(link.ask("delete_response", response_id="resp_2")["json"])["deleted"] is True
    assert chain(3) == [("resp_3", [3])]
    assert "No such response" in chain(2)
    assert link.ask("delete_response", response_id="resp_2")["name"] == "request_failed"
    assert link.ask("put_response", response_id="", response="{}", input="[]")["name"] == "request_failed"
