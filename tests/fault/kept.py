"""What a service has kept: every file with its pages, chunks and vectors, read from its store, and
how that is compared with a clean run."""

import hashlib
import re
import sqlite3
from dataclasses import dataclass

from service import FINISHED, wait_until

FINISH_S = 600
SWEEP_S = 30   # until bytes that a crash left are set aside, with SETTINGS
SETTINGS = {"QUIRE_GATEWAY_ORPHAN_S": 2}   # so that nobody waits ten minutes for it

BOARD = re.compile(r"^board: jobs=\d+$", re.M)   # what the checker says when it has looked at it
STATES = {1: "queued", 2: "reading", 3: "indexing", 4: "completed", 5: "failed"}

_FILES = "SELECT number, id, sha256, state, pages, pages_done, pages_failed, chunks, vectors FROM files"
_PAGES = "SELECT number, file, page, status, text, words FROM pages ORDER BY file, page"
_CHUNKS = ("SELECT c.page, c.start, c.end, v.vector FROM chunks c LEFT JOIN vectors v ON v.chunk = c.id"
           " ORDER BY c.page, c.start, c.end")


@dataclass(frozen=True)
class Page:
    page: int
    status: int
    text: str        # SHA-256, as words is
    words: str
    chunks: tuple    # of (start, end, SHA-256 of the vector, or None): one that is there twice shows


@dataclass(frozen=True)
class File:
    sha256: str
    state: str
    page_count: int
    pages: tuple     # of Page


def _digest(value):
    if value is None:
        return None
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def _group(rows):
    groups = {}
    for key, value in rows:
        groups.setdefault(key, []).append(value)
    return groups


def read(data):
    """{file id: File} of a data folder, at one moment, with the service running or not."""
    store = sqlite3.connect(f"file:{data}/store.sqlite?mode=ro", uri=True, timeout=30)
    try:
        store.execute("BEGIN")
        chunks = _group((page, (start, end, _digest(vector)))
                        for page, start, end, vector in store.execute(_CHUNKS))
        pages = _group((file, Page(page, status, _digest(text), _digest(words),
                                   tuple(chunks.pop(number, ()))))
                       for number, file, page, status, text, words in store.execute(_PAGES))
        files = {}
        for number, file_id, sha256, state, count, done, failed, chunk_count, vectors in (
                store.execute(_FILES)):
            of_file = tuple(pages.pop(number, ()))
            files[file_id] = File(sha256, STATES[state], count, of_file)
            _check_counts(file_id, of_file, done, failed, chunk_count, vectors)
        assert not pages, f"pages without a file: {pages}"
        assert not chunks, f"chunks without a page: {chunks}"
        return files
    finally:
        store.close()


def _check_counts(file_id, pages, done, failed, chunk_count, vectors):
    """What the row of a file says of it must be what is there."""
    chunks = [chunk for page in pages for chunk in page.chunks]
    counted = (len(pages), sum(page.status >= 4 for page in pages), len(chunks),
               sum(vector is not None for _, _, vector in chunks))
    assert counted == (done, failed, chunk_count, vectors), (
        f"{file_id}: pages, failed, chunks, vectors are {counted}, its row says"
        f" {(done, failed, chunk_count, vectors)}")


def wait_finished(service, within=FINISH_S):
    """Waits until no file of the service is under way."""
    service.wait_ready()
    wait_until(lambda: all(file["state"] in FINISHED for file in service.http.get("/v1/files").json()["data"]),
               within, "all files to be finished", every=0.2)


def clean_run(service, documents):
    """What a service that nothing happens to keeps: {sha256: File}."""
    service.start().wait_ready()
    ids = [service.upload(document.pdf, document.name)["id"] for document in documents]
    wait_finished(service)
    files = read(service.data)
    assert set(files) == set(ids)
    assert {file.state for file in files.values()} <= {"completed"}
    return {file.sha256: file for file in files.values()}


def differences(file_id, file, clean):
    """What a file has otherwise than in the clean run, in words."""
    if file == clean:
        return []
    found = [f"{file_id}: {name} is {getattr(file, name)}, clean {getattr(clean, name)}"
             for name in ("sha256", "state", "page_count") if getattr(file, name) != getattr(clean, name)]
    numbers = [page.page for page in file.pages]
    if numbers != [page.page for page in clean.pages]:
        found.append(f"{file_id}: pages {numbers}, clean {[page.page for page in clean.pages]}")
    by_number = {page.page: page for page in clean.pages}
    found += [f"{file_id}: page {page.page} is {page}, clean {by_number[page.page]}"
              for page in file.pages if page != by_number.get(page.page, page)]
    return found


def assert_as_clean(service, clean, expected):
    """Every file is finished and has exactly what the clean run has, nothing twice; those `expected`
    (ids) are there. A file that nobody was told of may be there too (its upload's answer was cut
    off), and must be as whole. Returns {file id: File}."""
    files = read(service.data)
    missing = set(expected) - set(files)
    assert not missing, f"answered with success, and lost: {missing}"
    wrong = [line for file_id, file in files.items()
             for line in differences(file_id, file, clean[file.sha256])]
    assert not wrong, "\n".join(wrong)
    listed = {file["id"]: file["state"] for file in service.http.get("/v1/files").json()["data"]}
    assert listed == {file_id: "completed" for file_id in files}
    return files


def assert_finished(service, clean, uploads):
    """Waits until every document was taken, with no answer that no client should see, and is finished as in
    the clean run. Returns {file id: File}."""
    uploads.finish()
    assert not uploads.wrong, uploads.wrong
    wait_finished(service)
    return assert_as_clean(service, clean, uploads.answered)


def assert_found(service, documents, files):
    """Each document is found by its own word, on each of its pages, once for each file of it."""
    store = service.new_store("found")
    for file_id in files:
        service.attach(store, file_id)
    by_sha256 = {}
    for file_id, file in files.items():
        by_sha256.setdefault(file.sha256, []).append(file_id)
    for document in documents:
        results = service.search(store, document.word, max_num_results=50,
                                 ranking_options={"ranker": "lexical"})
        places = sorted((result["file_id"], result["page"]) for result in results)
        assert places == sorted((file_id, page) for file_id in by_sha256.get(document.sha256, ())
                                for page in range(1, document.pages + 1)), document


def assert_whole(service):
    """scripts/check-data finds nothing: while the service runs, and, when it has been stopped in order,
    not even something to be made good. Bytes that a crash left without a file are set aside first."""
    wait_until(lambda: "no file has the new bytes" not in service.check_data("--once", "--quick").stdout,
               SWEEP_S, "bytes of cut uploads to be set aside", every=1)
    service.assert_dead()
    running = service.check_data()
    assert running.returncode == 0, running.stdout
    assert BOARD.search(running.stdout), f"the job board was not looked at:\n{running.stdout}"
    statuses = service.stop()
    assert set(statuses.values()) == {0}, statuses
    stopped = service.check_data()
    notes = [line for line in stopped.stdout.splitlines()
             if line.startswith("note:") and "lie aside" not in line]
    assert stopped.returncode == 0 and not notes, stopped.stdout
