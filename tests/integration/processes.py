"""What the system knows of a process."""

import os
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


def children_seconds(pid):
    """Processor time of the children that have ended and were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def anonymous_bytes(pid):
    """Without files that it has mapped."""
    return _status_bytes(pid, "RssAnon")


def data_bytes(pid):
    """What RLIMIT_DATA counts."""
    return _status_bytes(pid, "VmData")
