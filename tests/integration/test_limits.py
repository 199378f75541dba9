"""Limits at the door: slow clients, many connections, many questions, memory."""

import socket
import time

import httpx
import pytest

import pdfs
from conftest import is_error
from processes import resident_peak_bytes
from raw_http import MULTIPART, connect, is_error_body, multipart, post, read_answer
from service import wait_until

PATIENCE_S = 60
REQUEST_S, IDLE_S = 1, 3
SLOW = {"QUIRE_GATEWAY_REQUEST_S": REQUEST_S, "QUIRE_GATEWAY_IDLE_S": IDLE_S}


def gateway_alone(new_service, **settings):
    """Enough for all that is answered before other roles are asked."""
    service = new_service(settings=settings, roles=("gateway",)).start()
    wait_until(lambda: service.missing() is not None, PATIENCE_S, "the gateway to answer")
    return service


def counted(service, name):
    return service.metrics()[(f"quire_http_{name}", "gateway")]


class Drip:
    """A client that sends what it begins with, and then byte by byte, for ever."""

    def __init__(self, service, start, more):
        self.begun = time.monotonic()
        self.more, self.at, self.answer, self.lasted = more, 0, b"", None
        self.connection = connect(service)
        self.connection.sendall(start)
        self.connection.settimeout(0)

    def turn(self):
        """Sends a byte and takes in what has come. Returns whether the other side has ended it."""
        if self.lasted is not None:
            return True
        try:
            if self.more:
                self.connection.send(self.more[self.at % len(self.more):][:1])
            self.at += 1
            piece = self.connection.recv(65536)
            self.answer += piece
            if piece:
                return False
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.lasted = time.monotonic() - self.begun
        self.connection.close()
        return True


# -- slow clients -----------------------------------------------------------------------------------

SLOW_HEAD = b"GET /v1/files HTTP/1.1\r\nHost: x\r\n"
SLOW_JSON = post("/v1/vector_stores", b"", "application/json", length=1 << 20)
SLOW_UPLOAD = post("/v1/files", b"", MULTIPART, length=1 << 20)
SLOW_CHUNKS = (f"POST /v1/vector_stores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n").encode()


# What it begins with, what drips, and the status of the answer: of what is refused by its head, that
# of the refusal.
DRIPS = {
    "head": (SLOW_HEAD, b"X-Drip: drip\r\n", 408),
    "json": (SLOW_JSON, b" ", 408),
    "chunks": (SLOW_CHUNKS, b"1\r\n \r\n", 408),
    "upload": (SLOW_UPLOAD, b"-", 408),
    "nowhere": (SLOW_UPLOAD.replace(b"/v1/files", b"/v1/no"), b"-", 404),
    "half a head and silence": (SLOW_HEAD, b"", 408),
    "first line": (b"GET ", b"/", None),
    "silence": (b"", b"", None),
}


def test_requests_that_drip_are_given_up(new_service):
    """Each has the request's time; who says less than a first line has the idle time."""
    service = new_service(settings=SLOW).start().wait_ready()
    drips = {name: Drip(service, start, more) for name, (start, more, _) in DRIPS.items()}
    wait_until(lambda: all([drip.turn() for drip in drips.values()]), PATIENCE_S, "all to be ended", every=0.1)
    for name, (_, _, status) in DRIPS.items():
        head, _, body = drips[name].answer.partition(b"\r\n\r\n")
        if status is None:
            assert head == b"" and drips[name].lasted > IDLE_S - 0.5, name
            continue
        assert REQUEST_S < drips[name].lasted < IDLE_S + 2, name
        assert int(head.split()[1]) == status and b"connection: close" in head.lower(), name
        is_error_body(body, {408: "request_too_slow", 404: "not_found"}[status])
    assert counted(service, "too_slow_total") == 6
    wait_until(lambda: counted(service, "connections") == 1, PATIENCE_S, "the connections to be gone")


def test_a_slow_line_is_no_attack(new_service):
    """A body that comes at more than the slowest rate may take longer than the request's time."""
    service = new_service(settings={"QUIRE_GATEWAY_REQUEST_S": 1}).start().wait_ready()
    body = multipart(('name="file"; filename="s.pdf"', pdfs.text_pdf(["slow"]) + b"\n" * 6000))
    request = post("/v1/files", body, MULTIPART)
    head = len(request) - len(body)
    begin = time.monotonic()
    with connect(service) as connection:
        connection.sendall(request[:head])
        for at in range(head, len(request), 400):
            connection.sendall(request[at:at + 400])
            time.sleep(0.1)
        assert time.monotonic() - begin > 1.5
        status, answer = read_answer(connection)
    assert status == 200, answer
    assert counted(service, "too_slow_total") == 0


# -- connections of one address ---------------------------------------------------------------------

def test_one_address_has_so_many_connections(new_service):
    service = gateway_alone(new_service, QUIRE_GATEWAY_ADDRESS_CONNECTIONS=10)
    service.http.close()
    time_up = time.monotonic() + PATIENCE_S
    mine = []
    while len(mine) < 10 and time.monotonic() < time_up:   # its own client's connection may still end
        connection = connect(service)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        if read_answer(connection)[0] == 200:
            mine.append(connection)
    assert len(mine) == 10
    with connect(service) as surplus:
        head = surplus.makefile("rb").read()   # told without having asked, and closed
    head, _, body = head.partition(b"\r\n\r\n")
    assert head.split()[1] == b"429" and b"retry-after: 2" in head.lower()
    is_error_body(body, "too_many_requests")
    mine.pop().close()
    def served():
        with connect(service) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            status, body = read_answer(connection)
            return status == 200 and body.decode()
    text = wait_until(served, PATIENCE_S, "the address to have room again")
    assert "quire_http_connections_refused_total" in text
    for connection in mine:
        connection.close()
    service.http = httpx.Client(base_url=service.url, timeout=60)


def test_a_flood_from_one_address_leaves_room_for_others(new_service):
    """Another address here: ::1 or 127.0.0.2, both are the same machine."""
    service = gateway_alone(new_service, QUIRE_GATEWAY_ADDRESS_CONNECTIONS=20,
                            QUIRE_GATEWAY_MAX_CONNECTIONS=100)
    flood = [connect(service) for _ in range(300)]
    with socket.socket() as other:
        other.bind(("127.0.0.2", 0))
        other.settimeout(PATIENCE_S)
        other.connect(("127.0.0.1", service.port))
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(other)[0] == 200
    for connection in flood:
        connection.close()
    service.wait_missing("answerer", "embedder", "extractor")
    assert counted(service, "connections_refused_total") >= 280


def test_a_trusted_proxy_has_as_many_as_it_wants(new_service):
    service = gateway_alone(new_service, QUIRE_GATEWAY_ADDRESS_CONNECTIONS=5,
                            QUIRE_GATEWAY_TRUSTED_PROXIES="127.0.0.0/8")
    many = [connect(service) for _ in range(50)]
    for connection in many:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(connection)[0] == 200
    for connection in many:
        connection.close()


# -- questions a minute -----------------------------------------------------------------------------

def ask(service, **headers):
    return service.http.post("/v1/vector_stores/default/search", json={"query": "x"}, headers={
        name.replace("_", "-"): value for name, value in headers.items()})


def is_limited(answer):
    is_error(answer, 429, "rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    return True


def test_questions_a_minute_of_an_address(new_service):
    service = new_service(settings={"QUIRE_GATEWAY_QUESTIONS_PER_MINUTE": 3}).start().wait_ready()
    assert [ask(service).status_code for _ in range(3)] == [200] * 3
    assert is_limited(ask(service))
    assert is_limited(service.http.post("/v1/embeddings", json={"model": "m", "input": "x"}))
    assert is_limited(ask(service, X_Forwarded_For="1.2.3.4"))   # nobody is believed
    assert service.http.get("/v1/files").status_code == 200      # no question
    assert counted(service, "rate_limited_total") == 3


def test_questions_a_minute_behind_a_trusted_proxy(new_service):
    service = new_service(settings={"QUIRE_GATEWAY_QUESTIONS_PER_MINUTE": 2,
                                    "QUIRE_GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}).start().wait_ready()
    for client in ("1.2.3.4", "2001:db8::1"):
        assert [ask(service, X_Forwarded_For=client).status_code for _ in range(2)] == [200] * 2
        assert is_limited(ask(service, X_Forwarded_For=client))
    assert is_limited(ask(service, X_Forwarded_For="6.6.6.6, 1.2.3.4"))   # what a client adds itself
    assert is_limited(ask(service, X_Forwarded_For="2001:db8::2"))        # the same /64
    assert ask(service, X_Forwarded_For="2001:db8:0:1::1").status_code == 200


def test_questions_a_minute_of_a_key(new_service):
    service = new_service(settings={"QUIRE_GATEWAY_QUESTIONS_PER_MINUTE": 2,
                                    "QUIRE_API_KEYS": "one,two"}).start().wait_ready()
    for key in ("one", "two"):
        assert [ask(service, Authorization=f"Bearer {key}").status_code for _ in range(2)] == [200] * 2
        assert is_limited(ask(service, Authorization=f"Bearer {key}"))
    is_error(ask(service, Authorization="Bearer three"), 401)


# -- Retry-After ------------------------------------------------------------------------------------

def test_who_is_to_come_back_is_told_when(new_service):
    """503 for want of the board or a role, each way that the gateway makes one."""
    service = gateway_alone(new_service, QUIRE_GATEWAY_ANSWER_S=1)
    service.processes["redis"].kill()
    wait_until(lambda: "redis" in service.missing(), PATIENCE_S, "the board to be missed")
    upload = service.http.post("/v1/files", files={"file": ("a.pdf", pdfs.text_pdf(["a"]))})
    is_error(upload, 503, "board_away")
    ready = service.http.get("/readyz")
    assert ready.status_code == 503
    listed = service.http.get("/v1/files")
    is_error(listed, 503, "role_away")
    for answer in (upload, ready, listed):
        assert int(answer.headers["retry-after"]) >= 1
    # Of a body that is cut off, the answer goes out past the HTTP library.
    head = (f"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: {MULTIPART}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    with connect(service) as connection:
        try:
            connection.sendall(head + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 32)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.makefile("rb").read(4096)
    assert answer.split()[1] == b"503" and b"\r\nretry-after:" in answer.lower()


# -- memory -----------------------------------------------------------------------------------------

MEGABYTE = 1 << 20
HELD_MB = 32
UNREAD = 120   # answers at once that nobody reads


def test_bodies_stay_under_the_ceiling(new_service):
    """A hundred clients leave a body of 4 MB, all but its end, with the gateway: 400 MB."""
    service = gateway_alone(new_service, QUIRE_GATEWAY_HELD_MB=HELD_MB)
    gateway = service.processes["gateway"]
    before = resident_peak_bytes(gateway.pid)
    size = 4 * MEGABYTE
    body = b'{"name": "' + b"x" * (size - 20)
    many, refused = [], 0
    for _ in range(100):
        connection = connect(service)
        many.append(connection)
        try:
            connection.sendall(post("/v1/vector_stores", body, "application/json", length=size))
        except (BrokenPipeError, ConnectionResetError):
            pass   # it was cut off, since it may not send so much to be thrown away
    for connection in many:
        connection.settimeout(0.2)
        try:
            refused += connection.recv(12).endswith(b"429")
        except (TimeoutError, ConnectionResetError):
            pass
    assert refused >= 80
    assert counted(service, "no_room_total") >= refused
    assert counted(service, "held_bytes") <= HELD_MB * MEGABYTE
    # Each connection has its buffer beside.
    assert resident_peak_bytes(gateway.pid) - before < HELD_MB * MEGABYTE + 100 * 65536 + 8 * MEGABYTE
    for connection in many:
        connection.close()
    wait_until(lambda: counted(service, "held_bytes") == 0, PATIENCE_S, "the bodies to be given up")


def test_answers_that_nobody_reads_stay_under_the_ceiling(new_service):
    """Clients ask a hundred times for a page's words and read nothing of the answers."""
    service = new_service(settings={"QUIRE_GATEWAY_HELD_MB": 8}).start().wait_ready()
    file_id = service.add(pdfs.text_pdf([pdfs.filler(1, 1500)]))
    gateway = service.processes["gateway"]
    path = f"/v1/files/{file_id}/pages/1"
    size = len(service.http.get(path).content)
    assert UNREAD * size > 8 * MEGABYTE, size
    before = resident_peak_bytes(gateway.pid)
    many = []
    for _ in range(UNREAD):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
        many.append(connection)
    wait_until(lambda: counted(service, "no_room_total") > 0, 4 * PATIENCE_S, "an answer to find no room")
    assert counted(service, "held_bytes") <= 8 * MEGABYTE
    assert resident_peak_bytes(gateway.pid) - before < 8 * MEGABYTE + UNREAD * 65536 + 16 * MEGABYTE
    for connection in many:
        connection.close()
    wait_until(lambda: counted(service, "held_bytes") == 0, PATIENCE_S, "the answers to be given up")


