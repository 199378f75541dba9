"""What the measurements share: a service of their own filled with the PDFs of a folder, readings of
its processes, and tables."""

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))

from service import FINISHED, Service, wait_until  # noqa: E402  (found by the line above)

FILL_S = 4 * 3600
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def arguments(what):
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with PDFs, at any depth")
    parser.add_argument("--data", type=Path,
                        help="keep the service's data here; what is there already is not read again")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="a setting of the service, such as QUIRE_EMBEDDER_PRECISION=f32")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


@contextmanager
def running_service(options):
    settings = dict(setting.split("=", 1) for setting in options.set)
    service = Service(os.environ["QUIRE_BUILD_DIR"], os.environ["QUIRE_MODEL_DIR"],
                      data=options.data and options.data.resolve(), settings=settings)
    try:
        yield service.start().wait_ready()
    except BaseException:
        print(service.logs(), file=sys.stderr)
        raise
    finally:
        service.close()


def find_pdfs(folder):
    paths = sorted(path for path in folder.rglob("*")
                   if path.suffix.lower() == ".pdf" and path.stat().st_size)
    if not paths:
        sys.exit(f"no PDFs in {folder}")
    return paths


def say(text):
    print(text, file=sys.stderr, flush=True)


def upload_missing(service, paths, folder, store="default"):
    """Uploads what the service doesn't have yet, named by its path in the folder, and attaches it
    to the store. Returns {name: file id}."""
    there = {file["filename"]: file["id"] for file in service.http.get("/v1/files").json()["data"]}
    ids = {}
    for path in paths:
        name = str(path.relative_to(folder))
        if name not in there:
            there[name] = service.upload(path.read_bytes(), name)["id"]
            service.attach(store, there[name])
        ids[name] = there[name]
    return ids


def files_of(service, ids):
    wanted = set(ids)
    return [file for file in service.http.get("/v1/files").json()["data"] if file["id"] in wanted]


def wait_files(service, ids, states, watch=lambda: None):
    """Waits until every file is in one of the states. Returns the file objects."""
    def there():
        watch()
        service.ready()   # raises when a role has ended
        files = files_of(service, ids)
        return files if all(file["state"] in states for file in files) else None

    return wait_until(there, FILL_S, f"the files to be {' or '.join(states)}", every=0.2)


def fill(service, paths, folder):
    """Uploads and waits until all is indexed. Returns {name: file id}."""
    ids = upload_missing(service, paths, folder)
    say(f"indexing {len(ids)} files")
    wait_files(service, ids.values(), FINISHED)
    return ids


# -- readings of processes --------------------------------------------------------------------------

def status_megabytes(pid, field):
    """A line of /proc/PID/status, such as VmHWM, in MB; 0 when the process is gone."""
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


def cpu_seconds(pid):
    """Of the process and of the children that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / CLOCK_TICKS


def descendants(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def tree_cpu_seconds(pid):
    return cpu_seconds(pid) + sum(map(cpu_seconds, descendants(pid)))


# -- tables -----------------------------------------------------------------------------------------

def shown(value):
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header, rows):
    """Columns in line: the first to the left, the others to the right."""
    cells = [list(map(shown, row)) for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(cell.rjust(width)
                                         for cell, width in zip(row[1:], widths[1:]))]).rstrip())
    return "\n".join(lines)


def report(options, result, text):
    print(json.dumps(result, indent=2) if options.json else text)
