"""Fault 2: a process is stopped for 30 s in the middle of its work, and then goes on as if nothing
had been. Workers lose their tasks to others; what comes late from anybody does no harm."""

import signal
import time

import pytest

import kept
from corpus import make_document
from service import wait_until

FROZEN_S = 30
TAKEN_OVER_S = 10   # a frozen worker's tasks are with another
FILES, BEFORE = 6, 4   # long ones, so that there is work for some seconds; those before the fault
PAGES, WORDS = 45, 150
FIRST_OF_OWN = 40000   # documents that no corpus has

GIVER = {"extractor": "gateway", "embedder": "answerer"}
WORKER = {"gateway": "extractor", "answerer": "embedder"}   # of these hubs
LINK = {"gateway": "extract", "answerer": "embed"}
WORK = {"extractor": "pages_committed_total", "embedder": "texts_embedded_total",
        "gateway": "pages_committed_total", "answerer": "pages_committed_total"}


@pytest.fixture
def busy(new_service, clean_run, counters):
    """A service amid its work, with more of some workers: busy (role, workers)."""
    class Busy:
        def __init__(self, role, workers=()):
            self.documents = [make_document(FIRST_OF_OWN + number, PAGES, WORDS) for number in range(FILES)]
            self.clean = clean_run(self.documents)
            self.service = new_service().start()
            for worker in workers:
                self.service.start_role(worker)
            self.service.wait_ready()
            self.seen = counters(self.service)
            self.ids = []
            self.upload(self.documents[:BEFORE])
            wait_until(lambda: self.seen.total(WORK[role]) > 0, 60, "the work to begin")

        def upload(self, documents):
            self.ids += [self.service.upload(document.pdf, document.name)["id"] for document in documents]

        def finish(self):
            """Waits for all files, and asserts what must be there. Returns it."""
            for file_id in self.ids:
                self.service.wait_file(file_id)
            files = kept.assert_as_clean(self.service, self.clean, self.ids)
            assert len(files) == len(self.ids)
            return files

        def assert_counters(self, files):
            """No process was killed, so that the sums are exact."""
            pages = sum(len(file.pages) for file in files.values())
            self.seen.assert_total("pages_committed_total", pages)
            for counter in ("pages_failed_total", "children_killed_total", "orphans_dropped_total",
                            "tasks_failed_total"):
                assert self.seen.total(counter) == 0, counter

    return Busy


@pytest.mark.parametrize("role", GIVER)
def test_frozen_worker(busy, role):
    run = busy(role, (role,))
    frozen = run.service.processes[role]
    frozen.signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: run.seen.total("tasks_redispatched_total", GIVER[role]) > 0, TAKEN_OVER_S,
               "its tasks to be given to the other")
    print(f"{role}: taken over after {time.monotonic() - began:.1f} s")
    files = run.finish()
    time.sleep(max(0, began + FROZEN_S - time.monotonic()))   # the fault is that long
    frozen.signal(signal.SIGCONT)
    wait_until(lambda: workers(run.service, role) == 2, 20, "it to be there again")
    assert run.finish() == files
    run.upload(run.documents[BEFORE:])
    files = run.finish()
    run.assert_counters(files)
    kept.assert_found(run.service, run.documents, files)
    kept.assert_whole(run.service)


def workers(service, role):
    return service.http.get("/v1/status").json()["roles"].get(role)


@pytest.mark.parametrize("role", ["gateway", "answerer"])
def test_frozen_hub(busy, role):
    """Its workers' results wait for it; when it goes on it has given them up, and takes the results
    of none who has not come anew."""
    run = busy(role)
    frozen, worker = run.service.processes[role], WORKER[role]
    missed = f"peer_lost link={LINK[role]} peer={role} "
    assert missed not in run.service.log_text(worker)
    with frozen.frozen():
        time.sleep(FROZEN_S)
        assert missed in run.service.log_text(worker)
    run.service.wait_ready()
    run.upload(run.documents[BEFORE:])
    files = run.finish()
    run.assert_counters(files)
    late = sum(run.seen.total(name, role) for name in ("results_late_total", "messages_refused_total"))
    print(f"{role}: {late:.0f} late messages dropped,"
          f" {run.seen.total('duplicates_ignored_total'):.0f} pages came twice")
    kept.assert_found(run.service, run.documents, files)
    kept.assert_whole(run.service)
