"""Progress as server-sent events."""

import json
import socket
import threading

import pytest

import pdfs
from service import Process, find_program, wait_until

PATIENCE_S = 60
IDLE_STREAMS = 200
COMMENT_S = 15       # silence after which a stream is sent a comment
ORDER = ["queued", "reading", "indexing", "completed"]


class Stream:
    """GET /v1/events, read on a thread until it is closed."""

    def __init__(self, service):
        self.events = []
        self.comments = 0
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_S)
        self.socket.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        self.reader = self.socket.makefile("rb")
        self.head = []
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            self.head.append(line.decode().lower())

    def follow(self):
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self

    def _read(self):
        kind = None
        try:
            for line in self.reader:   # chunk sizes stand on lines of their own
                text = line.decode().strip()
                if text.startswith("event:"):
                    kind = text[6:].strip()
                elif text.startswith("data:"):
                    self.events.append((kind, json.loads(text[5:])))
                elif text.startswith(":"):
                    self.comments += 1
        except (OSError, ValueError):
            pass

    def of(self, file_id):
        return [data for kind, data in list(self.events)
                if kind == "progress" and data["file_id"] == file_id]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


@pytest.fixture
def stream(service):
    stream = Stream(service).follow()
    yield stream
    stream.close()


def reaches(stream, file_id, state):
    wait_until(lambda: any(event["state"] == state for event in stream.of(file_id)), PATIENCE_S * 2,
               f"an event that says {state}")
    return stream.of(file_id)


def test_the_answer_is_an_event_stream(stream):
    assert " 200 " in stream.head[0]
    assert any(line.startswith("content-type: text/event-stream") for line in stream.head)


def test_events_follow_a_file_to_its_end(service, stream):
    texts, _ = pdfs.fact_pages(60, seed="events")
    file_id = service.upload(pdfs.text_pdf(texts), "watched.pdf")["id"]
    events = reaches(stream, file_id, "completed")
    states = [ORDER.index(event["state"]) for event in events]
    assert states == sorted(states)
    done = [event["pages_done"] for event in events]
    assert done == sorted(done) and done[-1] == 60
    last = events[-1]
    assert last["filename"] == "watched.pdf" and last["pages"] == 60
    assert last["chunks"] == last["vectors"] >= 60
    service.http.delete(f"/v1/files/{file_id}")


def test_events_tell_why_a_file_failed(service, stream):
    file_id = service.upload(b"these are only notes")["id"]
    assert "PDF" in reaches(stream, file_id, "failed")[-1]["reason"]
    service.http.delete(f"/v1/files/{file_id}")


def test_who_comes_later_is_told_of_what_is_under_way(new_service):
    service = new_service(roles=("answerer", "gateway", "embedder")).start()
    service.wait_missing("extractor")
    file_id = service.upload(pdfs.text_pdf(["One page."]), "waiting.pdf")["id"]
    stream = Stream(service).follow()
    wait_until(lambda: stream.of(file_id), PATIENCE_S, "the first event")
    assert stream.of(file_id)[0]["state"] == "queued"
    service.start_role("extractor")
    reaches(stream, file_id, "completed")
    stream.close()


def gateway_threads(service):
    status = open(f"/proc/{service.processes['gateway'].pid}/status").read()
    return int(status.split("Threads:")[1].split()[0])


def open_streams(service):
    return service.metrics().get(("quire_event_streams", "gateway"), 0)


def test_200_idle_streams_cost_no_thread_and_hinder_nobody(service, facts):
    threads, streams = gateway_threads(service), open_streams(service)
    idle = [Stream(service) for _ in range(IDLE_STREAMS)]
    assert all(" 200 " in stream.head[0] for stream in idle)
    assert open_streams(service) == streams + IDLE_STREAMS
    assert gateway_threads(service) <= threads + 8

    file_id = service.upload(pdfs.text_pdf([pdfs.FACTS[0][0]]), "beside.pdf")["id"]
    assert service.wait_file(file_id)["state"] == "completed"
    assert service.search(facts.store, pdfs.FACTS[0][1])[0]["page"] == facts.pages[0]
    watchers = [stream.follow() for stream in idle[::50]]
    for watcher in watchers:
        reaches(watcher, file_id, "completed")

    for stream in idle:
        stream.close()
    service.http.delete(f"/v1/files/{file_id}")   # an event finds out who is gone
    wait_until(lambda: open_streams(service) == streams, PATIENCE_S, "the streams to be closed")


def test_gone_streams_are_found_though_nothing_happens(service):
    streams = open_streams(service)
    watchers = [Stream(service) for _ in range(20)]
    assert open_streams(service) == streams + 20
    for stream in watchers:
        stream.close()
    wait_until(lambda: open_streams(service) == streams, COMMENT_S / 2, "the streams to be closed")


def test_few_descriptors_are_kept_for_who_does_not_only_watch(new_service):
    """The gateway may have 300 descriptors: streams leave room for requests and uploads."""
    service = new_service(roles=("answerer", "extractor", "embedder")).start()
    service.processes["gateway"] = Process(
        "gateway", ["sh", "-c", 'ulimit -n 300 && exec "$0"', find_program(service.build, "gateway")],
        service.log_path("gateway"), service.environment())
    service.wait_ready()
    assert "connections_capped connections=172" in service.log_text("gateway")
    streams = [Stream(service) for _ in range(160)]
    statuses = [stream.head[0].split()[1] for stream in streams]
    assert statuses == ["200"] * 86 + ["429"] * 74
    assert service.finish(pdfs.text_pdf(["A page."]))["state"] == "completed"
    for stream in streams:
        stream.close()
