"""Measures how fast a folder of PDFs becomes searchable, and what that takes.

With --rivals also a pipeline of Python's usual parts (pipeline.py), on the same files, one after the
other, with OCR off, and docs/speed.md is written."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from shelf import (FINISHED, Shelf, arguments, busy_seconds, descendants, find_pdfs, report, running_service, say,
                   status_megabytes, table, tree_cpu_seconds)
from speed import machine, markdown, write_part

REST_S = 10
TEXT_DONE = ("indexing",) + FINISHED


class ChildWatch:
    """The most memory that a child of the extractor was seen to take."""

    def __init__(self, pid):
        self.pid, self.peak = pid, 0

    def __call__(self):
        for child in descendants(self.pid):
            self.peak = max(self.peak, status_megabytes(child, "VmHWM"))


def pids(service):
    return {name: process.pid for name, process in service.processes.items()}


def cpu(service):
    return {name: tree_cpu_seconds(pid) for name, pid in pids(service).items()}


def at_rest(service):
    """Memory (MB) and processor use (percent of a core) of each role with nothing to do."""
    say(f"resting for {REST_S} s")
    before, began = cpu(service), time.monotonic()
    time.sleep(REST_S)
    took, after = time.monotonic() - began, cpu(service)
    return {name: {"rest_mb": status_megabytes(pid, "VmRSS"),
                   "rest_cpu_percent": 100 * (after[name] - before[name]) / took}
            for name, pid in pids(service).items()}


def measure(service, paths, folder):
    watch = ChildWatch(service.processes["extractor"].pid)
    embedder, threads = service.processes["embedder"].pid, len(os.sched_getaffinity(0))
    busy_before = busy_seconds(embedder)
    before, began = cpu(service), time.monotonic()
    shelf = Shelf(service, paths, folder)
    say(f"uploaded {len(shelf.ids)} files")
    shelf.wait(TEXT_DONE, watch)
    text_s, text_cpu = time.monotonic() - began, cpu(service)
    say(f"all text searchable after {text_s:.1f} s")
    files = shelf.wait(FINISHED, watch)
    full_s, full_cpu = time.monotonic() - began, cpu(service)
    busy = sorted(seconds - busy_before.get(thread, 0) for thread, seconds in busy_seconds(embedder).items())
    metrics = service.metrics()

    pages = sum(file["pages_done"] for file in files)
    pieces = int(metrics.get(("quire_pieces_embedded_total", "embedder"), 0))
    embed_s = metrics.get(("quire_embed_seconds_total", "embedder"), 0)
    reading_s = text_cpu["extractor"] - before["extractor"]
    rest = at_rest(service)
    roles = {name: {"peak_mb": status_megabytes(pid, "VmHWM"), **rest[name],
                    "cpu_seconds": full_cpu[name] - before[name]}
             for name, pid in pids(service).items()}
    roles["extractor's child"] = {"peak_mb": watch.peak, "rest_mb": 0.0, "rest_cpu_percent": 0.0,
                                  "cpu_seconds": 0.0}     # counted with the extractor's
    return {
        "files": len(files),
        "files_failed": sum(file["state"] == "failed" for file in files),
        "megabytes": sum(file["bytes"] for file in files) / 1e6,
        "pages": pages,
        "pages_ocr": int(metrics.get(("quire_pages_ocr_total", "extractor"), 0)),
        "pages_failed": sum(file["pages_failed"] for file in files),
        "pages_empty": sum(page["status"] == "empty" for file in files for page in service.ledger(file["id"])),
        "chunks": sum(file["chunks"] for file in files),
        "tokens": pieces,
        "seconds_to_text": text_s,
        "seconds_to_full": full_s,
        "cpu_seconds": sum(role["cpu_seconds"] for role in roles.values()),
        "peak_mb": sum(role["peak_mb"] for role in roles.values()),
        "embedders_busy_percent": 100 * sum(busy[-threads:]) / (full_s * threads),   # of those that encode
        "reading_cpu_seconds": reading_s,
        "pages_per_second_and_core": pages / reading_s,
        "pages_per_second": pages / text_s,
        "tokens_per_second_and_thread": pieces / embed_s if embed_s else 0.0,
        "tokens_per_second": pieces / full_s,
        "roles": roles,
    }


NAMES = [
    ("files", "files"), ("files_failed", "  of these failed"), ("megabytes", "megabytes"),
    ("pages", "pages"), ("pages_ocr", "  of these by OCR"), ("pages_failed", "  of these failed"),
    ("chunks", "chunks"), ("tokens", "tokens (word pieces) embedded"),
    ("seconds_to_text", "seconds until all text is searchable"),
    ("seconds_to_full", "seconds until all is indexed"),
    ("cpu_seconds", "processor seconds of all roles"),
    ("embedders_busy_percent", "percent of that time that embedders work or wait for a core"),
    ("reading_cpu_seconds", "processor seconds of reading"),
    ("pages_per_second_and_core", "pages/s of reading, one core"),
    ("pages_per_second", "pages/s until searchable"),
    ("tokens_per_second_and_thread", "tokens/s of embedding, one thread"),
    ("tokens_per_second", "tokens/s until all is indexed"),
]


# -- beside Python's usual parts --------------------------------------------------------------------

def run_pipeline(paths, threads):
    """What pipeline.py says of these files."""
    python, model = os.environ["QUIRE_RIVALS_PYTHON"], os.environ["QUIRE_MODEL_DIR"]
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, here / "minilm_onnx.py", model, folder], check=True, stderr=subprocess.DEVNULL)
        say(f"Python's pipeline, {threads} thread{'s' * (threads > 1)}")
        run = subprocess.run([python, here / "pipeline.py", str(threads), model, f"{folder}/int8_plain.onnx"],
                             input="\n".join(map(str, paths)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def beside(quire, rivals):
    """Tables of what each did and what that took."""
    engines = {"Quire": {**quire, "seconds": quire["seconds_to_full"],
                         "files_failed": quire["files_failed"]}, **rivals}
    rows = [(name, f"{it['pages']:,}", f"{it['pages_empty']:,}", f"{it['chunks']:,}", f"{it['tokens']:,}",
             f"{it['cpu_seconds']:.1f}", f"{it['pages'] / it['cpu_seconds']:.1f}", f"{it['seconds']:.1f}",
             f"{it['pages'] / it['seconds']:.1f}", f"{it['peak_mb']:.0f}") for name, it in engines.items()]
    whole = markdown(["", "pages", "of these empty", "chunks", "tokens", "CPU s", "pages per CPU s", "seconds",
                      "pages/s", "peak MB"], rows)
    parts = {"Quire": {name: role["cpu_seconds"] for name, role in quire["roles"].items() if role["cpu_seconds"]},
             **{name: rival["cpu_by_part"] for name, rival in rivals.items()}}
    shares = markdown(["", "processor seconds of its parts"],
                      [(name, ", ".join(f"{part} {seconds:.1f}" for part, seconds in
                                        sorted(its.items(), key=lambda item: -item[1])))
                       for name, its in parts.items()])
    busy = (f"Quire's embedders worked, or waited for a processor, {quire['embedders_busy_percent']:.0f} % of the "
            "time until all was indexed.")
    return f"{whole}\n\n{shares}\n\n{busy}"


def main():
    parser = arguments(__doc__)
    parser.add_argument("--no-ocr", action="store_true", help="leave pages without text empty")
    parser.add_argument("--rivals", action="store_true",
                        help="measure Python's usual parts too; without OCR, since they have none")
    options = parser.parse_args()
    if options.no_ocr or options.rivals:
        options.set.append("QUIRE_EXTRACTOR_OCR=off")
    paths, rivals, where = find_pdfs(options.folder), {}, machine()
    if options.rivals:
        for threads in sorted({1, len(os.sched_getaffinity(0))}):
            rivals[f"Python, {threads} thread{'s' * (threads > 1)}"] = run_pipeline(paths, threads)
    with running_service(options) as service:
        result = measure(service, paths, options.folder)
    text = table(["", ""], [(name, result[key]) for key, name in NAMES]).lstrip("\n")
    roles = table(["", "peak MB", "MB at rest", "CPU % at rest", "CPU s"],
                  [(name, *figures.values()) for name, figures in sorted(result["roles"].items())])
    text += f"\n\n{roles}"
    if rivals:
        comparison = beside(result, rivals)
        result["rivals"] = rivals
        text += f"\n\n{comparison}"
        write_part("ingest", "scripts/bench ingest DIR --rivals", where, comparison)
    report(options, result, text)


main()
