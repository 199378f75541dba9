"""A name server that takes every question and answers none: a role that waits for it stops as fast as
any other."""

import socket
import threading

import pytest

import pdfs
from docker import bridge_address, docker, wait_until

STOP_S = 5         # the system itself would wait for 10 or 20 s
ANSWER_S = 20
APART = {"QUIRE_GATEWAY_EXTRACT_BIND": "ipc:///tmp/extract", "QUIRE_GATEWAY_ASK_CONNECT": "ipc:///tmp/ask"}
NO_BOARD = {"REDIS_URL": "redis://127.0.0.1:6379"}


class SilentNameServer:
    def __init__(self, address):
        self.address, self.asked = address, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        while question := self.socket.recv(512):
            self.asked += question

    def wait_asked(self, name):
        wait_until(lambda: name in self.asked, ANSWER_S, f"{name} to be looked up")

    def close(self):
        self.socket.sendto(b"", (self.address, 53))   # ends the thread
        self.socket.close()


@pytest.fixture
def name_server():
    address = bridge_address()
    try:
        server = SilentNameServer(address)
    except OSError as error:
        pytest.skip(f"no name server can be had at {address}:53 ({error}): that takes root, on the engine's host")
    yield server
    server.close()


def assert_stops(container, role):
    docker("stop", "--time", STOP_S, container.name)
    assert container.state()["ExitCode"] == 0, "it had to be killed"
    assert f"info {role} stopped" in container.logs()


@pytest.mark.parametrize("name, settings", [
    (b"board", APART | {"REDIS_URL": "redis://board.example:6379"}),
    (b"answerer", APART | NO_BOARD | {"QUIRE_GATEWAY_ASK_CONNECT": "tcp://answerer.example:7864"}),
])
def test_gateway_that_waits_for_a_name_stops(new_container, name_server, name, settings):
    container = new_container("--dns", name_server.address, settings=settings, command=["gateway"]).start()
    name_server.wait_asked(name)
    wait_until(lambda: "gateway started" in container.logs(), ANSWER_S, "the gateway to start")
    assert_stops(container, "gateway")


def test_answerer_that_waits_for_its_language_models_name_stops(new_container, name_server):
    model = {"LLM_BASE_URL": "http://llm.example/v1", "LLM_MODEL": "any"}
    container = new_container("--dns", name_server.address, settings=model).start().wait_ready()
    container.add(pdfs.text_book([pdfs.FACTS[0][0]]).pdf(), "facts.pdf", "default")
    question = {"model": "quire", "input": pdfs.FACTS[0][1], "stream": True,
                "tools": [{"type": "file_search", "vector_store_ids": ["default"]}]}
    with container.http.stream("POST", "/v1/responses", json=question):
        name_server.wait_asked(b"llm")
        docker("stop", container.name)
    assert "info answerer stopped" in container.logs(), "it had to be killed"
