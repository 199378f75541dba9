"""Fault 11: files and vector stores are deleted while they are read, embedded, searched, uploaded again
and while roles are killed. What was deleted is found by nobody, and nothing is left of it."""

import threading

import httpx
import pytest

import faults
import kept
from corpus import make_document
from service import wait_until

LONG_PAGES = 60
ROUNDS = 20
RANKERS = ("fused", "lexical", "dense")
FIRST_OF_OWN = 20000   # documents that no corpus has


def found(service, store, word, ranker="lexical"):
    """Files that a search finds; one that has to wait for an embedder is asked again."""
    def ask():
        answer = service.http.post(f"/v1/vector_stores/{store}/search", json={
            "query": word, "max_num_results": 50, "ranking_options": {"ranker": ranker}})
        return answer if answer.status_code != 503 else None

    answer = wait_until(ask, 60, "a search to be answered")
    assert answer.status_code == 200, answer.text
    return {result["file_id"] for result in answer.json()["data"]}


def delete(service, file_id):
    answer = service.http.delete(f"/v1/files/{file_id}")
    assert answer.status_code == 200, answer.text


def assert_gone(service, store, document, file_id):
    """As seen by every way of asking."""
    for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/pages", f"/v1/files/{file_id}/pages/1",
                 f"/v1/files/{file_id}/content", f"/v1/vector_stores/{store}/files/{file_id}"):
        assert service.http.get(path).status_code == 404, path
    for ranker in RANKERS:
        assert file_id not in found(service, store, document.word, ranker), ranker


@pytest.fixture
def library(new_service, counters):
    service = new_service().start().wait_ready()
    return service, service.new_store("shelf"), counters(service)


STAGES = {
    "before it is read": lambda file: True,
    "while it is read": lambda file: 0 < file["pages_done"] < LONG_PAGES,
    "while it is embedded": lambda file: 0 < file["vectors"] < file["chunks"] and file["state"] == "indexing",
}


@pytest.mark.parametrize("stage", STAGES)
def test_delete_during_ingest(library, stage):
    service, store, seen = library
    document = make_document(FIRST_OF_OWN, LONG_PAGES)
    other = make_document(FIRST_OF_OWN + 1, 3)
    kept_id = service.add(other.pdf, other.name, store)
    file_id = service.upload(document.pdf, document.name)["id"]
    service.attach(store, file_id)
    wait_until(lambda: STAGES[stage](service.file(file_id)), 60, stage, every=0)
    delete(service, file_id)
    assert_gone(service, store, document, file_id)
    # Its extractor and embedder are through with it when they have done what came later.
    last = make_document(FIRST_OF_OWN + 2, 3)
    last_id = service.add(last.pdf, last.name, store)
    assert_gone(service, store, document, file_id)
    assert set(kept.read(service.data)) == {kept_id, last_id}
    assert found(service, store, other.word) == {kept_id}
    orphans = sum(seen.total(name) for name in ("orphans_dropped_total", "results_late_total"))
    print(f"{stage}: {orphans:.0f} late results dropped")
    assert seen.total("pages_failed_total") == seen.total("children_killed_total") == 0
    kept.assert_whole(service)


def test_delete_during_search(library):
    """A search that was begun after a deletion was answered never finds the file."""
    service, store, seen = library
    documents = [make_document(FIRST_OF_OWN + number, 2, words=20) for number in range(ROUNDS)]
    ids = {service.upload(document.pdf, document.name)["id"]: document for document in documents}
    for file_id in ids:
        service.attach(store, file_id)
    for file_id in ids:
        assert service.wait_file(file_id)["state"] == "completed"
    gone, wrong, searches, over = set(), [], [0], threading.Event()

    def search():
        with httpx.Client(base_url=service.url, timeout=60) as http:
            while not over.is_set():
                for ranker in RANKERS:
                    before = set(gone)
                    answer = http.post(f"/v1/vector_stores/{store}/search", json={
                        "query": " ".join(document.word for document in documents),
                        "max_num_results": 50, "ranking_options": {"ranker": ranker}})
                    if answer.status_code != 200:
                        wrong.append(answer.text)
                        continue
                    wrong.extend(before & {result["file_id"] for result in answer.json()["data"]})
                    searches[0] += 1

    threads = [threading.Thread(target=search, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for file_id in ids:
        begun = searches[0]
        wait_until(lambda: searches[0] > begun + 1, 60, "searches to be under way", every=0.005)
        delete(service, file_id)
        gone.add(file_id)
    begun = searches[0]
    wait_until(lambda: searches[0] >= begun + 2 * len(RANKERS), 60, "searches after the last deletion")
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    for file_id, document in ids.items():
        assert_gone(service, store, document, file_id)
    assert kept.read(service.data) == {}
    print(f"{searches[0]} searches beside {len(ids)} deletions")
    kept.assert_whole(service)


def test_delete_and_upload_again_at_once(library, chance):
    """The same bytes, again and again: also when the deletion and the upload are under way together."""
    service, store, seen = library
    document = make_document(FIRST_OF_OWN, 3)
    clean = service.add(document.pdf, document.name)
    expected = kept.read(service.data)[clean]
    current, deleted = clean, set()
    for number in range(ROUNDS):
        if chance.random() < 0.5:
            wait_until(lambda: service.file(current)["pages_done"] > 0, 60, "its reading to begin", every=0)
        old, together = current, chance.random() < 0.7
        thread = threading.Thread(target=delete, args=(service, old), daemon=True)
        thread.start()
        if not together:
            thread.join()
        current = service.upload(document.pdf, document.name)["id"]
        service.attach(store, current)
        thread.join()
        deleted.add(old)
        assert_gone(service, store, document, old)
        assert service.http.get(f"/v1/files/{current}/content").content == document.pdf
    service.wait_file(current)
    assert kept.read(service.data) == {current: expected}
    for ranker in RANKERS:
        assert found(service, store, document.word, ranker) == {current}
    assert len({current, *deleted}) == ROUNDS + 1
    assert seen.total("pages_failed_total") == 0
    kept.assert_whole(service)


def test_vector_store_deleted_while_its_files_are_read(library):
    service, store, seen = library
    documents = [make_document(FIRST_OF_OWN + number, 12) for number in range(4)]
    other = service.new_store("other")
    ids = {service.upload(document.pdf, document.name)["id"]: document for document in documents}
    for file_id in ids:
        service.attach(store, file_id)
        service.attach(other, file_id)
    first = next(iter(ids))
    wait_until(lambda: service.file(first)["pages_done"] > 0, 60, "the reading to begin")
    assert service.http.delete(f"/v1/vector_stores/{store}").status_code == 200
    answer = service.http.post(f"/v1/vector_stores/{store}/search", json={"query": documents[0].word})
    assert answer.status_code == 404
    assert service.http.get(f"/v1/vector_stores/{store}").status_code == 404
    for file_id, document in ids.items():
        assert service.wait_file(file_id)["state"] == "completed"
        assert found(service, other, document.word) == {file_id}
    pages = sum(document.pages for document in documents)
    seen.assert_total("pages_committed_total", pages)
    assert seen.total("duplicates_ignored_total") == seen.total("pages_failed_total") == 0
    kept.assert_whole(service)


class Deletion(threading.Thread):
    """One that is under way; answer is None when it was cut off."""

    def __init__(self, service, file_id):
        super().__init__(daemon=True)
        self.service, self.file_id, self.answer = service, file_id, None
        self.start()

    def run(self):
        try:
            self.answer = self.service.http.delete(f"/v1/files/{self.file_id}")
        except httpx.TransportError:
            pass


@pytest.mark.parametrize("role", faults.PROCESSES)
def test_delete_and_kill(library, role):
    """A deletion that was answered stays, whatever is killed in that moment; one that was cut off can be
    asked for again."""
    service, store, seen = library
    documents = [make_document(FIRST_OF_OWN + number, 6) for number in range(6)]
    ids = {service.upload(document.pdf, document.name)["id"]: document for document in documents}
    for file_id in ids:
        service.attach(store, file_id)
    wait_until(lambda: any(service.file(file_id)["pages_done"] for file_id in ids), 60, "the reading to begin")
    *to_delete, last = ids
    for file_id in to_delete:
        thread = Deletion(service, file_id)
        faults.kill(service, {role})
        faults.restart(service, {role})
        thread.join()
        answer = thread.answer
        service.wait_ready()
        if answer is None or answer.status_code == 503:
            answer = service.http.delete(f"/v1/files/{file_id}")
            assert answer.status_code in (200, 404), answer.text
        else:
            assert answer.status_code == 200, answer.text
        assert_gone(service, store, ids[file_id], file_id)
    assert service.wait_file(last)["state"] == "completed"
    assert set(kept.read(service.data)) == {last}
    assert found(service, store, ids[last].word) == {last}
    assert seen.total("pages_failed_total") == 0
    kept.assert_whole(service)
