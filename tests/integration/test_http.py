"""The door: HTTP as it comes, right and wrong, big and slow."""

import http.client
import json
import socket

import pytest

import pdfs
from conftest import is_error
from raw_http import BOUNDARY, MULTIPART, connect, exchange, is_error_body, multipart, post, read_answer
from service import wait_until

PATIENCE_S = 60
SMALL_PDF = pdfs.text_pdf(["A short page."])


# -- connections ------------------------------------------------------------------------------------

def test_keep_alive(service):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
    connection.connect()
    used = connection.sock
    for path in ("/healthz", "/v1/models", "/v1/files/file-none", "/metrics", "/v1/nowhere"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.getheader("x-request-id")
    connection.request("POST", "/v1/vector_stores/default/search", '{"query": "a"}',
                       {"Content-Type": "application/json"})
    assert connection.getresponse().read()
    assert connection.sock is used
    connection.close()


def test_requests_sent_ahead_are_answered_in_order(service):
    with connect(service) as connection:
        connection.sendall(b"GET /v1/models/quire HTTP/1.1\r\nHost: x\r\n\r\n"
                           b"GET /v1/models/none HTTP/1.1\r\nHost: x\r\n\r\n")
        reader = connection.makefile("rb")
        statuses = []
        for _ in range(2):
            statuses.append(int(reader.readline().split()[1]))
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            reader.read(length)
        assert statuses == [200, 404]


def test_request_ids_differ(service):
    ids = {service.http.get("/healthz").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def shut_out(service, request_bytes):
    """The answer to a client that shuts its side, so that nothing waits; None: only closed."""
    with connect(service) as connection:
        try:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_answer(connection)


@pytest.mark.parametrize("request_bytes", [
    b"\r\n\r\n", b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00",
], ids=["nothing", "a-word", "a-method", "tls"])
def test_what_is_no_http_is_closed(service, request_bytes):
    assert shut_out(service, request_bytes) == (None, b"")


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/9.9\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", 431),
    (b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
    (b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
    (b"POST /v1/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    (b"POST /v1/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
], ids=["version", "no-host", "blank-before-colon", "huge-header", "huge-url", "many-headers",
        "negative-length", "endless-length", "unknown-coding", "broken-chunk"])
def test_heads_that_the_http_library_refuses(service, request_bytes, status):
    """Those that docs/api.md names: they never become a request, so their body is the library's."""
    answered, body = shut_out(service, request_bytes)
    assert answered == status and body.startswith(b"<html>")


@pytest.mark.parametrize("target", [b"/v1/files/%00%ff%2e%2e%2f", b"/v1/files/%zz", b"/v1/files/%ff"])
def test_targets_that_are_no_text(service, target):
    status, body = shut_out(service, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 400
    is_error_body(body, "bad_request")


@pytest.mark.parametrize("framing", [
    "Content-Length: 15\r\nContent-Length: 52", "Content-Length: 52\r\nContent-Length: 15",
    "Content-Length: 15\r\nContent-Length: 15", "Content-Length: 15\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 15",
])
def test_body_whose_end_is_said_twice(service, framing):
    """A proxy that believes the other word would take a part of the body for the next request."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(service) as connection:
        connection.sendall(f"POST /v1/vector_stores/default/search HTTP/1.1\r\nHost: x\r\n"
                           f"Content-Type: application/json\r\n{framing}\r\n\r\n".encode()
                           + b'{"query": "abc"}'[:15] + hidden)
        status, body = read_answer(connection)
        assert status == 400
        is_error_body(body, "bad_request")
        try:
            assert connection.recv(1) == b""   # closed: the rest is nobody's request
        except ConnectionResetError:
            pass


@pytest.mark.parametrize("head, status, code", [
    (b"GET /v1/files?after=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "url_too_long"),
    (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "url_too_long"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 431, "headers_too_large"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
], ids=["url", "longer-url", "header", "larger-header"])
def test_head_over_its_limit(service, head, status, code):
    answered, body = exchange(service, head)
    assert answered == status
    is_error_body(body, code)


def test_half_a_request_holds_nothing_up(service):
    idle = [connect(service) for _ in range(50)]
    for connection in idle:
        connection.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Le")
    assert service.http.get("/v1/files", params={"limit": 1}).status_code == 200
    for connection in idle:
        connection.close()


# -- paths and methods ------------------------------------------------------------------------------

@pytest.mark.parametrize("method, path, status", [
    ("GET", "/v1/nowhere", 404), ("GET", "/v1", 404), ("GET", "/v1/files/", 404),
    ("GET", "/v1/vector_stores/vs_none", 404), ("DELETE", "/v1/vector_stores/vs_none", 404),
    ("GET", "/v1/vector_stores/vs_none/files", 404), ("DELETE", "/v1/files/file-none", 404),
    ("GET", "/v1/vector_stores/default/files/file-none", 404),
    ("GET", "/v1/vector_stores/default/file_batches/vsfb_none", 404),
    ("GET", "/v1/files/" + "x" * 5000, 404), ("GET", "/v1/files/file-%F0%9F%90%A7", 404),
    ("PUT", "/v1/files", 405), ("DELETE", "/v1/models", 405), ("POST", "/healthz", 405),
    ("PATCH", "/v1/vector_stores/default", 405), ("GET", "/v1/embeddings", 405),
])
def test_unknown_ids_paths_and_methods(service, method, path, status):
    is_error(service.http.request(method, path), status)


@pytest.mark.parametrize("path, status", [
    ("/../../etc/passwd", 404), ("/web/../../../etc/passwd", 404), ("/v1/files/../../../etc/passwd", 404),
    ("/%2e%2e/%2e%2e/etc/passwd", 404), ("/..%2f..%2fetc/passwd", 404), ("/web/..\\..\\etc\\passwd", 404),
    ("/v1/files/..%2f..%2fstore.sqlite/content", 404), ("//etc/passwd", 404), ("/nowhere/../healthz", 404),
    ("/./healthz", 404), ("/%00/../../etc/passwd", 400),
])
def test_paths_lead_nowhere_else(service, path, status):
    """By hand, since a client takes the dots out of a path before it sends it."""
    answered, body = exchange(service, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answered == status, (answered, body)
    is_error_body(body)


@pytest.mark.parametrize("params", [
    {"limit": 0}, {"limit": -1}, {"limit": 10_001}, {"limit": "x"}, {"limit": "1e3"},
    {"limit": 10 ** 40}, {"order": "sideways"},
])
def test_lists_with_wrong_parameters(service, params):
    is_error(service.http.get("/v1/files", params=params), 400, param=next(iter(params)))


def test_lists_after_an_unknown_id(service):
    answer = service.http.get("/v1/files", params={"after": "file-none"})
    if answer.status_code != 200:
        assert answer.status_code in (400, 404)
        is_error(answer, answer.status_code)


# -- JSON -------------------------------------------------------------------------------------------

def send_json(service, text, path="/v1/vector_stores"):
    return service.http.post(path, content=text, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b'"text"', b"7", b"null", b"{'name': 'x'}", b'{"name": "x"} trailing',
    b'{"name": "\xff\xfe"}', b'{"name": NaN}', b'{"name": 1e}', b'{"name": "x",}',
    b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"name": "\\ud800"}',
], ids=range(16))
def test_json_that_is_none(service, text):
    is_error(send_json(service, text), 400)


@pytest.mark.parametrize("body", [
    {"name": 7}, {"name": ["x"]}, {"name": {"x": 1}}, {"file_ids": "file-none"}, {"file_ids": [7]},
    {"metadata": "x"}, {"metadata": []}, {"file_ids": {"a": 1}},
])
def test_json_with_wrong_types(service, body):
    error = is_error(service.http.post("/v1/vector_stores", json=body), 400)
    assert error["param"] == next(iter(body))


def test_store_with_a_file_that_is_not_there(service):
    before = service.http.get("/v1/vector_stores", params={"limit": 100}).json()["data"]
    answer = service.http.post("/v1/vector_stores", json={"file_ids": ["file-none"]})
    is_error(answer, answer.status_code)
    assert answer.status_code in (400, 404)
    assert service.http.get("/v1/vector_stores", params={"limit": 100}).json()["data"] == before


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5000, "0." + "3" * 5000, "1e-400"])
def test_json_with_huge_numbers(service, number):
    for text in (f'{{"query": "x", "max_num_results": {number}}}',
                 f'{{"query": "x", "ranking_options": {{"score_threshold": {number}}}}}',
                 f'{{"query": "x", "filters": {{"type":"eq","key":"a","value":{number}}}}}'):
        answer = send_json(service, text, "/v1/vector_stores/default/search")
        if answer.status_code != 200:
            is_error(answer, 400)


def test_json_of_another_type(service):
    answer = service.http.post("/v1/vector_stores", content=b"name=x",
                               headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 415)
    is_error(answer, answer.status_code)


@pytest.mark.parametrize("body", [
    {}, {"file_id": 7}, {"file_id": ""}, {"file_id": None}, {"file_id": "file-none"},
    {"file_id": "x" * 10_000},
])
def test_attach_what_is_no_file(service, store, body):
    answer = service.http.post(f"/v1/vector_stores/{store}/files", json=body)
    assert answer.status_code in (400, 404)
    is_error(answer, answer.status_code)


@pytest.mark.parametrize("attributes", [
    "x", [], {"k" * 65: 1}, {"k": "v" * 513}, {"k": {"nested": 1}}, {"k": [1]},
    {f"k{n}": n for n in range(17)},
])
def test_attributes_that_are_none(service, store, facts, attributes):
    answer = service.http.post(f"/v1/vector_stores/{store}/files",
                               json={"file_id": facts.file_id, "attributes": attributes})
    is_error(answer, 400)
    assert not service.http.get(f"/v1/vector_stores/{store}/files").json()["data"]


@pytest.mark.parametrize("body", [{}, {"file_ids": []}, {"file_ids": "x"}, {"file_ids": [7]},
                                  {"file_ids": ["file-none"]}, {"file_ids": ["x"] * 5000}])
def test_batches_of_nothing(service, store, body):
    answer = service.http.post(f"/v1/vector_stores/{store}/file_batches", json=body)
    assert answer.status_code in (400, 404)
    is_error(answer, answer.status_code)
    assert not service.http.get(f"/v1/vector_stores/{store}/files").json()["data"]


# -- uploads ----------------------------------------------------------------------------------------

def uploads_left(service):
    """Files in the folder of files whose name is no SHA-256: what uploads leave behind."""
    return [path.name for path in (service.data / "files").rglob("*")
            if path.is_file() and len(path.name) != 64]


@pytest.mark.parametrize("body, content_type", [
    (b"", MULTIPART), (b"nonsense", MULTIPART), (f"--{BOUNDARY}".encode(), MULTIPART),
    (f"--{BOUNDARY}--\r\n".encode(), MULTIPART),
    (multipart(('name="purpose"', b"assistants")), MULTIPART),
    (multipart(('name="file"; filename="a.pdf"', SMALL_PDF))[:-40], MULTIPART),
    (multipart(("", SMALL_PDF)), MULTIPART),
    (multipart(('name="file"; filename="a.pdf"', SMALL_PDF)), "multipart/form-data"),
    (multipart(('name="file"; filename="a.pdf"', SMALL_PDF)), "multipart/form-data; boundary="),
    (multipart(('name="file"; filename="a.pdf"', SMALL_PDF)), "multipart/form-data; boundary=other"),
    (multipart(('name="document"; filename="a.pdf"', SMALL_PDF)), MULTIPART),
    (multipart(('name="file"; filename="a.pdf"', SMALL_PDF), ('name="purpose"', b"world peace")),
     MULTIPART),
    (b'{"file": "x"}', "application/json"), (SMALL_PDF, "application/pdf"),
    (b"file=x", "application/x-www-form-urlencoded"),
], ids=["nothing", "nonsense", "only-boundary", "no-parts", "no-file", "cut-off", "no-name",
        "no-boundary", "empty-boundary", "other-boundary", "other-name", "unknown-purpose", "json",
        "bare-pdf", "form"])
def test_wrong_uploads(service, body, content_type):
    before = service.http.get("/v1/files").json()["data"]
    status, answer = exchange(service, post("/v1/files", body, content_type))
    assert status in (400, 415), (status, answer)
    is_error_body(answer)
    assert service.http.get("/v1/files").json()["data"] == before
    wait_until(lambda: not uploads_left(service), PATIENCE_S, "the upload's rest to be gone")


@pytest.mark.parametrize("field", ["purpose", "password"])
@pytest.mark.parametrize("size", [1023, 1024, 1_000_000])
def test_upload_with_a_long_field(service, field, size):
    answer = service.http.post("/v1/files", files={"file": ("a.pdf", SMALL_PDF)}, data={field: "x" * size})
    is_error(answer, 400, param=field)


def test_upload_with_many_parts(service):
    body = multipart(*[(f'name="f{n}"', b"x") for n in range(5000)],
                     ('name="file"; filename="a.pdf"', SMALL_PDF))
    status, answer = exchange(service, post("/v1/files", body, MULTIPART))
    assert status in (200, 400)
    if status == 200:
        service.http.delete(f"/v1/files/{json.loads(answer)['id']}")


@pytest.mark.parametrize("name", [b"nul\0byte.pdf", b"\xff\xfe bad utf-8.pdf", b"line\tbreak.pdf",
                                  b"x" * 5000 + b".pdf", b""])
def test_upload_with_a_strange_name(service, name):
    body = multipart(('name="file"; filename="NAME"', SMALL_PDF)).replace(b"NAME", name)
    status, answer = exchange(service, post("/v1/files", body, MULTIPART))
    if status == 200:
        file = json.loads(answer)
        assert isinstance(file["filename"], str) and "\0" not in file["filename"]
        assert service.wait_file(file["id"])["state"] == "completed"
        service.http.delete(f"/v1/files/{file['id']}")
    else:
        assert status == 400, (status, answer)
        is_error_body(answer)


def test_upload_in_chunks_of_unknown_length(service):
    """As `curl -T -` or a stream sends it."""
    body = multipart(('name="purpose"', b"assistants"), ('name="file"; filename="c.pdf"', SMALL_PDF))
    chunks = b"".join(f"{len(body[at:at + 700]):x}\r\n".encode() + body[at:at + 700] + b"\r\n"
                      for at in range(0, len(body), 700)) + b"0\r\n\r\n"
    status, answer = exchange(service, (
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: {MULTIPART}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n").encode() + chunks)
    assert status == 200, answer
    file_id = json.loads(answer)["id"]
    assert service.wait_file(file_id)["state"] == "completed"
    assert service.http.get(f"/v1/files/{file_id}/content").content == SMALL_PDF
    service.http.delete(f"/v1/files/{file_id}")


def test_upload_byte_by_byte(service):
    request = post("/v1/files", multipart(('name="file"; filename="s.pdf"', SMALL_PDF)), MULTIPART)
    with connect(service) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), 3):
            connection.sendall(request[at:at + 3])
        status, answer = read_answer(connection)
    assert status == 200, answer
    file_id = json.loads(answer)["id"]
    assert service.http.get(f"/v1/files/{file_id}/content").content == SMALL_PDF
    service.http.delete(f"/v1/files/{file_id}")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.98])
def test_upload_broken_off(service, part):
    before = service.http.get("/v1/files").json()["data"]
    large = pdfs.text_pdf([pdfs.filler(n, 200) for n in range(50)])
    request = post("/v1/files", multipart(('name="file"; filename="b.pdf"', large)), MULTIPART)
    with connect(service) as connection:
        connection.sendall(request[:int(len(request) * part)])
    wait_until(lambda: not uploads_left(service), PATIENCE_S, "the upload's rest to be gone")
    assert service.http.get("/v1/files").json()["data"] == before


def test_many_uploads_broken_off(service):
    request = post("/v1/files", multipart(('name="file"; filename="b.pdf"', SMALL_PDF)), MULTIPART)
    for _ in range(100):
        with connect(service) as connection:
            connection.sendall(request[:-30])
    wait_until(lambda: not uploads_left(service), PATIENCE_S, "the uploads' rests to be gone")


@pytest.fixture(scope="module")
def small_door(shared_service):
    """A service that takes 1 MB at most."""
    from conftest import _new_service
    service = _new_service(settings={"QUIRE_GATEWAY_MAX_UPLOAD_MB": 1})
    try:
        yield service.start().wait_ready()
    finally:
        service.close()


def test_body_over_the_limit_is_refused_before_it_is_read(small_door):
    """Nothing of the body is ever sent, and the answer comes all the same."""
    with connect(small_door) as connection:
        connection.sendall(post("/v1/files", b"", MULTIPART, length=50 << 20))
        status, answer = read_answer(connection)
    assert status == 413
    is_error_body(answer, "body_too_large")


def test_body_over_the_limit_that_asks_first(small_door):
    request = post("/v1/files", b"", MULTIPART, length=50 << 20).replace(
        b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    status, answer = exchange(small_door, request)
    assert status == 413
    is_error_body(answer, "body_too_large")


def test_body_over_the_limit_of_unknown_length(small_door):
    head = (f"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: {MULTIPART}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    start = multipart(('name="file"; filename="l.pdf"', b""))[:-20]
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    status, answer = exchange(small_door, head + f"{len(start):x}\r\n".encode() + start + b"\r\n"
                              + chunk * 64)
    assert status in (413, None)   # a closed connection when the answer could not be delivered
    if status:
        is_error_body(answer, "body_too_large")
    wait_until(lambda: not uploads_left(small_door), PATIENCE_S, "the upload's rest to be gone")
    small_door.wait_ready()


def test_body_just_under_the_limit(small_door):
    pdf = SMALL_PDF + b"\n" * (1_000_000 - len(SMALL_PDF))
    assert small_door.finish(pdf)["state"] == "completed"


def test_json_over_its_limit_is_refused_before_it_is_read(service):
    with connect(service) as connection:
        connection.sendall(post("/v1/vector_stores", b"", "application/json", length=64 << 20))
        status, answer = read_answer(connection)
    assert status == 413
    is_error_body(answer, "body_too_large")


# -- the web page -----------------------------------------------------------------------------------

@pytest.mark.parametrize("setting, ancestors", [
    (None, "'self'"), ("'self' https://huggingface.co https://*.hf.space",) * 2, ("'none'",) * 2])
def test_who_may_frame_the_page(new_service, setting, ancestors):
    settings = {"QUIRE_GATEWAY_FRAME_ANCESTORS": setting} if setting else {}
    service = new_service(settings=settings, roles=("gateway",)).start()
    wait_until(lambda: service.missing() is not None, PATIENCE_S, "the gateway to answer")
    policy = service.http.get("/").headers["content-security-policy"]
    assert f"frame-ancestors {ancestors};" in policy
