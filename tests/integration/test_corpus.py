"""Real PDFs, odd ones above all, from a folder that QUIRE_CORPUS names: each ends completed, or
failed with a reason, and the service lives through all of them."""

import os
from pathlib import Path

import pytest

from service import wait_until

WITHIN_S = 280
CORPUS = os.environ.get("QUIRE_CORPUS")

pytestmark = pytest.mark.skipif(not CORPUS, reason="QUIRE_CORPUS names no folder of PDFs")


def test_each_ends_completed_or_failed_with_a_reason(service):
    paths = sorted(Path(CORPUS).rglob("*.pdf"))
    assert paths
    ids = {}
    for path in paths:
        if path.stat().st_size:
            ids[service.upload(path.read_bytes(), path.name)["id"]] = path.name

    def under_way():
        files = service.http.get("/v1/files").json()["data"]
        return [file["filename"] for file in files
                if file["id"] in ids and file["state"] not in ("completed", "failed")]

    try:
        wait_until(lambda: not under_way(), WITHIN_S, "every file to end", every=0.5)
    except TimeoutError as late:
        raise TimeoutError(f"{late}: {under_way()}") from None
    for file_id, name in ids.items():
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
        service.http.delete(f"/v1/files/{file_id}")
