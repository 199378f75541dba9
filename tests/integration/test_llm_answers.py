"""Answers that a language model writes: a scripted server, the whole chain, message by message."""

import json
import re
import threading

import pytest

import pdfs
from conftest import _new_service
from fake_llm import DONE, FakeLLM, chunk, event, fails, says, stream, usage
from link import Link
from service import wait_until
from test_answers import check_citations, check_order

KEY = "sk-canary-5e1f0c7b9a"
FIRST_MS, SILENCE_MS = 5000, 1000


class Chain:
    """A service with a fake language model, and a gateway of the test's own."""

    def __init__(self, new_service):
        self.llm = FakeLLM()
        self.service = new_service(settings={
            "LLM_BASE_URL": self.llm.url, "LLM_API_KEY": KEY, "LLM_MODEL": "fake-model",
            "QUIRE_LLM_FIRST_MS": FIRST_MS, "QUIRE_LLM_SILENCE_MS": SILENCE_MS, "QUIRE_LLM_ANSWER_MS": 20000,
            "QUIRE_TRACE": 1, "QUIRE_LOG_LEVEL": "debug"})
        self.service.start().wait_ready()
        texts, self.pages = pdfs.fact_pages(20)
        self.store = self.service.new_store("facts")
        self.file_id = self.service.add(pdfs.text_book(texts, "Facts of the coast").pdf(), "facts.pdf", self.store)
        self.link = Link(f"ipc://{self.service.folder}/ask")

    def ask(self, *plays, fact=0, question=None, **options):
        self.llm.will(*plays)
        return self.link.answer(question or pdfs.FACTS[fact][1], self.store, **options)

    def close(self):
        self.link.close()
        self.llm.close()


@pytest.fixture(scope="module")
def chain():
    chain = Chain(_new_service)
    yield chain
    chain.close()
    statuses = chain.service.stop()
    chain.service.close()
    assert set(statuses.values()) == {0}, f"a role did not end cleanly: {statuses}"


def fact(index):
    return pdfs.FACTS[index][0]


def number_of(answer, sentence):
    return next(number for number, passage in enumerate(answer.found, 1)
                if sentence in passage["content"][0]["text"])


def check(chain, answer):
    check_order(answer)
    check_citations(chain.service, answer)
    assert not chain.llm.failures, chain.llm.failures


def test_written_with_a_quote(chain):
    answer = chain.ask(says("It was built ", "in 1874 [1: \"built of grey granite in 1874\"", "]. It is high."))
    check(chain, answer)
    assert answer.text == "It was built in 1874 [1]. It is high."
    assert (answer.end["by"], answer.end["status"], answer.end["model"]) == ("llm", "completed", "fake-model")
    assert [c["quote"] for c in answer.citations] == ["built of grey granite in 1874"]
    assert answer.unsupported == ["It is high."]
    assert (answer.end["input_tokens"], answer.end["output_tokens"]) == (100, 20)


def test_the_request(chain):
    turns = [{"role": "system", "content": "Speak like a sailor."}, {"role": "user", "content": "Hello"},
             {"role": "assistant", "content": "Ahoy"}, {"role": "user", "content": pdfs.FACTS[0][1]}]
    answer = chain.ask(says("The documents do not say."), question=turns, instructions="Be brief.",
                       sampling=json.dumps({"max_tokens": 77, "temperature": 0.5, "stop": ["END"]}))
    assert answer.end["declined"] == 1 and answer.unsupported == []
    line, headers, body = chain.llm.requests[0]
    assert line.startswith("POST /v1/chat/completions ")
    assert headers["authorization"] == f"Bearer {KEY}" and headers["content-type"] == "application/json"
    assert body["model"] == "fake-model" and body["stream"] is True
    assert (body["max_tokens"], body["temperature"], body["stop"]) == (77, 0.5, ["END"])
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    system, last = body["messages"][0]["content"], body["messages"][-1]["content"]
    assert "Be brief." in system and "Speak like a sailor." in system and "data" in system
    assert last.endswith("Question: " + pdfs.FACTS[0][1])
    fences = re.findall(r'^<passage-([0-9a-f]{16}) number="(\d+)" file="facts.pdf" page="(\d+)">$', last, re.M)
    assert len({fence for fence, _, _ in fences}) == 1
    for _, number, page in fences:
        assert answer.found[int(number) - 1]["page"] == int(page)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_split_at_every_byte(chain, line_end):
    data = b": OPENROUTER PROCESSING\n\n: keep-alive\n" + stream("Spruce \U0001F332 from the valley ",
                                                                 '[1: "prefers spruce from the shaded side"].')

    def play(connection):
        connection.head()
        connection.send_bytewise(data.replace(b"\n", line_end))
    answer = chain.ask(play, fact=4)
    check(chain, answer)
    assert answer.text == f"Spruce \U0001F332 from the valley [{number_of(answer, fact(4))}]."
    assert len(answer.citations) == 1 and answer.end["status"] == "completed"


def test_rejected_quotes_and_wrong_numbers(chain):
    answer = chain.ask(says(
        'Alas [1: "built of pink granite in 1874"]. B [1: "%s"]. C [99: "grey granite"]. D [0: "x y"]. E [7].'
        % fact(2)), question="lighthouse granite marmalade treasurer")
    check(chain, answer)
    place = number_of(answer, fact(2))
    correct = number_of(answer, "grey granite")
    assert answer.text == f"Alas. B [{place}]. C [{correct}]. D. E."
    assert [c["quote"] for c in answer.citations] == [fact(2), "grey granite"]
    assert answer.end["quotes_rejected"] == 3
    assert answer.unsupported == ["Alas.", "D. E."]


def test_a_number_alone_needs_a_sentence_that_says_so(chain):
    answer = chain.ask(says("In 1874 [1]. The lighthouse was built of grey granite in 1874 [1]. In 1874 it was painted"
                            " red [1]. It was built of grey granite in 1875 [1]."))
    check(chain, answer)
    assert [c["quote"] for c in answer.citations] == [fact(0), fact(0)]
    assert answer.unsupported == ["In 1874 it was painted red.", "It was built of grey granite in 1875."]
    assert answer.end["quotes_rejected"] == 2


def test_no_mark_stays_that_was_not_checked(chain):
    answer = chain.ask(says("Red [0]. Tall [^1]. Old [1-3]. New [1\u2020source]. Dry \u30104:0\u2020source\u3011. Wet (1)."
                            " Far [facts.pdf, p. 3]. Built of granite in 1874 [Passage 1]. See `a[0]`."))
    check(chain, answer)
    assert answer.text == ("Red. Tall. Old. New. Dry. Wet. Far facts.pdf, p. 3. Built of granite in 1874 [1]."
                           " See `a[0]`.")
    assert [c["quote"] for c in answer.citations] == [fact(0)]
    assert answer.end["quotes_rejected"] == 9


def test_an_answer_without_support_is_marked(chain):
    """What the documents do say stands below it."""
    answer = chain.ask(says("The moon is made of cheese [1]."))
    check(chain, answer)
    assert answer.text.startswith("The moon is made of cheese.\n\n(No quote from the documents supports this answer."
                                  f" These are quotes from the documents.)\n\n\u201c{fact(0)}\u201d [")
    assert (answer.end["status"], answer.end["by"], answer.end["quotes_rejected"]) == ("completed", "llm", 1)
    assert answer.unsupported == ["The moon is made of cheese."] and answer.citations[0]["quote"] == fact(0)


def test_an_answer_without_support_when_the_documents_say_nothing(chain):
    answer = chain.ask(says("It has 63 seats."), question="How many seats has the parliament of Iceland?")
    check(chain, answer)
    assert answer.text == "It has 63 seats.\n\n(No quote from the documents supports this answer.)"
    assert (answer.end["status"], answer.end["declined"], answer.citations) == ("completed", 0, [])


def test_hidden_characters_go_both_ways(chain):
    hidden = "".join(map(chr, (0x200B, 0x202E, 0xFE0F, 0xFEFF, 0xE0041, 0xE0001)))
    answer = chain.ask(says(f"It was{hidden} built [1: \"built of{hidden} grey granite\"]."),
                       question=pdfs.FACTS[0][1] + hidden, instructions="Be" + hidden + " brief.")
    check(chain, answer)
    assert answer.text == "It was built [1]." and len(answer.citations) == 1
    assert not set(json.dumps(chain.llm.requests[0][2], ensure_ascii=False)) & set(hidden)


def test_pictures_and_links_do_not_work(chain):
    answer = chain.ask(says("See ![x](http://evil.example/?q=1) and [this](http://evil.example) <img src=x>."))
    check(chain, answer)
    assert "![" not in answer.text and "](" not in answer.text and "<img" not in answer.text
    assert "http://evil.example/?q=1" in answer.text


# -- trouble ----------------------------------------------------------------------------------------

def cut_before_text(connection):
    connection.head()


def cut_in_text(connection):
    connection.head()
    connection.send(chunk("It was built in"))


def stalls_before_text(connection):
    connection.head()
    connection.send(b": OPENROUTER PROCESSING\n\n")
    connection.await_hangup()


def stalls_in_text(connection):
    connection.head()
    connection.send(chunk("It was built in"))
    connection.await_hangup()


def never_answers(connection):
    connection.await_hangup()


def error_in_stream(connection):
    connection.head()
    connection.send(event({"error": {"code": 502, "message": "upstream"}}))


def error_in_text(connection):
    connection.head()
    connection.send(chunk("It was built in") + event({"error": {"code": 429, "message": "slow down"}}))


def no_event_stream(connection):
    connection.head(kind="text/html")
    connection.send(b"<html>Welcome</html>\n\n")


def malformed(connection):
    connection.head()
    connection.send(b"data: {nonsense\n\n")


def empty(connection):
    connection.head()
    connection.send(stream())


def endless_line(connection):
    connection.head()
    for _ in range(200):
        connection.send(b"data: " + b"x" * 65536 if _ == 0 else b"x" * 65536)


def endless_text(connection):
    connection.head()
    while True:   # until it is hung up
        connection.send(chunk("word " * 50))


def redirects(connection):
    connection.head(302, Location="http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize("play, reason, requests", [
    (fails(401), "llm_key_refused", 1), (fails(402), "llm_no_credit", 1), (fails(403), "llm_forbidden", 1),
    (fails(404), "llm_model_not_found", 1), (fails(400), "llm_rejected", 1), (fails(413), "llm_prompt_too_long", 1),
    (fails(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}), "llm_prompt_too_long", 1),
    (fails(429), "llm_busy", 3), (fails(429, Retry_After=3600), "llm_busy", 1), (fails(500), "llm_unwell", 3),
    (fails(503), "llm_unwell", 3), (fails(529), "llm_unwell", 3), (error_in_stream, "llm_unwell", 3),
    (cut_before_text, "llm_cut", 3),  (no_event_stream, "llm_bad_reply", 3), (malformed, "llm_bad_reply", 3), (empty, "llm_empty", 3),
    (endless_line, "llm_endless", 1), (redirects, "llm_bad_reply", 3),
], ids=lambda value: getattr(value, "__name__", None))
def test_trouble_before_the_text(chain, play, reason, requests):
    answer = chain.ask(play)
    check_order(answer)
    check_citations(chain.service, answer)
    assert answer.end["reason"] == reason, answer.end
    assert (answer.end["status"], answer.end["by"]) == ("completed", "extractive")
    assert answer.text.startswith(f"({answer.end['message']} These are quotes from the documents.)\n\n\u201c{fact(0)}")
    assert answer.citations[0]["quote"] == fact(0)
    assert len(chain.llm.requests) == requests


def test_no_text_in_time(chain):
    """Neither silence nor comments that say to wait go on for ever."""
    chain.llm.will(never_answers, stalls_before_text)
    requests = [chain.link.begin_answer(pdfs.FACTS[0][1], chain.store) for _ in range(2)]
    for request in requests:
        answer = chain.link.end_answer(request)
        assert (answer.end["status"], answer.end["by"], answer.end["reason"]) == ("completed", "extractive", "llm_late")
        assert answer.citations[0]["quote"] == fact(0)
    chain.link.wait_until(lambda: chain.llm.hangups == 2, 10, "the streams to be closed")


@pytest.mark.parametrize("play, reason", [
    (cut_in_text, "llm_cut"), (stalls_in_text, "llm_stalled"), (error_in_text, "llm_busy"),
], ids=lambda value: getattr(value, "__name__", None))
def test_trouble_in_the_text(chain, play, reason):
    answer = chain.ask(play)
    check_order(answer)
    check_citations(chain.service, answer)
    assert (answer.end["status"], answer.end["by"], answer.end["reason"]) == ("incomplete", "llm", reason)
    assert answer.text.startswith(f"It was built in\n\n({answer.end['message']} These are quotes")
    assert answer.citations[0]["quote"] == fact(0)
    assert len(chain.llm.requests) == 1


def test_an_endless_answer_is_cut(chain):
    answer = chain.ask(endless_text)
    check_order(answer)
    assert (answer.end["status"], answer.end["reason"]) == ("incomplete", "llm_endless")
    assert len(answer.text) < 300_000
    chain.link.wait_until(lambda: chain.llm.hangups == 1, 10, "the stream to be closed")


def test_retried_until_it_works(chain):
    answer = chain.ask(fails(503), fails(429, Retry_After=0), says('It was [1: "built of grey granite"].'))
    check(chain, answer)
    assert answer.text == "It was [1]." and answer.end["reason"] == ""
    assert len(chain.llm.requests) == 3


@pytest.mark.parametrize("tail", [b"", chunk(finish="stop"), chunk(finish="stop") + usage(), DONE[:-2]],
                         ids=["nothing", "finish", "finish and usage", "done without its line"])
def test_without_a_final_marker(chain, tail):
    def play(connection):
        connection.head()
        connection.send(chunk('It was [1: "built of grey granite"].') + tail)
    answer = chain.ask(play)
    check_order(answer)
    assert answer.text.startswith("It was [1].")
    assert answer.end["status"] == ("incomplete" if tail == b"" else "completed")


def test_malformed_utf8_is_replaced(chain):
    def play(connection):
        connection.head()
        connection.send(chunk("Built \u00e9 [1: \"built of grey granite\"].").replace(b"\\u00e9", b"\xff\xfe") +
                        chunk(finish="stop") + DONE)
    answer = chain.ask(play)
    check(chain, answer)
    assert answer.text == "Built \ufffd\ufffd [1]." and answer.end["status"] == "completed"


def test_one_json_object_instead_of_a_stream(chain):
    def play(connection):
        connection.head(kind="application/json")
        connection.send(json.dumps({"choices": [{"message": {"role": "assistant", "content":
                        'It was [1: "built of grey granite"].'}, "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 5, "completion_tokens": 6}}).encode())
    answer = chain.ask(play)
    check(chain, answer)
    assert answer.text == "It was [1]." and answer.end["output_tokens"] == 6


def test_ends_that_are_no_failure(chain):
    answer = chain.ask(says("It was built [1: \"built of grey granite\"]. And", finish="length"))
    assert (answer.end["status"], answer.end["reason"]) == ("incomplete", "max_output_tokens")

    def refuses(connection):
        connection.head()
        connection.send(event({"choices": [{"delta": {"refusal": "I can't help."}, "finish_reason": None}]}))
        connection.send(chunk(finish="stop") + DONE)
    answer = chain.ask(refuses)
    assert (answer.end["status"], answer.end["reason"], answer.text) == ("completed", "refusal", "I can't help.")

    answer = chain.ask(says("It was", finish="content_filter"))
    assert (answer.end["status"], answer.end["reason"]) == ("incomplete", "content_filter")


# -- nobody wants it any more -----------------------------------------------------------------------

def test_cancelled_answers_close_their_streams(chain):
    chain.llm.will(stalls_in_text)
    request = chain.link.begin_answer(pdfs.FACTS[0][1], chain.store)
    chain.link.wait_for(request, lambda messages: any(m["name"] == "answer_delta" for m in messages))
    chain.link.cancel(request)
    assert chain.link.end_answer(request).end["status"] == "cancelled"
    chain.link.wait_until(lambda: chain.llm.hangups == 1, 10, "the stream to be closed")
    chain.link.turn_until_silent(0.5)
    assert chain.link.messages(request)[-1]["name"] == "answer_ended"


def test_a_lost_gateway_closes_its_streams(chain):
    def stays(connection):
        connection.head()
        for _ in range(200):
            connection.send(chunk("word "))
            connection.socket.settimeout(0.1)
            try:
                if not connection.socket.recv(1):
                    raise BrokenPipeError
            except TimeoutError:
                pass
    chain.llm.will(stays)
    lost = Link(f"ipc://{chain.service.folder}/ask")
    request = lost.begin_answer(pdfs.FACTS[0][1], chain.store)
    lost.wait_for(request, lambda messages: any(m["name"] == "answer_delta" for m in messages))
    lost.vanish()
    wait_until(lambda: chain.llm.hangups == 1, 15, "the stream to be closed")


def test_a_slow_gateway_gets_everything(chain):
    """More messages than its queue holds, of which it reads none until all were said."""
    words = [f"word{number} " for number in range(6000)]
    said = threading.Event()

    def play(connection):
        connection.head()
        for word in words:
            connection.send(chunk(word))
        connection.send(stream('[1: "grey granite"].'))
        said.set()
    chain.llm.will(play)
    slow = Link(f"ipc://{chain.service.folder}/ask", most_queued=5)
    request = slow.begin_answer(pdfs.FACTS[0][1], chain.store)
    assert said.wait(20)
    answer = slow.end_answer(request)
    slow.close()
    check(chain, answer)
    assert answer.text == "".join(words) + "[1]." and len(answer.citations) == 1
    assert len(answer.messages) > 2000


def test_many_at_once(chain):
    """More than there may be streams: the others wait."""
    chain.llm.will(says('It was [1: "built of grey granite"].'))
    requests = [chain.link.begin_answer(pdfs.FACTS[0][1], chain.store) for _ in range(60)]
    answers = [chain.link.end_answer(request) for request in requests]
    assert {(answer.text, answer.end.get("status")) for answer in answers} == {("It was [1].", "completed")}
    chain.link.turn_until_silent(0.3)
    for request in requests:
        assert [m["name"] for m in chain.link.messages(request)].count("answer_ended") == 1


def test_wrong_sampling_is_refused(chain):
    for sampling, param in (({"temperature": 3}, "temperature"), ({"max_tokens": 0}, "max_tokens"),
                            ({"stop": [1]}, "stop"), ({"stop": ["a"] * 5}, "stop"), ({"logit_bias": {}}, "sampling"),
                            ({"max_tokens": 1.5}, "max_tokens"), ([], "sampling")):
        answer = chain.ask(says("x"), sampling=json.dumps(sampling))
        assert answer.kinds == ["request_failed"] and answer.end["param"] == param, sampling
    assert chain.llm.requests == []


@pytest.mark.parametrize("has_own_key", [True, False], ids=["own key", "no key"])
def test_whose_key_is_sent(new_service, tmp_path, has_own_key):
    """Another server's key may come from a file; OpenRouter's goes to no other server."""
    llm = FakeLLM()
    llm.will(says("The documents do not say."))
    settings = {"OPENROUTER_API_KEY": KEY, "LLM_BASE_URL": llm.url + "/", "LLM_MODEL": "m"}
    if has_own_key:
        (tmp_path / "key").write_text("sk-of-a-file\n")
        settings["LLM_API_KEY_FILE"] = tmp_path / "key"
    service = new_service(settings=settings).start().wait_ready()
    store = service.new_store()
    service.add(pdfs.text_book(["The harbour office opens at six."]).pdf(), "harbour.pdf", store)
    link = Link(f"ipc://{service.folder}/ask")
    assert link.answer("When does the harbour office open?", store).end["by"] == "llm"
    link.close()
    llm.close()
    line, headers, _ = llm.requests[0]
    assert line.startswith("POST /v1/chat/completions ")
    assert headers.get("authorization") == ("Bearer sk-of-a-file" if has_own_key else None)


@pytest.mark.parametrize("settings, said", [
    ({"LLM_BASE_URL": "ftp://x"}, "must begin with http:// or https://"),
    ({"LLM_BASE_URL": "http://127.0.0.1:9/v1"}, "LLM_MODEL must name a model"),
    ({"LLM_BASE_URL": "http://127.0.0.1:9/v1", "LLM_MODEL": "m" * 300}, "LLM_MODEL is longer"),
    ({"OPENROUTER_API_KEY": f"{KEY} {KEY}"}, "OPENROUTER_API_KEY holds a character that no key has"),
])
def test_settings_that_make_no_sense_are_said(new_service, settings, said):
    service = new_service(settings=settings, roles=("answerer",), redis_url="redis://127.0.0.1:1").start()
    assert service.processes["answerer"].child.wait(10) == 1
    log = service.log_text("answerer")
    assert said in log and KEY not in log


def test_what_is_counted_and_what_is_not_told(chain):
    """Last: the metrics of all that came before, and no key and no text of a document in any log."""
    def settled():
        metrics = chain.service.metrics()
        return metrics if metrics[("quire_llm_requests_total", "answerer")] > 100 \
            and metrics[("quire_answers_under_way", "answerer")] == 0 \
            and metrics[("quire_llm_streams_open", "answerer")] == 0 else None

    metrics = wait_until(settled, 15, "every answer to have ended")
    for name in ("answers", "answers_llm", "answers_extractive", "answers_cancelled", "citations", "quotes_rejected",
                 "llm_retries", "llm_failures", "llm_output_tokens", "answers_declined"):
        assert metrics[(f"quire_{name}_total", "answerer")] > 0, name
    for role in ("answerer", "gateway", "embedder", "extractor"):
        log = chain.service.log_text(role)
        assert KEY not in log and "granite" not in log and "evil.example" not in log
    assert KEY not in chain.service.http.get("/metrics").text


def test_a_number_alone_does_not_move_a_citation(chain):
    """It stands on many pages: the one that holds it need not be the one that was meant."""
    probe = chain.ask(says("x"))
    right = number_of(probe, "1874")
    wrong = next(number for number, passage in enumerate(probe.found, 1)
                 if "1874" not in chain.service.page(passage["file_id"], passage["page"])["text"])
    answer = chain.ask(says(f'It was built in 1874 [{wrong}: "1874"].'))
    check(chain, answer)
    assert answer.text.startswith("It was built in 1874.\n\n(No quote") and answer.end["quotes_rejected"] == 1
    answer = chain.ask(says(f'It was built in 1874 [{right}: "1874"].'))
    assert [citation["passage"] for citation in answer.citations] == [right]
