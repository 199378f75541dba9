"""Measures how fast a folder of PDFs becomes searchable, and what that takes."""

import time

from shelf import (FINISHED, Shelf, arguments, descendants, find_pdfs, report, running_service, say,
                   status_megabytes, table, tree_cpu_seconds)

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
    before, began = cpu(service), time.monotonic()
    shelf = Shelf(service, paths, folder)
    say(f"uploaded {len(shelf.ids)} files")
    shelf.wait(TEXT_DONE, watch)
    text_s, text_cpu = time.monotonic() - began, cpu(service)
    say(f"all text searchable after {text_s:.1f} s")
    files = shelf.wait(FINISHED, watch)
    full_s = time.monotonic() - began
    metrics = service.metrics()

    pages = sum(file["pages_done"] for file in files)
    pieces = int(metrics.get(("quire_pieces_embedded_total", "embedder"), 0))
    embed_s = metrics.get(("quire_embed_seconds_total", "embedder"), 0)
    reading_s = text_cpu["extractor"] - before["extractor"]
    rest = at_rest(service)
    roles = {name: {"peak_mb": status_megabytes(pid, "VmHWM"), **rest[name]}
             for name, pid in pids(service).items()}
    roles["extractor's child"] = {"peak_mb": watch.peak, "rest_mb": 0.0, "rest_cpu_percent": 0.0}
    return {
        "files": len(files),
        "files_failed": sum(file["state"] == "failed" for file in files),
        "megabytes": sum(file["bytes"] for file in files) / 1e6,
        "pages": pages,
        "pages_ocr": int(metrics.get(("quire_pages_ocr_total", "extractor"), 0)),
        "pages_failed": sum(file["pages_failed"] for file in files),
        "chunks": sum(file["chunks"] for file in files),
        "tokens": pieces,
        "seconds_to_text": text_s,
        "seconds_to_full": full_s,
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
    ("reading_cpu_seconds", "processor seconds of reading"),
    ("pages_per_second_and_core", "pages/s of reading, one core"),
    ("pages_per_second", "pages/s until searchable"),
    ("tokens_per_second_and_thread", "tokens/s of embedding, one thread"),
    ("tokens_per_second", "tokens/s until all is indexed"),
]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--no-ocr", action="store_true", help="leave pages without text empty")
    options = parser.parse_args()
    if options.no_ocr:
        options.set.append("QUIRE_EXTRACTOR_OCR=off")
    paths = find_pdfs(options.folder)
    with running_service(options) as service:
        result = measure(service, paths, options.folder)
    text = table(["", ""], [(name, result[key]) for key, name in NAMES]).lstrip("\n")
    roles = table(["", "peak MB", "MB at rest", "CPU % at rest"],
                  [(name, *figures.values()) for name, figures in sorted(result["roles"].items())])
    report(options, result, f"{text}\n\n{roles}")


main()
