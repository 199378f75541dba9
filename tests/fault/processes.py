"""What the system knows of a process."""

from pathlib import Path


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def address_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * 4096
