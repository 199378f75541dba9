"""/v1/responses with the stock client: whole and streamed, citations, what is stored, what is refused."""

import json
import re
import socket
import threading

import openai
import pytest

import pdfs
from conftest import _new_service, is_error
from fake_llm import FakeLLM, chunk, fails, says
from service import wait_until

QUESTION, SENTENCE = pdfs.FACTS[0][1], pdfs.FACTS[0][0]
ORDER = ["response.created", "response.in_progress", "response.output_item.added",
         "response.file_search_call.in_progress", "response.file_search_call.searching",
         "response.file_search_call.completed", "response.output_item.done", "response.output_item.added",
         "response.content_part.added"]
END = ["response.output_text.done", "response.content_part.done", "response.output_item.done",
       "response.completed"]
DELTA, CITED = "response.output_text.delta", "response.output_text.annotation.added"


def search_in(*stores, **options):
    return [{"type": "file_search", "vector_store_ids": list(stores), **options}]


@pytest.fixture
def ask(service, facts):
    def ask(question=QUESTION, **options):
        options.setdefault("tools", search_in(facts.store))
        return service.openai.responses.create(model="any", input=question, **options)
    return ask


def message_of(response):
    return next(item for item in response.output if item.type == "message")


def text_of(response):
    return message_of(response).content[0]


def check_citations(service, content):
    assert content.annotations
    for citation in content.annotations:
        text = service.page(citation.file_id, citation.page)["text"]
        assert text[citation.start:citation.end] == citation.quote
        assert content.text[citation.index:].startswith(f"[{citation.passage}]")
        assert citation.type == "file_citation" and citation.boxes


def test_whole(service, facts, ask):
    response = ask()
    assert response.status == "completed" and response.error is None and response.incomplete_details is None
    assert [item.type for item in response.output] == ["file_search_call", "message"]
    assert response.output[0].queries == [QUESTION] and response.output[0].results is None
    assert SENTENCE in response.output_text
    check_citations(service, text_of(response))
    first = text_of(response).annotations[0]
    assert (first.filename, first.page, first.quote) == ("facts.pdf", facts.pages[0], SENTENCE)
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.quire["by"] == "extractive" and response.quire["declined"] is False
    assert response.model == "any" and response.store is True


def test_results_when_included(ask):
    results = ask(include=["file_search_call.results"]).output[0].results
    assert results[0].filename == "facts.pdf" and SENTENCE in results[0].text
    assert 0 <= results[-1].score <= results[0].score <= 1


def test_limit_of_results(ask, facts):
    results = ask(include=["file_search_call.results"],
                  tools=search_in(facts.store, max_num_results=3)).output[0].results
    assert len(results) == 3


def test_filters_are_heeded(ask, facts):
    filters = {"type": "eq", "key": "filename", "value": "another.pdf"}
    response = ask(tools=search_in(facts.store, filters=filters), include=["file_search_call.results"])
    assert response.output[0].results == [] and response.quire["declined"] is True
    assert "do not say" in response.output_text


def test_streamed_in_order(service, ask):
    events = list(ask(stream=True))
    kinds = [event.type for event in events]
    assert kinds[:len(ORDER)] == ORDER and kinds[-len(END):] == END, kinds
    assert set(kinds[len(ORDER):-len(END)]) == {DELTA, CITED}
    assert [event.sequence_number for event in events] == list(range(len(events)))
    whole = "".join(event.delta for event in events if event.type == DELTA)
    final = events[-1].response
    assert final.output_text == whole == events[-4].text and SENTENCE in whole
    cited = [event.annotation for event in events if event.type == CITED]
    assert [dict(a) for a in cited] == [dict(a) for a in text_of(final).annotations]
    assert [e.annotation_index for e in events if e.type == CITED] == list(range(len(cited)))
    check_citations(service, text_of(final))
    items = {event.item.id for event in events if event.type.startswith("response.output_item")}
    assert items == {item.id for item in final.output}
    assert events[0].response.status == "in_progress" and events[0].response.id == final.id


def test_stream_helper_of_the_client(service, facts):
    with service.openai.responses.stream(model="any", input=QUESTION, tools=search_in(facts.store)) as running:
        kinds = [event.type for event in running]
        assert running.get_final_response().output_text.count(SENTENCE) == 1
    assert "response.completed" in kinds


def test_stored_and_deleted(service, ask):
    response = ask(metadata={"of": "test"}, instructions="Be brief.")
    again = service.openai.responses.retrieve(response.id)
    assert again.to_dict() == response.to_dict()
    assert again.metadata == {"of": "test"} and again.instructions == "Be brief."
    with_results = service.openai.responses.retrieve(response.id, include=["file_search_call.results"])
    assert SENTENCE in with_results.output[0].results[0].text
    service.openai.responses.delete(response.id)
    for gone in (service.http.get(f"/v1/responses/{response.id}"), service.http.delete(f"/v1/responses/{response.id}"),
                 service.http.get(f"/v1/responses/{response.id}/input_items"),
                 service.http.post(f"/v1/responses/{response.id}/cancel")):
        is_error(gone, 404, "response_not_found")


def test_not_stored(service, ask):
    response = ask(store=False)
    assert response.store is False
    is_error(service.http.get(f"/v1/responses/{response.id}"), 404, "response_not_found")
    is_error(service.http.post("/v1/responses", json={"input": "and?", "previous_response_id": response.id}), 404,
             "response_not_found", "previous_response_id")


def test_input_items(service, facts):
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hello, ask me."},
                {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]
    response = service.openai.responses.create(model="any", input=messages, tools=search_in(facts.store))
    items = list(service.openai.responses.input_items.list(response.id, order="asc"))
    assert [(item.role, item.content[0].text) for item in items] == [
        ("developer", "Be brief."), ("user", "Hello"), ("assistant", "Hello, ask me."), ("user", QUESTION)]
    first = service.http.get(f"/v1/responses/{response.id}/input_items", params={"limit": 3}).json()
    assert first["has_more"] and [item["id"] for item in first["data"]] == [item.id for item in items[:0:-1]]
    rest = service.http.get(f"/v1/responses/{response.id}/input_items",
                            params={"limit": 3, "after": first["last_id"]}).json()
    assert not rest["has_more"] and [item["id"] for item in rest["data"]] == [items[0].id]


def test_goes_on_from_a_response(service, facts, ask):
    first = ask()
    second = ask("And where does it stand?", previous_response_id=first.id, include=["file_search_call.results"])
    assert second.previous_response_id == first.id
    assert QUESTION in second.output[0].queries[0], "the question before stands in the search"
    assert SENTENCE in second.output[0].results[0].text
    by_hand = service.openai.responses.create(
        model="any", tools=search_in(facts.store),
        input=[{"role": "user", "content": QUESTION}, *[item.to_dict() for item in first.output],
               {"role": "user", "content": "And where does it stand?"}])
    assert by_hand.output_text == second.output_text


@pytest.mark.parametrize("change, param", [
    ({"input": []}, "input"), ({"input": 7}, "input"), ({"input": " "}, "input"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input"),
    ({"input": [{"role": "tool", "content": "x"}]}, "input"),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input"),
    ({"input": [{"role": "assistant", "content": "the last is not the user's"}]}, "input"),
    ({"tools": [{"type": "web_search"}]}, "tools"), ({"tools": [{"type": "file_search"}]}, "tools"),
    ({"tools": search_in("default", max_num_results=51)}, "tools"),
    ({"tools": search_in("default", surprise=1)}, "tools"),
    ({"tools": search_in(*["default"] * 9)}, "tools"),
    ({"tools": search_in("default", filters={"type": "near"})}, "filters"),
    ({"tool_choice": "none"}, "tool_choice"), ({"include": ["reasoning.encrypted_content"]}, "include"),
    ({"text": {"format": {"type": "json_object"}}}, "text"), ({"background": True}, "background"),
    ({"temperature": 3}, "temperature"), ({"stream": "yes"}, "stream"), ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"reasoning": {"effort": "low"}}, "reasoning"), ({"conversation": "conv_1"}, "conversation"),
    ({"surprise": 1}, "surprise"),
])
def test_what_is_refused(service, change, param):
    is_error(service.http.post("/v1/responses", json={"input": "What?", **change}), 400, None, param)
    is_error(service.http.post("/v1/responses", json={"input": "What?", **change, "stream": change.get("stream", True)}),
             400, None, param)


def test_no_such_store(service):
    answer = service.http.post("/v1/responses", json={"input": "What?", "tools": search_in("vs_missing")})
    is_error(answer, 404, "store_not_found")


def test_left_out_fields_may_be_null(service, facts):
    body = {"input": QUESTION, "tools": search_in(facts.store), "reasoning": None, "temperature": None, "stream": None}
    assert service.http.post("/v1/responses", json=body).status_code == 200


def test_without_tools_the_default_store_answers(service):
    response = service.openai.responses.create(model="any", input="What is a lighthouse of no name?")
    assert response.status == "completed" and response.tools == []


# -- with a language model ------------------------------------------------------------------------

CITED_TEXT = 'It is high [1: "31 metres high"].'


class Chain:
    """A service with a fake language model."""

    def __init__(self, new_service):
        self.llm = FakeLLM()
        self.service = new_service(settings={"LLM_BASE_URL": self.llm.url, "LLM_MODEL": "fake-model"})
        self.service.start().wait_ready()
        self.store = self.service.new_store("towers")
        self.service.add(pdfs.text_book(["The tower is 31 metres high."], "Tower").pdf(), "tower.pdf", self.store)

    def body(self, **fields):
        return {"input": "How high is the tower?", "tools": search_in(self.store), **fields}

    def under_way(self):
        return self.service.metrics()["quire_answers_under_way", "answerer"]


@pytest.fixture(scope="module")
def chain():
    chain = Chain(_new_service)
    yield chain
    chain.llm.close()
    chain.service.stop()
    chain.service.close()


def waits(begun, *texts):
    """The model says the texts, and then nothing until its client has gone."""
    def play(connection):
        connection.head()
        for text in texts:
            connection.send(chunk(text))
        begun.set()
        connection.await_hangup()
    return play


def test_llm_writes_it(chain):
    chain.llm.will(says(CITED_TEXT, " I made this up."))
    response = chain.service.openai.responses.create(
        model="any", input="How high is the tower?", tools=search_in(chain.store), instructions="Speak like a sailor.",
        temperature=0.5, max_output_tokens=77)
    assert response.output_text == "It is high [1]. I made this up."
    assert [a.quote for a in text_of(response).annotations] == ["31 metres high"]
    assert response.quire["by"] == "llm" and response.quire["model"] == "fake-model"
    assert [response.output_text[a:b] for a, b in response.quire["unsupported"]] == ["I made this up."]
    sent = chain.llm.requests[-1][2]
    assert (sent["temperature"], sent["max_tokens"]) == (0.5, 77)
    assert "Speak like a sailor." in json.dumps(sent["messages"])
    assert (response.usage.input_tokens, response.usage.output_tokens) == (100, 20)


def test_cut_short_by_max_tokens(chain):
    chain.llm.will(says("It is", finish="length"))
    events = list(chain.service.openai.responses.create(
        model="any", input="How high is the tower?", tools=search_in(chain.store), stream=True))
    assert events[-1].type == "response.incomplete" and events[-1].response.status == "incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"


def test_the_model_fails_and_quotes_answer(chain):
    chain.llm.will(fails(401))
    response = chain.service.openai.responses.create(model="any", input="How high is the tower?",
                                                     tools=search_in(chain.store))
    assert response.status == "completed" and response.quire["by"] == "extractive"
    assert response.quire["reason"] and response.quire["message"] and "31 metres high" in response.output_text


def test_cancelled_by_another(chain):
    begun = threading.Event()
    chain.llm.will(waits(begun, "It is "))
    with chain.service.http.stream("POST", "/v1/responses", json=chain.body(stream=True)) as answer:
        lines = answer.iter_lines()
        created = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
        begun.wait(20)
        url = f"/v1/responses/{created['response']['id']}"
        assert chain.service.http.get(url).json()["status"] == "in_progress"
        cancelled = chain.service.http.post(f"{url}/cancel")
        assert cancelled.status_code == 200 and cancelled.json()["status"] == "cancelled"
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert events[-1]["type"] == "response.incomplete" and events[-1]["response"]["status"] == "cancelled"
    wait_until(lambda: chain.llm.hangups, 20, "the model's stream to be closed")
    assert chain.service.http.get(url).json()["status"] == "cancelled"
    is_error(chain.service.http.post(f"{url}/cancel"), 400, None, "response_id")


def test_a_client_that_does_not_read(chain):
    """Its stream ends when too much waits for it, and so does the model's; nobody else is held up."""
    chain.llm.will(says(*["a "] * 40000))
    body = json.dumps(chain.body(stream=True)).encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", chain.service.port))
        client.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
        told = b""
        while not (found := re.search(rb'"id":"(resp_\w+)"', told)):
            told += client.recv(1024)
        url = f"/v1/responses/{found[1].decode()}"
        wait_until(lambda: chain.service.http.get(url).json()["status"] != "in_progress", 60, "the answer to be ended")
        stored = chain.service.http.get(url).json()
        assert stored["status"] == "failed" and "too slowly" in stored["error"]["message"], stored["quire"]
        while not told.endswith(b"0\r\n\r\n") and (more := client.recv(1 << 20)):
            told += more
    assert b"response.created" in told and b"response.completed" not in told
    chain.llm.will(says(CITED_TEXT))
    assert chain.service.http.post("/v1/responses", json=chain.body()).json()["status"] == "completed"


@pytest.mark.parametrize("streams", [True, False])
def test_client_goes_away(chain, streams):
    begun = threading.Event()
    chain.llm.will(waits(begun, "It is "))
    body = json.dumps(chain.body(stream=streams)).encode()
    with socket.create_connection(("127.0.0.1", chain.service.port)) as client:
        client.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
        begun.wait(20)
    wait_until(lambda: chain.llm.hangups, 20, "the model's stream to be closed")
    wait_until(lambda: chain.under_way() == 0, 20, "the answer to end")


def test_answerer_dies_in_the_middle(chain):
    begun = threading.Event()
    chain.llm.will(waits(begun, "It is "))
    with chain.service.http.stream("POST", "/v1/responses", json=chain.body(stream=True)) as answer:
        lines = answer.iter_lines()
        next(lines)
        begun.wait(20)
        chain.service.processes["answerer"].kill()
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    chain.service.restart_dead()
    chain.service.wait_ready()
    assert events[-1]["type"] == "response.failed", events[-1]["type"]
    assert events[-1]["response"]["error"]["message"]
    assert sum(event["type"].split(".")[-1] in ("completed", "failed", "incomplete")
               for event in events if event["type"].count(".") == 1) == 1


# -- chat -------------------------------------------------------------------------------------------

def chat(service, question=QUESTION, model="quire", **options):
    return service.openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], **options)


@pytest.mark.parametrize("by", ["id", "name"])
def test_chat_whole(service, store, facts, by):
    service.attach(store, facts.file_id)
    service.openai.vector_stores.update(store, name=f"shelf of {store}")
    completion = chat(service, model=f"quire/{store if by == 'id' else f'shelf of {store}'}")
    choice = completion.choices[0]
    assert choice.finish_reason == "stop" and choice.message.role == "assistant"
    assert SENTENCE in choice.message.content
    note = choice.message.annotations[0].to_dict()
    assert (note["quote"], note["page"], note["filename"]) == (SENTENCE, facts.pages[0], "facts.pdf")
    assert choice.message.content[note["index"]:].startswith(f"[{note['passage']}]")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion.object == "chat.completion" and completion.quire["by"] == "extractive"


def test_chat_streamed(service, facts):
    model = f"quire/{facts.store}"
    chunks = list(chat(service, model=model, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    whole = chat(service, model=model)
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    cited = [note for delta in deltas for note in getattr(delta, "annotations", None) or []]
    assert cited == [note.to_dict() for note in whole.choices[0].message.annotations]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices].index("stop") == len(deltas) - 1
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_chat_stream_ends_with_done(service, facts):
    body = {"model": f"quire/{facts.store}", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    answer = service.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"] == "text/event-stream"
    lines = [line for line in answer.text.splitlines() if line]
    assert lines[-1] == "data: [DONE]" and lines.count("data: [DONE]") == 1
    assert all(line.startswith("data: ") for line in lines)


def test_chat_passes_the_rest_on(chain):
    chain.llm.will(says("It is 31 metres."))
    completion = chain.service.openai.chat.completions.create(
        model="quire/towers", temperature=0.1, top_p=0.9, max_tokens=50, stop=["END"], seed=7, presence_penalty=0.5,
        frequency_penalty=-0.5, messages=[{"role": "system", "content": "Be a sailor."},
                                          {"role": "user", "content": "Hello"},
                                          {"role": "assistant", "content": "Ahoy"},
                                          {"role": "user", "content": "How high is the tower?"}])
    assert completion.choices[0].message.content.startswith("It is 31 metres.")
    assert completion.quire["unsupported"], "no passage was quoted"
    sent = chain.llm.requests[-1][2]
    wanted = {"temperature": 0.1, "top_p": 0.9, "max_tokens": 50, "stop": ["END"], "seed": 7, "presence_penalty": 0.5,
              "frequency_penalty": -0.5}
    assert {key: sent[key] for key in wanted} == wanted
    said = json.dumps(sent["messages"])
    assert "Be a sailor." in said and "Ahoy" in said


def test_chat_cut_short(chain):
    chain.llm.will(says("It is", finish="length"))
    assert chat(chain.service, "How high is the tower?", "quire/towers").choices[0].finish_reason == "length"


@pytest.mark.parametrize("change, param", [
    ({"messages": []}, "messages"), ({"messages": None}, "messages"), ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"),
    ({"tools": [{"type": "function"}]}, "tools"), ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages"), ({"store": True}, "store"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"), ({"stop": ["a"] * 5}, "stop"),
    ({"reasoning_effort": "low"}, "reasoning_effort"), ({"model": ""}, "model"), ({"surprise": 1}, "surprise"),
])
def test_what_chat_refuses(service, change, param):
    body = {"model": "quire", "messages": [{"role": "user", "content": "What?"}], **change}
    is_error(service.http.post("/v1/chat/completions", json=body), 400, None, param)


def test_chat_without_such_a_store(service):
    with pytest.raises(openai.NotFoundError) as refused:
        chat(service, model="quire/nowhere")
    assert refused.value.code == "store_not_found"
