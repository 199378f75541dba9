"""Fault 5: allocations fail in each role, every so many-th or all that go beyond a limit. What was
asked fails with a clear error, the role goes on or is started again, and nothing is lost."""

import os
import struct
import subprocess
from pathlib import Path

import pytest

import kept
from processes import address_bytes
from service import ROLES, wait_until
from supervisor import Supervisor
from uploads import Uploads

FILES = 30
FAILURES = 12          # at least, before the memory is there again
BITES_S = 60
# Allocations between two that fail: few enough to meet every kind of work, and so many that a page
# does not end its worker twice, which would be the page's fault.
EVERY = {"gateway": 997, "answerer": 1999, "embedder": 499, "extractor": 199}
SPARE_BYTES = 256 << 10


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


def is_whole(service, supervisor, uploads, documents, clean):
    uploads.finish()
    supervisor.wait_finished()
    # A header of an answer may be what there was no memory for; the answer is clear all the same.
    assert {status for status, _, _ in uploads.wrong} <= {503}, uploads.wrong
    kept.assert_found(service, documents, kept.assert_as_clean(service, clean, uploads.answered))


@pytest.mark.parametrize("role", ROLES)
def test_allocations_that_fail_now_and_then(new_service, corpus, clean_run, failing_malloc, tmp_path, role):
    documents = corpus(FILES)
    clean = clean_run(documents)
    allocation = Allocation(tmp_path / "allocation")
    service = new_service(settings={"LD_PRELOAD": failing_malloc, "FAULT_ROLE": f"quire-{role}",
                                    "FAULT_FILE": allocation.path}).start().wait_ready()
    supervisor = Supervisor(service)
    uploads = Uploads(service)
    try:
        allocation.fail(EVERY[role])
        uploads.add(documents)
        wait_until(lambda: allocation.failures() >= FAILURES, BITES_S, "allocations to fail")
        allocation.fail(0)
        is_whole(service, supervisor, uploads, documents, clean)
    finally:
        uploads.stop()
        supervisor.stop()
        print(f"{role}: {allocation.failures()} failures, {supervisor.restarts} restarts, refused"
              f" {uploads.refused}, unanswered {uploads.unanswered}")


def limit(process, size):
    subprocess.run(["prlimit", f"--pid={process.pid}", f"--as={size}:unlimited"], check=False)


@pytest.mark.parametrize("role", ROLES)
def test_a_limit_of_memory(new_service, corpus, clean_run, role):
    """The running role gets no more memory for a while."""
    documents = corpus(FILES)
    clean = clean_run(documents)
    service = new_service().start().wait_ready()
    process = service.processes[role]
    supervisor = Supervisor(service)
    uploads = Uploads(service)
    try:
        limit(process, address_bytes(process.pid) + SPARE_BYTES)
        uploads.add(documents)
        wait_until(lambda: not process.alive() or len(uploads.answered) + sum(uploads.refused.values()) > FILES // 2,
                   BITES_S, "the role to have been asked for much")
        if process.alive():
            limit(process, "unlimited")
        is_whole(service, supervisor, uploads, documents, clean)
    finally:
        uploads.stop()
        supervisor.stop()
        print(f"{role}: {supervisor.restarts} restarts, refused {uploads.refused}, unanswered {uploads.unanswered}")
