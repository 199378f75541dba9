"""Real PDFs, odd ones above all, from a folder that QUIRE_CORPUS names: each ends completed, or
failed with a reason, and the service lives through all of them. `scripts/test corpus` does it with the
roles and readers built with ASan and UBSan, which must have nothing to say."""

import os
import re
from pathlib import Path

import pytest

from hostile import document, make_programs
from service import FINISHED, Service, wait_until

WITHIN_S = 1500
CORPUS = os.environ.get("QUIRE_CORPUS")
REPORT = re.compile(r"^.*(?:ERROR: \w+Sanitizer|runtime error: ).*$", re.M)

pytestmark = [pytest.mark.skipif(not CORPUS, reason="QUIRE_CORPUS names no folder of PDFs"),
              pytest.mark.timeout(2 * WITHIN_S)]


def assert_right(service, file_id, name):
    """A file that has ended: nothing it tells makes no sense."""
    file = service.file(file_id)
    lines = service.ledger(file_id)
    if file["state"] == "failed":
        assert file["status_details"], name
    else:
        assert len(lines) == file["pages"] == file["pages_done"], name
    for line in lines:
        assert line["status"] != "waiting" or file["state"] == "failed", (name, line)
        assert line["status"] not in ("failed", "timed_out") or line["reason"], (name, line)
        page = service.page(file_id, line["page"])
        length = len(page["text"])
        assert all(0 <= word["start"] < word["end"] <= length for word in page["words"]), name
        assert all(0 <= chunk["start"] < chunk["end"] <= length for chunk in page["chunks"])
    picture = service.http.get(f"/v1/files/{file_id}/pages/1/image", params={"width": 200})
    assert picture.status_code == 200 or picture.json()["error"]["message"], name
    return file, lines


def assert_no_reports(service):
    """No sanitizer, in a role or in a reader, whose report lands in its extractor's log."""
    reports = [f"{path.stem}: {line}" for path in service.folder.glob("*.log")
               for line in REPORT.findall(path.read_text(errors="replace"))]
    assert not reports, "\n".join(reports)


@pytest.mark.skipif(not os.environ.get("QUIRE_SANITIZED"), reason="the build has no sanitizer")
def test_a_report_is_seen(tmp_path):
    """What a reader does wrong would be found below."""
    service = Service(make_programs(os.environ["QUIRE_BUILD_DIR"], tmp_path), os.environ["QUIRE_MODEL_DIR"])
    try:
        file = service.start().wait_ready().finish(document("read", "read_beyond"))
        assert (file["state"], file["pages_failed"]) == ("completed", 1), file
        with pytest.raises(AssertionError, match="heap-buffer-overflow|insufficient space"):
            assert_no_reports(service)
    finally:
        service.close()


def test_each_ends_completed_or_failed_with_a_reason(new_service):
    service = new_service().start().wait_ready()
    paths = sorted(path for path in Path(CORPUS).rglob("*.pdf") if path.stat().st_size)
    assert paths
    ids = {service.upload(path.read_bytes(), path.name)["id"]: path.name for path in paths}

    def under_way():
        return [name for file_id, name in ids.items() if service.file(file_id)["state"] not in FINISHED]

    try:
        wait_until(lambda: not under_way(), WITHIN_S, "every file to end", every=1)
    except TimeoutError as late:
        raise TimeoutError(f"{late}: {under_way()}") from None
    ended = [assert_right(service, file_id, name) for file_id, name in ids.items()]
    for file_id in ids:
        assert service.http.delete(f"/v1/files/{file_id}").status_code == 200
    service.assert_dead()   # no file has taken down anything but its reader
    killed = service.metrics()["quire_children_killed_total", "extractor"]
    assert set(service.stop().values()) == {0}   # where leaks are reported too
    assert_no_reports(service)
    states = [file["state"] for file, _ in ended]
    statuses = [line["status"] for _, lines in ended for line in lines]
    print(f"{len(ended)} files:", *(f"{states.count(state)} {state}" for state in sorted(set(states))),
          f"| {len(statuses)} pages:", *(f"{statuses.count(status)} {status}" for status in sorted(set(statuses))),
          f"| {killed:.0f} readers killed at a limit")
