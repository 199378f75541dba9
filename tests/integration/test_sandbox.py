"""A document that has captured its reader: whatever it tries, it is stopped in time, the page or the
file is marked, and nothing else is touched. The reader is quire-hostile-reader, which is
quire-reader with a parser that does what the document says (tests/hostile)."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

from hostile import document, make_programs
from link import encode
from processes import children_seconds
from service import Service, wait_until

PAGE_S = 2
LATE_S = 1            # after the deadline, of processor time
WITHIN = 60
TOLD_S = 10           # in which the extractor has told what it counted
ANOTHER_USER = 1000   # root may have as many processes as it likes
LEFT_BEHIND = Path("/tmp/quire-hostile-was-here")

FORBIDDEN = "tried what no reading needs"
CRASHED = "ended before it was done"
SENSELESS = "make no sense"
TOO_LONG = "longer than the limit"

ACTS = {
    "open_passwd": FORBIDDEN, "write_file": FORBIDDEN, "connect_out": FORBIDDEN,
    "start_process": FORBIDDEN, "run_program": FORBIDDEN, "trace_parent": FORBIDDEN,
    "kill_parent": FORBIDDEN, "raise_limits": FORBIDDEN, "make_code": FORBIDDEN,
    "fill_disk": FORBIDDEN, "write_elsewhere": FORBIDDEN, "send_elsewhere": FORBIDDEN,
    "sleep_on": FORBIDDEN, "say_not_started": FORBIDDEN, "end": CRASHED, "fill_memory": CRASHED, "fill_stack": CRASHED, "loop": TOO_LONG,
    "reply_rubbish": SENSELESS, "reply_no_message": SENSELESS, "reply_other_page": SENSELESS,
    "reply_for_ever": SENSELESS, "reply_slowly": TOO_LONG,
}


SETTINGS = {"QUIRE_EXTRACTOR_PAGE_MS": PAGE_S * 1000, "QUIRE_EXTRACTOR_PAGE_MB": 64,
            "QUIRE_EXTRACTOR_CHILDREN": 1, "QUIRE_EXTRACTOR_OCR": "off"}


@pytest.fixture(scope="module")
def hostile_build():
    """A build folder whose reader does what documents say, and that any user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="quire-hostile-", dir="/tmp"))
    folder.chmod(0o755)
    yield make_programs(os.environ["QUIRE_BUILD_DIR"], folder)
    shutil.rmtree(folder)


class Captured(Service):
    """A service whose readers do what documents say. It knows how many of them the deadline has to end."""

    late = 0

    def count(self, name):
        return self.metrics().get((f"quire_{name}_total", "extractor"), 0)

    def assert_killed(self):
        """So many readers were killed at their deadline: none of the others lived as long."""
        read = self.count("pages_read")
        self.finish(document("read", "nothing"), within=WITHIN)
        wait_until(lambda: self.count("pages_read") >= read + 3, TOLD_S, "the extractor to tell what it counted")
        assert self.count("children_killed") == self.late

    def finish_late(self, pdf):
        """A document whose reader never ends by itself: the deadline ends it, and not something later,
        such as the limit of processor time. Returns the file object."""
        extractor = self.processes["extractor"].pid
        before = children_seconds(extractor)
        file = self.finish(pdf, within=WITHIN)
        assert children_seconds(extractor) - before < PAGE_S + LATE_S
        self.late += 1
        wait_until(lambda: self.count("children_killed") == self.late, TOLD_S, "its end to be counted")
        return file


@pytest.fixture(scope="module")
def captured(hostile_build):
    service = Captured(hostile_build, os.environ["QUIRE_MODEL_DIR"], settings=SETTINGS)
    try:
        yield service.start().wait_ready()
        service.assert_killed()
    finally:
        service.close()


@pytest.fixture
def on_old_kernel(hostile_build, tmp_path):
    """on_old_kernel (what): the same, with an extractor whose kernel lacks that."""
    made = []

    def start(lacks):
        programs = shutil.copytree(hostile_build / "bin", tmp_path / "bin")
        (programs / "quire-extractor").rename(programs / "extractor")
        (programs / "quire-extractor").write_text(
            f'#!/bin/sh\nexec "{programs}/quire-old-kernel" {lacks} "{programs}/extractor"\n')
        (programs / "quire-extractor").chmod(0o755)
        made.append(Service(tmp_path, os.environ["QUIRE_MODEL_DIR"], settings=SETTINGS))
        return made[0].start().wait_ready()

    yield start
    for service in made:
        service.close()


def is_unharmed(service, extractor):
    """The extractor is the same, and reads the next file."""
    assert service.processes["extractor"].pid == extractor and not service.dead()
    assert not LEFT_BEHIND.exists()
    file = service.finish(document("read", "nothing"), within=WITHIN)
    assert (file["state"], file["pages"], file["pages_failed"]) == ("completed", 3, 0), file


def test_the_parser_has_nothing(captured):
    file = captured.finish(document("read", "tell"), within=WITHIN)
    # three streams that lead nowhere, the socket, the file
    assert captured.page(file["id"], 2)["text"] == "0 variables 5 descriptors"


def try_it(service, pdf, end):
    return service.finish_late(pdf) if end == TOO_LONG else service.finish(pdf, within=WITHIN)


@pytest.mark.parametrize("act", ACTS)
def test_what_a_page_tries(captured, act):
    extractor = captured.processes["extractor"].pid
    file = try_it(captured, document("read", act), ACTS[act])
    assert (file["state"], file["pages_failed"]) == ("completed", 1), file
    first, second, third = captured.ledger(file["id"])
    assert first["status"] == third["status"] == "text"
    assert second["status"] == ("timed_out" if ACTS[act] == TOO_LONG else "failed"), second
    assert ACTS[act] in second["reason"]
    is_unharmed(captured, extractor)


@pytest.mark.parametrize("act", ["open_passwd", "start_process", "say_not_started", "end", "fill_memory",
                                 "loop", "reply_rubbish", "reply_slowly"])
def test_what_a_file_tries_when_it_is_opened(captured, act):
    extractor = captured.processes["extractor"].pid
    file = try_it(captured, document("open", act), ACTS[act])
    assert (file["state"], file["pages"]) == ("failed", 0), file
    assert ACTS[act] in file["status_details"], file
    is_unharmed(captured, extractor)


def test_what_a_page_tries_when_it_is_drawn(captured):
    extractor = captured.processes["extractor"].pid
    file = captured.finish(document("draw", "open_passwd"), within=WITHIN)
    answer = captured.http.get(f"/v1/files/{file['id']}/pages/1/image?width=100")
    assert answer.status_code == 422 and FORBIDDEN in answer.json()["error"]["message"], answer.text
    is_unharmed(captured, extractor)


@pytest.fixture
def limited(hostile_build):
    """limited (act): has page 2 read by a reader that has no fence but its limits. Returns its exit status
    and what it replied."""
    def run(act):
        (hostile_build / "act.pdf").write_bytes(document("read", act))
        shutil.copy(Path(os.environ["QUIRE_MODEL_DIR"]) / "vocab.txt", hostile_build)
        user = ["setpriv", f"--reuid={ANOTHER_USER}", f"--regid={ANOTHER_USER}", "--clear-groups"]
        ours, its = socket.socketpair()
        with ours, its:
            reader = subprocess.Popen(
                ["sh", "-c", 'exec "$@" 3<&0 4<act.pdf </dev/null', "sh", *(user if os.geteuid() == 0 else ()),
                 hostile_build / "bin" / "quire-old-kernel", "fences", hostile_build / "bin" / "quire-reader",
                 "--child"], stdin=its, cwd=hostile_build,
                env={"PATH": os.environ["PATH"], "QUIRE_MODEL_DIR": str(hostile_build),
                     **{name: str(value) for name, value in SETTINGS.items()}})
            its.close()
            request = encode("extract_pages", task=1, file_id="file-1", sha256="0" * 64, first=2, last=2)
            ours.sendall(struct.pack("<I", len(request)) + request)
            ours.shutdown(socket.SHUT_WR)
            replied = ours.makefile("rb").read()
            return reader.wait(WITHIN), replied

    return run


def test_the_limits_alone_let_a_page_be_read(limited):
    status, replied = limited("nothing")
    assert status == 0 and b"was not stopped" in replied


@pytest.mark.parametrize("act, end", [("start_one", signal.SIGABRT), ("grow_file", signal.SIGXFSZ)])
def test_each_limit_alone(limited, act, end):
    """Without Landlock and without a filter of system calls: no process is started, and no file grows."""
    assert limited(act) == (-end, b"")


def test_what_is_said_at_the_start(service):
    """Here both fences stand, so none is said to be missing."""
    log = service.log_text("extractor")
    assert "no_seccomp" not in log
    assert "no_landlock" not in log


def test_a_kernel_without_landlock(on_old_kernel):
    """It is said, once, at the start; the other fences stay."""
    service = on_old_kernel("landlock")
    extractor = service.processes["extractor"].pid
    for act in ("open_passwd", "connect_out"):
        file = service.finish(document("read", act), within=WITHIN)
        assert (file["state"], file["pages_failed"]) == ("completed", 1), file
        assert FORBIDDEN in service.ledger(file["id"])[1]["reason"]
    is_unharmed(service, extractor)
    log = service.log_text("extractor")
    assert log.count("no_landlock") == 1 and "no_seccomp" not in log
    assert log.index("no_landlock") < log.index(" started ")


def test_a_kernel_that_refuses_the_filter(on_old_kernel):
    """Then nothing is read, and the log says why, though the reader has no log at that time."""
    service = on_old_kernel("filter")
    file = service.upload(document("read", "nothing"))
    wait_until(lambda: "reader_not_started" in service.log_text("extractor"), WITHIN, "the log to say it")
    assert "refuses the filter of system calls" in service.log_text("extractor")
    assert service.file(file["id"])["state"] == "queued"   # until a kernel can do it
    assert service.processes["extractor"].alive()
