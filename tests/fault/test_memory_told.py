"""What the gateway has no memory for it tells: a counter for each request and connection, a line of the log
for the first and then once a minute, and 503 to the client where that can be."""

import collections
import socket

from raw_http import connect, read_answer
from service import wait_until
from test_memory import Allocation, failing_malloc   # noqa: F401  (a fixture)

EVERY = 37
REFUSED = 5
PATIENCE_S = 60
METRIC = ("quire_http_no_memory_total", "gateway")


def ask(service):
    """One request on a connection of its own: its status, None when it was only closed."""
    try:
        with connect(service) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return read_answer(connection)[0]
    except (ConnectionError, socket.timeout):
        return None


def refuse_some(service, allocation):
    """Asks until some were refused. Returns how often each status came, or None: the gateway has ended
    meanwhile, as ZeroMQ does without memory."""
    wait_until(lambda: ask(service) == 200, PATIENCE_S, "the gateway to answer")
    answers = collections.Counter()
    allocation.fail(EVERY)
    try:
        while answers[503] < REFUSED:
            answers[ask(service)] += 1
            if service.dead():
                return None
    finally:
        allocation.fail(0)
    return answers


def test_want_of_memory_is_told(new_service, failing_malloc, tmp_path):   # noqa: F811
    allocation = Allocation(tmp_path / "allocation")
    service = new_service(settings={"LD_PRELOAD": failing_malloc, "FAULT_ROLE": "quire-gateway",
                                    "FAULT_FILE": allocation.path}, roles=("gateway",)).start()

    def refused():
        answers = refuse_some(service, allocation)
        if answers is None:
            service.restart_dead()
        return answers

    answers = wait_until(refused, PATIENCE_S, "requests to be refused")
    log = service.log_text("gateway").rsplit("info gateway started", 1)[1]
    told = service.metrics()[METRIC]
    print(f"{dict(answers)}, {told:.0f} counted")
    service.assert_dead()
    # Each that was refused or cut is counted. (429: there was no memory to count its address' connections.)
    assert answers[503] + answers[None] <= told <= allocation.failures()
    lines = [line for line in log.splitlines() if "warning gateway memory_short" in line]
    assert "refused_or_cut=1 " in lines[0]
    assert len(lines) <= 2, "more than one a minute"
    assert service.http.get("/healthz").status_code == 200
