"""Programs whose reader has been captured by its document (tests/hostile)."""

import fcntl
import shutil
import subprocess
from pathlib import Path

from service import ROLES, find_program

TARGETS = {"quire-hostile-reader": "quire-reader", "quire-old-kernel": "quire-old-kernel"}


def make_programs(build, folder):
    """Puts into folder/bin the roles of a build folder, a reader that does what documents say, and
    quire-old-kernel. Returns the folder."""
    build = Path(build)
    with open(build / ".lock", "w", encoding="ascii") as lock:   # as scripts/build does: one at a time builds there
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["ninja", "-C", build, *TARGETS], check=True, stdout=subprocess.DEVNULL)
    programs = folder / "bin"
    programs.mkdir()
    for role in ROLES:
        program = find_program(build, role)
        shutil.copy(program, programs / Path(program).name)
    for name, copy in TARGETS.items():
        shutil.copy(build / "tests" / "hostile" / name, programs / copy)
    return folder


def document(when, act):
    return f"%PDF-1.7 {when} {act}\n".encode()
