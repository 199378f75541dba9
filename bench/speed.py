"""docs/speed.md: what `bench embed` and `bench ingest --rivals` found out, each in a part of its own
that it writes anew."""

import datetime
import os
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "speed.md"
INSTRUCTIONS = ("avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "i8mm")


def machine():
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^(?:model name|CPU part)\s*:\s*(.*)$", text, re.M)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.M)
    known = flags.group(1).split() if flags else []
    return {"processor": name.group(1) if name else os.uname().machine, "cores": os.cpu_count(),
            "instructions": [flag for flag in INSTRUCTIONS if flag in known],
            "date": datetime.date.today().isoformat(), "load": round(os.getloadavg()[2], 1)}


def markdown(header, rows):
    """The first column to the left, and others that are no numbers."""
    cells = [[str(cell) for cell in row] for row in rows]
    numbers = [all(re.fullmatch(r"[-+\d.,%]*", row[column]) for row in cells) for column in range(len(header))]
    lines = [header, ["---:" if number else "---" for number in numbers], *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_part(name, command, where, text):
    """Replaces what stands between the marks of the part."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    head = (f"    {command}\n\n{where['date']}, {where['processor']}, {where['cores']} cores "
            f"({', '.join(where['instructions'])}); load of the machine before: {where['load']}.")
    page = PAGE.read_text()
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{PAGE} has no part '{name}'")
    PAGE.write_text(f"{before}{begin}\n{head}\n\n{text}\n{end}{after}")
