"""Fault 6: the log of the store's commits is cut at each of its bytes; the program that does it is the
unit test of a damaged store, which cuts at some bytes only."""

import os
import re
import subprocess
from pathlib import Path

CUTS = 16000   # at least


def test_the_log_cut_at_each_byte(tmp_path):
    build = Path(os.environ["QUIRE_BUILD_DIR"])
    subprocess.run(["ninja", "-C", build, "quire-cut-log"], check=True, stdout=subprocess.DEVNULL)
    # In memory: what is synced is no matter here, and a disk would take a minute for each second.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path
    done = subprocess.run([build / "tests" / "fault" / "quire-cut-log"], env={**os.environ, "TMPDIR": str(memory)},
                          capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    cuts = int(re.search(r"^(\d+) cuts of a log", said, re.M).group(1))
    print(f"{cuts} cuts")
    assert cuts > CUTS
