"""The limit of processor time of a reader, alone: it loops for ever while the extractor, whose clock would
end it, is stopped."""

import os
import signal
from pathlib import Path

import pytest

from hostile import document, make_programs
from service import Service, wait_until

PAGE_S = 3           # the limit of processor time is 3 s later
BEGUN_S = 0.3        # of processor time: it loops
WITHIN_S = 300
EXIT_CODE_AT = 49    # of /proc/PID/stat, behind the name


@pytest.fixture
def captured(tmp_path):
    service = Service(make_programs(os.environ["QUIRE_BUILD_DIR"], tmp_path), os.environ["QUIRE_MODEL_DIR"], settings={
        "QUIRE_EXTRACTOR_PAGE_MS": PAGE_S * 1000, "QUIRE_EXTRACTOR_OCR_MS": PAGE_S * 1000,
        "QUIRE_EXTRACTOR_CHILDREN": 1, "QUIRE_EXTRACTOR_OCR": "off"})
    yield service.start().wait_ready()
    service.close()


def fields(pid):
    """Of /proc/PID/stat, behind the name: the state first."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def looping_child(pid):
    """The child of a process that has taken some processor time; None when there is none yet."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if int(fields(child)[11]) / os.sysconf("SC_CLK_TCK") > BEGUN_S:
            return int(child)
    return None


def test_the_limit_of_processor_time_alone(captured):
    extractor = captured.processes["extractor"]
    file_id = captured.upload(document("read", "loop"))["id"]
    reader = wait_until(lambda: looping_child(extractor.pid), WITHIN_S, "a reader that loops", every=0.02)
    extractor.signal(signal.SIGSTOP)
    wait_until(lambda: fields(reader)[0] == "Z", WITHIN_S, "the reader to end")
    assert int(fields(reader)[EXIT_CODE_AT]) & 0x7F == signal.SIGXCPU
    extractor.signal(signal.SIGCONT)
    file = captured.wait_file(file_id, within=WITHIN_S)
    assert (file["state"], file["pages_failed"]) == ("completed", 1), file
    assert captured.ledger(file_id)[1]["status"] == "timed_out"
    file = captured.finish(document("read", "nothing"), within=WITHIN_S)
    assert (file["state"], file["pages_failed"]) == ("completed", 0), file
    captured.assert_dead()
