"""What the system knows of a process."""

from pathlib import Path


def _status_bytes(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def resident_bytes(pid):
    return _status_bytes(pid, "VmRSS")


def resident_peak_bytes(pid):
    """The most that it has ever had."""
    return _status_bytes(pid, "VmHWM")


def data_bytes(pid):
    """What RLIMIT_DATA counts."""
    return _status_bytes(pid, "VmData")
