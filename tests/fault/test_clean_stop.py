"""Fault 10: everything is told to end (SIGTERM) in the middle of its work."""

import signal
import sqlite3
import time

import kept
from counters import UNWANTED
from service import ROLES, wait_until
from uploads import Uploads

STOP_S = 10
FILES = 40
STOPS = 3
PAGES_BETWEEN = 10


def rows(service):
    """Every page and chunk by its number in the store, which a second making would change, and the
    chunks that have a vector."""
    store = sqlite3.connect(f"file:{service.data}/store.sqlite?mode=ro", uri=True)
    try:
        return {"pages": set(store.execute("SELECT number, file, page FROM pages")),
                "chunks": set(store.execute("SELECT id, page, start, end FROM chunks")),
                "vectors": set(store.execute("SELECT chunk, vector FROM vectors"))}
    finally:
        store.close()


def end_all(service):
    """SIGTERM to every role at once, then to Redis, as a supervisor does."""
    began = time.monotonic()
    for role in ROLES:
        service.processes[role].signal(signal.SIGTERM)
    statuses = {role: service.processes[role].child.wait(STOP_S) for role in ROLES}
    statuses["redis"] = service.processes["redis"].stop()
    service.processes.clear()
    assert set(statuses.values()) == {0}, statuses
    return time.monotonic() - began


def test_stop_in_the_middle(new_service, corpus, clean_run, counters):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service = new_service().start().wait_ready()
    uploads = Uploads(service)
    before = {"pages": set(), "chunks": set(), "vectors": set()}
    for stop in range(STOPS):
        uploads.add(documents[stop::STOPS])
        seen = counters(service)
        wait_until(lambda: len(rows(service)["pages"]) >= len(before["pages"]) + PAGES_BETWEEN, 60, "the reading to go on")
        took = end_all(service)
        seen.stop()
        after = rows(service)
        assert all(before[name] <= after[name] for name in before)
        print(f"stopped after {took:.1f} s with {len(after['pages'])} pages")
        before = after
        stopped = service.check_data("--quick")
        assert stopped.returncode == 0 and "vector index: its file" not in stopped.stdout, stopped.stdout
        service.start().wait_ready()
    seen = counters(service)
    files = kept.assert_finished(service, clean, uploads)
    after = rows(service)
    assert all(before[name] <= after[name] for name in before), "what was committed was done again"
    # What was committed before the last start was not even read again.
    pages, vectors = (len(after[name]) - len(before[name]) for name in ("pages", "vectors"))
    for counter, amount in (("pages_committed_total", pages), ("pages_read_total", pages),
                            ("texts_embedded_total", vectors), ("duplicates_ignored_total", 0),
                            ("tasks_redispatched_total", 0), ("pages_failed_total", 0), ("children_killed_total", 0)):
        seen.assert_total(counter, amount)
    kept.assert_found(service, documents, files)
    kept.assert_whole(service)


def test_the_whole_stop_under_the_supervisor(supervised, corpus, clean_run, counters):
    """Everything ends by itself: the supervisor kills what has not ended after 5 s, roles and then Redis,
    and after 8 s whatever is left, so that the whole takes less than 10 s. That is seen by who has said
    goodbye, not by a clock, which measures other people's work too."""
    service, documents = supervised, corpus(FILES)
    clean = clean_run(documents)
    service.start().wait_ready()
    uploads, pages = Uploads(service), 0
    for stop in range(1, STOPS + 1):
        uploads.add(documents[stop - 1::STOPS])
        wait_until(lambda: len(rows(service)["pages"]) >= pages + PAGES_BETWEEN, 60, "the reading to go on")
        took = service.end()
        pages = len(rows(service)["pages"])
        print(f"everything stopped after {took:.1f} s with {pages} pages")
        assert set(service.goodbyes().values()) == {stop}, service.goodbyes()
        service.start().wait_ready()
    seen = counters(service)
    files = kept.assert_finished(service, clean, uploads)
    kept.assert_found(service, documents, files)
    for name in UNWANTED:
        seen.assert_total(name, 0)
    kept.assert_whole(service)
