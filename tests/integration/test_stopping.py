"""Roles that are told to end (SIGTERM) in the middle of what they are asked: they bring it to its end. A
role that has to be waited for is stopped (SIGSTOP) meanwhile, so that what is asked stays under way."""

import http.client
import json
import signal
from contextlib import ExitStack

import pytest

import pdfs
from conftest import traced_service
from raw_http import MULTIPART, connect, is_error_body, multipart, post, read_answer
from service import wait_until

PATIENCE_S = 60
SEARCHES = 3
LIGHTHOUSE, QUESTION = pdfs.FACTS[0]


@pytest.fixture(scope="module")
def traced():
    with traced_service("stopping") as service:
        yield service


@pytest.fixture
def service(traced):
    yield traced
    traced.restart_dead()
    traced.wait_ready()


class Said:
    """How often a role has logged something since this was made."""

    def __init__(self, service, role, text):
        self.count = lambda: service.log_text(role).count(text)
        self.before = self.count()

    def times(self):
        return self.count() - self.before

    def wait(self, times):
        wait_until(lambda: self.times() >= times, PATIENCE_S, f"it to be said {times} times")


def send(service, request):
    connection = connect(service)
    connection.sendall(request)
    return connection


def search(service):
    return send(service, post(f"/v1/vector_stores/{service.store}/search", json.dumps({"query": QUESTION}).encode(),
                              "application/json"))


def searches_under_way(service, stack):
    """Searches that the answerer, which is stopped, has been sent."""
    asked = Said(service, "gateway", "gateway -> answerer: search")
    connections = [stack.enter_context(search(service)) for _ in range(SEARCHES)]
    asked.wait(SEARCHES)
    return connections


def answer_of(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer, answer.read()


def assert_found(connection):
    answer, body = answer_of(connection)
    assert answer.status == 200, (answer.status, body)
    assert json.loads(body)["data"][0]["page"] == 1
    return answer


def is_closed(service):
    """Is the port not listened on any more?"""
    try:
        connect(service).close()
        return False
    except ConnectionRefusedError:
        return True


def temporary(service):
    return list((service.data / "files").glob(".tmp-*"))


def tell_to_end(service):
    service.processes["gateway"].signal(signal.SIGTERM)
    wait_until(lambda: is_closed(service), PATIENCE_S, "the port to be closed", every=0.01)


def end_of(service, role):
    process = service.processes[role]
    wait_until(lambda: not process.alive(), PATIENCE_S, f"the {role} to end", every=0.01)
    return process.take_end()


def test_the_gateway_answers_what_it_has(service):
    drained = Said(service, "gateway", "drained ")
    whole = Said(service, "gateway", " all=1")
    with ExitStack() as stack, service.processes["answerer"].frozen() as answerer:
        searches = searches_under_way(service, stack)
        tell_to_end(service)
        answerer.signal(signal.SIGCONT)
        for connection in searches:
            assert assert_found(connection).getheader("Connection") == "close"
        assert end_of(service, "gateway") == 0
    assert (drained.times(), whole.times()) == (1, 1)


def test_what_is_asked_over_an_open_connection_is_the_last(service):
    with ExitStack() as stack, service.processes["answerer"].frozen() as answerer:
        fresh = stack.enter_context(connect(service))
        stack.enter_context(search(service))
        fresh.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(fresh)[0] == 200
        tell_to_end(service)
        fresh.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer, _ = answer_of(fresh)
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert fresh.recv(1) == b""
        answerer.signal(signal.SIGCONT)
        assert end_of(service, "gateway") == 0


def test_what_has_no_end_is_ended(service):
    """A stream of progress, a connection that is asked nothing, an upload in the middle."""
    body = multipart(('name="file"; filename="a.pdf"', pdfs.text_pdf([LIGHTHOUSE])))
    form = post("/v1/files", body[:len(body) // 2], MULTIPART, len(body))
    with ExitStack() as stack:
        events = stack.enter_context(send(service, b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"))
        stream = http.client.HTTPResponse(events)
        stream.begin()
        assert stream.readline() == b": here\n"
        idle, upload = stack.enter_context(connect(service)), stack.enter_context(send(service, form))
        wait_until(lambda: temporary(service), PATIENCE_S, "the upload to be under way")
        tell_to_end(service)
        answer, told = answer_of(upload)
        assert answer.status == 503 and answer.getheader("Retry-After").isdigit(), told
        is_error_body(told, "role_away")
        upload.close()
        assert stream.read().strip() == b""   # to its end: a stream that was cut raises
        assert idle.recv(1) == b""
        assert end_of(service, "gateway") == 0
    assert not temporary(service)


def test_told_twice_it_ends_at_once(service):
    again = Said(service, "gateway", "told_again")
    with ExitStack() as stack, service.processes["answerer"].frozen():
        searches = searches_under_way(service, stack)
        tell_to_end(service)
        service.processes["gateway"].signal(signal.SIGTERM)
        for connection in searches:
            answer, body = answer_of(connection)
            assert answer.status == 503 and answer.getheader("Retry-After").isdigit(), body
        assert end_of(service, "gateway") == 0
    assert again.times() == 1


def test_the_answerer_answers_what_it_has(service):
    asked = Said(service, "gateway", "gateway -> answerer: search")
    waiting = Said(service, "answerer", "answerer -> embedder: embed_texts")
    with ExitStack() as stack, service.processes["embedder"].frozen() as embedder:
        searches = [stack.enter_context(search(service)) for _ in range(SEARCHES)]
        waiting.wait(1)
        asked.wait(SEARCHES)
        service.processes["answerer"].signal(signal.SIGTERM)
        embedder.signal(signal.SIGCONT)
        for connection in searches:
            assert_found(connection)
        assert end_of(service, "answerer") == 0
    assert asked.times() == SEARCHES, "what the answerer had was asked again"


def test_what_comes_too_late_for_an_answerer_goes_to_the_next(service):
    """Searches go on while it is replaced: none fails."""
    asked = Said(service, "gateway", "gateway -> answerer: search")
    with ExitStack() as stack:
        with service.processes["answerer"].frozen() as answerer:
            searches = searches_under_way(service, stack)
            answerer.signal(signal.SIGTERM)
        searches += [stack.enter_context(search(service)) for _ in range(SEARCHES)]
        assert end_of(service, "answerer") == 0
        service.restart_dead()
        for connection in searches:
            assert_found(connection)
    assert asked.times() >= 2 * SEARCHES
