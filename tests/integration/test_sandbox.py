"""A document that has captured its reader: whatever it tries, it is stopped in time, the page or the
file is marked, and nothing else is touched. The reader is quire-hostile-reader, which is
quire-reader with a parser that does what the document says (tests/hostile)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from service import ROLES, Service, find_program

PAGE_S = 2
WITHIN = 60
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


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """A service whose readers do what documents say."""
    build = Path(os.environ["QUIRE_BUILD_DIR"])
    subprocess.run(["ninja", "-C", build, "quire-hostile-reader"], check=True, stdout=subprocess.DEVNULL)
    programs = tmp_path_factory.mktemp("programs") / "bin"
    programs.mkdir()
    for role in ROLES:
        program = find_program(build, role)
        shutil.copy(program, programs / Path(program).name)
    shutil.copy(build / "tests" / "hostile" / "quire-hostile-reader", programs / "quire-reader")
    service = Service(programs.parent, os.environ["QUIRE_MODEL_DIR"], settings={
        "QUIRE_EXTRACTOR_PAGE_MS": PAGE_S * 1000, "QUIRE_EXTRACTOR_PAGE_MB": 64,
        "QUIRE_EXTRACTOR_CHILDREN": 1, "QUIRE_EXTRACTOR_OCR": "off"})
    try:
        yield service.start().wait_ready()
    finally:
        service.close()


def document(when, act):
    return f"%PDF-1.7 {when} {act}\n".encode()


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


@pytest.mark.parametrize("act", ACTS)
def test_what_a_page_tries(captured, act):
    extractor = captured.processes["extractor"].pid
    file = captured.finish(document("read", act), within=WITHIN)
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
    file = captured.finish(document("open", act), within=WITHIN)
    assert (file["state"], file["pages"]) == ("failed", 0), file
    assert ACTS[act] in file["status_details"], file
    is_unharmed(captured, extractor)


def test_what_a_page_tries_when_it_is_drawn(captured):
    extractor = captured.processes["extractor"].pid
    file = captured.finish(document("draw", "open_passwd"), within=WITHIN)
    answer = captured.http.get(f"/v1/files/{file['id']}/pages/1/image?width=100")
    assert answer.status_code == 422 and FORBIDDEN in answer.json()["error"]["message"], answer.text
    is_unharmed(captured, extractor)


def test_what_is_said_at_the_start(service):
    """Here both fences stand, so none is said to be missing."""
    log = service.log_text("extractor")
    assert "no_seccomp" not in log
    assert "no_landlock" not in log
