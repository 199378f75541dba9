"""Fault 1, in earnest: the power is cut, so that what was written and not synced is lost, or comes through
in part. What was answered with success had been synced."""

import os
import subprocess
import time
from pathlib import Path

import pytest

import kept
from power import Power
from service import wait_until
from uploads import Uploads

FILES = 40
CUTS = 4
MOST_REST_S = 1.5   # of work between a start and the next cut


@pytest.fixture
def power(tmp_path, monkeypatch):
    """Cuts the power of what runs on tmp_path / "data"."""
    build = Path(os.environ["QUIRE_BUILD_DIR"])
    subprocess.run(["ninja", "-C", build, "quire-kept-on-disk"], check=True, stdout=subprocess.DEVNULL)
    power = Power(build / "tests" / "fault" / "libquire-kept-on-disk.so", tmp_path / "data", tmp_path)
    for name, value in power.environment.items():
        monkeypatch.setenv(name, value)
    return power


@pytest.mark.parametrize("some_comes_through", [False, True], ids=["synced alone", "some of the rest"])
def test_power_cut_while_files_come_in(power, new_service, corpus, clean_run, chance, some_comes_through):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service = new_service(data=power.data)
    uploads = Uploads(service)
    lost = 0
    for cut in range(CUTS):
        service.start().wait_ready()
        uploads.add(documents[cut::CUTS])
        answered = len(uploads.answered)
        wait_until(lambda: len(uploads.answered) > answered, 60, "an upload to be answered")
        time.sleep(chance.uniform(0, MOST_REST_S))
        power.cut(service, chance if some_comes_through else None)
        lost += power.lost
    service.start().wait_ready()
    files = kept.assert_finished(service, clean, uploads)
    assert len(files) - len(uploads.answered) <= uploads.unanswered
    kept.assert_found(service, documents, files)
    kept.assert_whole(service)
    assert lost >= CUTS, "the cuts did no harm"
    print(f"{CUTS} cuts, {lost} contents and names were not as they had last been,"
          f" {len(uploads.answered)} uploads answered, {uploads.unanswered} cut off, {len(files)} files kept")
