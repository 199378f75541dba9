"""What hostile clients do to the door at its usual settings, many at once: it goes on answering others,
and its memory stays below the ceiling that docs/operations.md names."""

import collections
import http.client
import re
import socket
import threading
import time

import pytest

import pdfs
from processes import resident_peak_bytes
from raw_http import MULTIPART, connect, multipart, post, read_answer
from service import wait_until

PATIENCE_S = 60
MEGABYTE = 1 << 20
HELD_MB, ASKED_MB, OWN_MB, CONNECTION_KB = 128, 64, 30, 64   # as docs/operations.md says
LIGHTHOUSE, QUESTION = pdfs.FACTS[0]
POURING = 50
ANSWER_S = 3       # within which a search is to be answered, whatever others do


@pytest.fixture
def door(new_service):
    service = new_service().start().wait_ready()
    service.add(pdfs.text_pdf([LIGHTHOUSE]), "a.pdf", "default")
    service.most_connections = 0
    yield service
    peak = resident_peak_bytes(service.processes["gateway"].pid)
    ceiling = (HELD_MB + ASKED_MB + OWN_MB) * MEGABYTE + service.most_connections * CONNECTION_KB * 1024
    print(f"gateway's peak {peak / MEGABYTE:.1f} MB, ceiling {ceiling / MEGABYTE:.1f} MB")
    assert peak < ceiling
    assert not service.dead()


def gateway(service, name):
    return service.metrics()[(f"quire_http_{name}", "gateway")]


def answers_in_time(service, tries=5):
    for _ in range(tries):
        begin = time.monotonic()
        found = service.search("default", QUESTION)
        assert found[0]["filename"] == "a.pdf"
        assert time.monotonic() - begin < ANSWER_S
    service.most_connections = max(service.most_connections, gateway(service, "connections"))


def end_all(service, connections):
    for connection in connections:
        connection.close()
    wait_until(lambda: gateway(service, "connections") <= 2, PATIENCE_S, "the connections to be gone")
    answers_in_time(service, 1)


def test_a_thousand_idle_connections(door):
    idle = [connect(door) for _ in range(1000)]
    wait_until(lambda: gateway(door, "connections") >= 1001, PATIENCE_S, "all to be there")
    answers_in_time(door)
    file_id = door.add(pdfs.text_pdf([LIGHTHOUSE]), "b.pdf")
    assert door.ledger(file_id)[0]["status"] == "text"
    for connection in idle[::100]:   # and each of them is still good for a request
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(connection)[0] == 200
    end_all(door, idle)


def test_a_thousand_half_heads(door):
    slow = [connect(door) for _ in range(1000)]
    for connection in slow:
        connection.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nX-Half: ")
    wait_until(lambda: gateway(door, "connections") >= 1001, PATIENCE_S, "all to be there")
    answers_in_time(door)
    # After the time that a request has, each is told so and gone; nothing has to be done for it.
    wait_until(lambda: gateway(door, "too_slow_total") == 1000, PATIENCE_S, "all to be given up")
    wait_until(lambda: gateway(door, "connections") <= 2, PATIENCE_S, "all to be gone")
    assert read_answer(slow[0])[0] == 408
    end_all(door, slow)


def at_once(door, count, act):
    """Runs act (number) in as many threads, begun together. Returns what they gave."""
    door.most_connections = max(door.most_connections, count)
    results, ready = [None] * count, threading.Barrier(count)

    def run(number):
        ready.wait()
        results[number] = act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_hundred_at_once(door):
    """Searches, uploads, pages and nonsense, each from a connection of its own; each is answered."""
    page = f"/v1/files/{door.http.get('/v1/files').json()['data'][0]['id']}/pages/1"
    search = post("/v1/vector_stores/default/search", b'{"query": "lighthouse"}', "application/json")

    def act(number):
        request, wanted = [
            (search, {200, 429}),
            (post("/v1/files", multipart((f'name="file"; filename="{number}.pdf"',
                                          pdfs.text_pdf([str(number)]))), MULTIPART), {200}),
            (f"GET {page} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), {200}),
            (post("/v1/vector_stores", b"{", "application/json"), {400}),
        ][number % 4]
        with socket.create_connection(("127.0.0.1", door.port), timeout=PATIENCE_S) as connection:
            connection.sendall(request)
            return read_answer(connection)[0] in wanted

    assert at_once(door, 200, act) == [True] * 200
    answers_in_time(door)
    assert len(door.http.get("/v1/files").json()["data"]) == 51


def pour(door, head, piece, count):
    """So many clients send their head, and then the piece as fast as they can until they are stopped.
    Returns the status that each was answered with; None: it was only closed."""
    def act(_):
        with socket.create_connection(("127.0.0.1", door.port), timeout=PATIENCE_S) as connection:
            try:
                connection.sendall(head)
                while True:
                    connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                return answer.status
            except (http.client.HTTPException, OSError):
                return None

    pouring = []
    thread = threading.Thread(target=lambda: pouring.extend(at_once(door, count, act)))
    thread.start()
    while thread.is_alive():
        answers_in_time(door, 1)
    return pouring


CHUNKS = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.mark.parametrize("head, piece, wanted", [
    (b"POST /v1/vector_stores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", CHUNKS, {413, 429}),
    (b"POST /v1/nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNKS, {404}),
    (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-Bomb: " + b"y" * 1000 + b"\r\n", {431}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX-Bomb: ", b"y" * 4096, {431}),
    (b"GET /", b"a" * 4096, {414}),
], ids=["chunks", "chunks-nowhere", "headers", "header", "url"])
def test_what_never_ends(door, head, piece, wanted):
    statuses = pour(door, head, piece, POURING)
    print(dict(collections.Counter(statuses)))
    assert set(statuses) <= wanted, statuses   # none was only closed
    wait_until(lambda: gateway(door, "held_bytes") == 0, PATIENCE_S, "what came to be given up")
    answers_in_time(door)


def test_a_thousand_requests_sent_ahead(door):
    """On one connection, nothing read until all are sent; each is answered, in order."""
    with connect(door) as connection:
        connection.sendall(b"".join(b"GET /v1/models/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number
                                    for number in range(999)) + b"GET /v1/models/quire HTTP/1.1\r\n"
                           b"Host: x\r\nConnection: close\r\n\r\n")
        answers = connection.makefile("rb").read()
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answers)   # a body ends without a line end
    assert statuses == [b"404"] * 999 + [b"200"]
    answers_in_time(door)


def test_two_hundred_large_bodies_at_once(door):
    """Eight hundred megabytes of JSON, of a kind that takes eight times as much when it is read."""
    body = b'{"a":[' + b"0," * 2_000_000 + b"0]}"
    request = post("/v1/vector_stores", body, "application/json")

    def act(_):
        with socket.create_connection(("127.0.0.1", door.port), timeout=PATIENCE_S) as connection:
            try:
                connection.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_answer(connection)[0]

    statuses = at_once(door, 200, act)
    assert set(statuses) <= {200, 429, None} and {200, 429} <= set(statuses)
    wait_until(lambda: gateway(door, "held_bytes") == 0, PATIENCE_S, "the bodies to be given up")
    answers_in_time(door)
