"""A language model's server that is not there, that nobody can trust, or that never comes to an end: one
clear end each, and quotes from the documents instead of what it did not say."""

import socket
import ssl
import subprocess

import pytest

import pdfs
from fake_llm import FakeLLM, chunk, says
from link import Link
from service import free_port, wait_until
from test_answers import check_citations, check_order

FACT, QUESTION = pdfs.FACTS[0]


class Shelf:
    """A service with one file, whose answerer is started anew with each test's settings."""

    def __init__(self, service):
        self.service = service.start().wait_ready()
        self.store = service.new_store()
        service.add(pdfs.text_pdf([FACT]), "facts.pdf", self.store)

    def ask(self, url, **settings):
        self.service.settings = {"LLM_BASE_URL": url, "LLM_MODEL": "m", "LLM_API_KEY": "sk-secret", **settings}
        assert self.service.processes.pop("answerer").stop() == 0
        self.service.start_role("answerer")
        self.service.wait_ready()
        link = Link(f"ipc://{self.service.folder}/ask")
        answer = link.answer(QUESTION, self.store)
        link.close()
        check_order(answer)
        check_citations(self.service, answer)
        assert answer.citations[0]["quote"] == FACT
        return answer

    def wait_requests(self, count):
        """Its metrics come a little later."""
        wait_until(lambda: self.service.metrics()[("quire_llm_requests_total", "answerer")] == count, 10,
                   f"{count} requests to the model's server to be counted")


@pytest.fixture(scope="module")
def shelf(service_factory):
    service = service_factory()
    yield Shelf(service)
    service.close()


def check_replaced(answer, reason):
    """Not a word of the model: quotes, and the line that says why."""
    assert (answer.end["status"], answer.end["by"], answer.end["reason"]) == ("completed", "extractive", reason)
    assert answer.text.startswith(f"({answer.end['message']} These are quotes from the documents.)\n\n")


def test_nobody_listens(shelf):
    answer = shelf.ask(f"http://127.0.0.1:{free_port()}/v1")
    check_replaced(answer, "llm_unreachable")
    shelf.wait_requests(3)   # asked again twice


def test_the_connection_is_never_made(shelf):
    """What is sent to it is lost, as by a wall that drops it: its queue of connections is full."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        taken = [socket.socket() for _ in range(4)]
        for one in taken:
            one.setblocking(False)
            one.connect_ex(hole.getsockname())
        answer = shelf.ask(f"http://127.0.0.1:{hole.getsockname()[1]}/v1", QUIRE_LLM_FIRST_MS=500)
        for one in taken:
            one.close()
    check_replaced(answer, "llm_late")
    shelf.wait_requests(1)


def test_a_certificate_that_nobody_signed(shelf, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key",
                    "-out", tmp_path / "certificate"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    llm = FakeLLM(tls=tls)
    llm.will(says("It was built in 1874."))
    answer = shelf.ask(llm.url)
    llm.close()
    check_replaced(answer, "llm_certificate")
    shelf.wait_requests(1)
    assert llm.requests == [] and llm.failures == []   # not even the key was sent


def test_an_answer_that_takes_too_long_as_a_whole(shelf):
    """It always says something before the silence is too long."""
    def drips(connection):
        connection.head()
        connection.send(chunk("It was"))
        connection.socket.settimeout(0.1)
        while True:   # until it is hung up
            connection.send(chunk(" so"))
            try:
                if not connection.socket.recv(1):
                    raise BrokenPipeError
            except TimeoutError:
                pass
    llm = FakeLLM()
    llm.will(drips)
    answer = shelf.ask(llm.url, QUIRE_LLM_ANSWER_MS=1500)
    llm.close()
    assert (answer.end["status"], answer.end["by"], answer.end["reason"]) == ("incomplete", "llm", "llm_too_slow")
    assert answer.text.startswith("It was so")
    assert f"\n\n({answer.end['message']} These are quotes from the documents.)\n\n" in answer.text
    shelf.wait_requests(1)
    assert llm.hangups == 1 and llm.failures == []
