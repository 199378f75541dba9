"""Fault 8: no embedder is there while 5,000 pages are taken in. Memory stays flat, text search works
all the while, and the vectors come when embedders come."""

import hashlib
import itertools
import threading

import pytest

import kept
import pdfs
from corpus import Document
from processes import anonymous_bytes
from service import ROLES, wait_until

FILES, FILE_PAGES = 10, 500
PAGES = FILES * FILE_PAGES
WINDOWS = [(PAGES + first, PAGES + first + 1500) for first in (0, 1750, 3500)]   # of pages, when memory is looked at
READ_S = 300
EMBED_S = 300
TOLD_S = 10
FOUND_S = 30     # a page that was committed is found by its words
EVERY_S = 0.1
TEXT_WORDS, TEXT_BYTES = 75, 350   # of a page, at least
WORD, FACT_PAGE = "Zebulon", 5
FACT = f"The harbour master of the northern berth keeps a parrot named {WORD}."


class Watch:
    """Looks at the memory of roles, and at the pages committed by then."""

    def __init__(self, service, roles):
        self.service, self.roles = service, roles
        self.samples = []    # (pages, {role: bytes})
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over.wait(EVERY_S):
            self.samples.append((committed(self.service), {
                role: anonymous_bytes(self.service.processes[role].pid) for role in self.roles}))

    def stop(self):
        self.over.set()
        self.thread.join()

    def typical(self, role, within):
        """The middle one of the values while so many pages were committed."""
        first, last = within
        values = sorted(memory[role] for pages, memory in self.samples if first <= pages <= last)
        assert values, f"nobody looked while {first} to {last} pages were there"
        return values[len(values) // 2]


def committed(service):
    return service.metrics().get(("quire_pages_committed_total", "answerer"), 0)


@pytest.fixture(scope="module")
def document():
    """One file for all, so that the clean run is short: each upload of it is read and indexed anew."""
    texts = [pdfs.filler(f"backlog-{page}", TEXT_WORDS) for page in range(1, FILE_PAGES + 1)]
    assert all(len(text) >= TEXT_BYTES for text in texts)
    texts[FACT_PAGE - 1] += f" {FACT}"
    pdf = pdfs.text_pdf(texts)
    return Document("backlog.pdf", WORD, FILE_PAGES, pdf, hashlib.sha256(pdf).hexdigest())


def is_found(service, store, file_id, query, ranker):
    results = service.search(store, query, ranking_options={"ranker": ranker}, max_num_results=1,
                             filters={"type": "eq", "key": "file_id", "value": file_id})
    return [result["page"] for result in results] == [FACT_PAGE]


def is_read(service):
    files = service.http.get("/v1/files", params={"limit": 100}).json()["data"]
    return all(file["pages_done"] == FILE_PAGES for file in files)


def upload(service, document):
    return [service.upload(document.pdf, document.name)["id"] for _ in range(FILES)]


def search_while_reading(service, store, ids):
    """Asks for the fact of each file as soon as its page is committed, and again and again until all pages
    are. Returns how many searches found theirs before that."""
    searches = 0
    for file_id in ids:
        wait_until(lambda: service.http.get(f"/v1/files/{file_id}/pages/{FACT_PAGE}").status_code == 200,
                   READ_S, "the page of the fact to be committed")
        wait_until(lambda: is_found(service, store, file_id, WORD, "lexical"), FOUND_S, "it to be found")
        searches += not is_read(service)
    for file_id in itertools.cycle(ids):
        if is_read(service):
            return searches
        assert is_found(service, store, file_id, WORD, "lexical")
        searches += 1


def assert_flat(watch, roles):
    """From one window to the next less is added than it would take to keep the texts, and nothing else, of
    the pages between. What grows with the pages does so both times; once, the allocator may take a step."""
    most = (WINDOWS[1][0] - WINDOWS[0][0]) * TEXT_BYTES
    for role in roles:
        first, middle, last = (watch.typical(role, window) for window in WINDOWS)
        print(f"{role}: {first >> 10}, {middle >> 10}, {last >> 10} kB; each time less than {most >> 10} kB more")
        assert min(middle - first, last - middle) < most, role


def test_no_embedder_for_five_thousand_pages(new_service, document, clean_run, counters):
    clean = clean_run([document])
    service = new_service(roles=[role for role in ROLES if role != "embedder"]).start()
    service.wait_missing("embedder")
    seen = counters(service)
    store = service.new_store("backlog")
    ids = upload(service, document)
    for file_id in ids:
        service.attach(store, file_id)
    searches = search_while_reading(service, store, ids)
    print(f"{searches} searches found a fact while pages were read")
    assert searches
    # As many pages again, when SQLite's caches are full, and nobody searches and fills others.
    roles = ("gateway", "answerer")
    wait_until(lambda: committed(service) == PAGES, TOLD_S, "all pages to be counted")
    watch = Watch(service, roles)
    more = upload(service, document)
    wait_until(lambda: committed(service) == 2 * PAGES, READ_S, "all pages to be read", every=0.2)
    watch.stop()
    assert_flat(watch, roles)
    assert {service.file(file_id)["state"] for file_id in (*ids, *more)} == {"indexing"}
    assert service.metrics()["quire_vectors", "answerer"] == 0
    for file_id in more:   # so that there is less to embed
        assert service.http.delete(f"/v1/files/{file_id}").status_code == 200

    service.start_role("embedder")
    kept.wait_finished(service, EMBED_S)
    files = kept.assert_as_clean(service, clean, ids)
    assert set(files) == set(ids)
    assert all(is_found(service, store, file_id, FACT, "dense") for file_id in ids)
    seen.assert_ingest(files, gone=PAGES)
    kept.assert_whole(service)
