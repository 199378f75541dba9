"""What the measurements share: a service of their own filled with the PDFs of a folder, readings of
its processes, and tables."""

import argparse
import hashlib
import json
import os
import sys
import time
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


class Shelf:
    """The files of the folder in a vector store of their own: ids by the path within the folder."""

    def __init__(self, service, paths, folder):
        self.service = service
        self.hashes = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
                       for path in paths}
        self.ids = self._upload_missing(folder)
        self.store = self._find_store() or self._make_store()

    def _upload_missing(self, folder):
        """The service may have kept files, this run's or others'; it knows them by their hash."""
        there = {file["sha256"]: file["id"] for file in self.service.http.get("/v1/files").json()["data"]}
        for name, digest in self.hashes.items():
            if digest not in there:
                path = folder / name
                there[digest] = self.service.upload(path.read_bytes(), path.name)["id"]
        return {name: there[digest] for name, digest in self.hashes.items()}

    def _name(self):
        return hashlib.sha256(" ".join(sorted(self.ids.values())).encode()).hexdigest()[:16]

    def _find_store(self):
        name = self._name()
        return next((store.id for store in self.service.openai.vector_stores.list(limit=100)
                     if store.name == name), None)

    def _make_store(self):
        store = self.service.new_store(self._name())
        for file_id in set(self.ids.values()):
            self.service.attach(store, file_id)
        return store

    def files(self):
        wanted = set(self.ids.values())
        files = self.service.http.get("/v1/files").json()["data"]
        return [file for file in files if file["id"] in wanted]

    def wait(self, states, watch=lambda: None):
        """Waits until every file is in one of the states. Returns the file objects."""
        def there():
            watch()
            self.service.ready()   # raises when a role has ended
            files = self.files()
            return files if all(file["state"] in states for file in files) else None

        return wait_until(there, FILL_S, f"the files to be {' or '.join(states)}", every=0.2)


def filled_shelf(service, options):
    """A shelf of which all is indexed."""
    shelf = Shelf(service, find_pdfs(options.folder), options.folder)
    say(f"indexing {len(shelf.ids)} files")
    shelf.wait(FINISHED)
    return shelf


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


def run_milliseconds(pids):
    """Processor time of all threads of these processes, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e6


def busy_seconds(pid):
    """Of each thread of the process, how long it ran or waited for a processor."""
    return {task.parent.name: sum(map(int, task.read_text().split()[:2])) / 1e9
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat")}


def wait_for_rest(pids, within=FILL_S):
    """Waits until the processes have done next to nothing for two seconds."""
    def rests():
        before = run_milliseconds(pids)
        time.sleep(2)
        return run_milliseconds(pids) - before < 100

    wait_until(rests, within, "the service to have nothing to do")


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


def load_questions(folder, ids, with_evidence=False):
    """Those of questions.jsonl; with_evidence: only those that name the pages of their evidence."""
    lines = (folder / "questions.jsonl").read_text().splitlines()
    questions = [question for question in map(json.loads, lines) if question["pages"] or not with_evidence]
    unknown = {question["pdf"] for question in questions} - set(ids)
    if unknown:
        sys.exit(f"questions about files that are not in {folder}: {sorted(unknown)}")
    return questions


def report(options, result, text):
    print(json.dumps(result, indent=2) if options.json else text)
