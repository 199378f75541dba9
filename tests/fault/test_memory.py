"""Fault 5: allocations fail in each role, every so many-th or all that go beyond a limit. What was
asked fails with a clear error, the role goes on or is started again, and nothing is lost."""

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

import faults
import kept
from processes import data_bytes
from service import ROLES, wait_until
from supervisor import Supervisor
from uploads import Uploads

FILES = 30
FAILURES = 12          # at least, before the memory is there again
BITES_S = 60
# Allocations between two that fail: few enough to meet every kind of work, and so many that a page
# does not end its worker twice, which would be the page's fault.
EVERY = {"gateway": 997, "answerer": 1999, "embedder": 499, "extractor": 199}
LACK = re.compile(r"memory|bad_alloc|allocate", re.I)   # of what a role logs
COUNTED_S = 10
INDEXED_S = 30         # what could not be indexed is tried again each second


@pytest.fixture(scope="session")
def failing_malloc():
    build = Path(os.environ["QUIRE_BUILD_DIR"])
    subprocess.run(["ninja", "-C", build, "quire-failing-malloc"], check=True, stdout=subprocess.DEVNULL)
    return build / "tests" / "fault" / "libquire-failing-malloc.so"


class Allocation:
    """What the preloaded library is told, and tells."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(8))

    def fail(self, every):
        with open(self.path, "r+b") as control:
            control.write(struct.pack("I", every))

    def failures(self):
        return struct.unpack("II", self.path.read_bytes())[1]


def is_whole(service, supervisor, uploads, documents, clean, seen):
    uploads.finish()
    supervisor.wait_finished()
    # A header of an answer may be what there was no memory for; the answer is clear all the same.
    assert {status for status, _, _ in uploads.wrong} <= {503}, uploads.wrong
    files = kept.assert_as_clean(service, clean, uploads.answered)
    assert len(files) - len(uploads.answered) <= uploads.unanswered + sum(uploads.refused.values())
    wait_until(lambda: "behind=0" in service.check_data("--quick").stdout, INDEXED_S, "all texts to be indexed")
    kept.assert_found(service, documents, files)
    pages = sum(len(file.pages) for file in files.values())
    # Exact, unless the gateway has ended and taken its counters along.
    wait_until(lambda: supervisor.restarts or seen.total("pages_committed_total") == pages, COUNTED_S,
               f"{pages} pages to be counted")
    assert seen.total("pages_committed_total") <= pages
    assert seen.total("pages_failed_total") == 0
    supervisor.rest()
    kept.assert_whole(service)


@pytest.mark.parametrize("role", ROLES)
def test_allocations_that_fail_now_and_then(new_service, corpus, clean_run, counters, failing_malloc, tmp_path,
                                            role):
    documents = corpus(FILES)
    clean = clean_run(documents)
    allocation = Allocation(tmp_path / "allocation")
    service = new_service(settings={"LD_PRELOAD": failing_malloc, "FAULT_ROLE": f"quire-{role}",
                                    "FAULT_FILE": allocation.path}).start().wait_ready()
    seen = counters(service)
    supervisor = Supervisor(service, role)
    uploads = Uploads(service)
    try:
        allocation.fail(EVERY[role])
        uploads.add(documents)
        wait_until(lambda: allocation.failures() >= FAILURES, BITES_S, "allocations to fail")
        allocation.fail(0)
        is_whole(service, supervisor, uploads, documents, clean, seen)
    finally:
        uploads.stop()
        supervisor.stop()
        print(f"{role}: {allocation.failures()} failures, {supervisor.restarts} restarts, refused"
              f" {uploads.refused}, unanswered {uploads.unanswered}")


@pytest.mark.parametrize("role", ROLES)
def test_a_limit_of_memory(new_service, corpus, clean_run, counters, role):
    """The running role gets no more memory until it has shown that it lacks some."""
    documents = corpus(FILES)
    clean = clean_run(documents)
    service = new_service().start().wait_ready()
    seen = counters(service)
    process = service.processes[role]
    supervisor = Supervisor(service, role)
    uploads = Uploads(service)
    said = len(service.log_text(role))

    def signs():
        """What shows that the limit was met."""
        found = {"ended": not process.alive(), "refused": uploads.refused.get("no_memory", 0),
                 "cut off": uploads.unanswered,   # a gateway has to take a connection before it can refuse
                 "tasks failed": seen.total("tasks_failed_total"),   # as whoever gave them counts
                 "logged": len(LACK.findall(service.log_text(role)[said:]))}
        return {sign: count for sign, count in found.items() if count}

    met = None
    try:
        faults.limit_memory(process, data_bytes(process.pid))
        uploads.add(documents)
        met = wait_until(signs, BITES_S, "the limit to be met")
        if process.alive():
            faults.limit_memory(process, "unlimited")
        is_whole(service, supervisor, uploads, documents, clean, seen)
    finally:
        uploads.stop()
        supervisor.stop()
        print(f"{role}: the limit showed as {met}; {supervisor.restarts} restarts, refused {uploads.refused},"
              f" unanswered {uploads.unanswered}")
