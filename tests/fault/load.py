"""A mixed load: clients that upload, search and delete all the time, and know what must be true of
what they were answered."""

import collections
import itertools
import random
import threading
import time

import httpx

import kept
from corpus import make_document

FIRST_NUMBER = 30000   # of its documents: no corpus has them
TRY_S = 60
REFUSALS = (429, 503)  # of what can be asked again later
DISK_FULL = 507        # the same, where the disk may be full
REST_S = 0.05          # between two tries of what was refused or cut off
DELETE_REST_S = 0.2    # between two deletions
RANKERS = ("fused", "lexical", "dense")


def supply():
    """Documents without end."""
    for number in itertools.count(FIRST_NUMBER):
        yield make_document(number, 1 + number % 4)


class Load:
    """One client uploads document after document and attaches them to a store, as long as there are
    fewer than `most`; one deletes files, old and new, when there is more than half of that, a few a
    second, so that most have been read; one searches. Whatever is cut off or refused is tried again
    until it is answered. rest_s: what each rests between two. disk_fills: its disk may be full at times."""

    def __init__(self, service, seed, most=60, rest_s=0.0, disk_fills=False):
        self.service, self.most, self.rest_s, self.disk_fills = service, most, rest_s, disk_fills
        self.supply = supply()
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.there = {}         # file id: document; answered, and not asked to be deleted
        self.gone = set()       # ids whose deletion was answered
        self.by_word = {}       # word: document
        self.counts = collections.Counter()
        self.wrong = []         # what must never be, in words
        self.store = service.new_store("load")
        self.threads = [threading.Thread(target=self._run, args=(work,), daemon=True)
                        for work in (self._upload, self._delete, self._search)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends the clients, each after what it is at."""
        self.over.set()
        for thread in self.threads:
            thread.join()

    def assert_kept(self, service, clean_run):
        """What was answered is true, and what is there is what a clean run of it keeps. The service must
        have finished all files. Returns {file id: kept.File}."""
        assert not self.wrong, self.wrong
        there = set(kept.read(service.data))
        assert not there & self.gone, f"deleted, and there: {there & self.gone}"
        # What is there without anybody knowing was kept by an upload that was cut off.
        assert len(there - set(self.there)) <= self.counts["upload cut off"]
        hashes = {file.sha256 for file in kept.read(service.data).values()}
        documents = [document for document in self.by_word.values() if document.sha256 in hashes]
        files = kept.assert_as_clean(service, clean_run(documents), self.there)
        kept.assert_found(service, documents, files)
        return files

    def _run(self, work):
        with httpx.Client(base_url=self.service.url, timeout=TRY_S) as http:
            while not self.over.is_set():
                try:
                    work(http)
                except Exception as error:   # a client that ends would hide what comes after
                    self.wrong.append(f"{work.__name__}: {error!r}")
                self.over.wait(self.rest_s)

    # -- asking -----------------------------------------------------------------------------------

    def _try(self, what, ask):
        """Asks once. Returns the answer, or None when it was cut off or refused for now."""
        try:
            answer = ask()
        except httpx.TransportError:
            self.counts[f"{what} cut off"] += 1
            return None
        if answer.status_code == DISK_FULL and self.disk_fills and what != "search":
            self.counts[f"{what} found the disk full"] += 1
            return None
        if answer.status_code not in REFUSALS:
            return answer
        self.counts[f"{what} refused"] += 1
        if not answer.headers.get("retry-after", "").isdigit():
            self.wrong.append(f"{what}: {answer.status_code} without Retry-After")
        return None

    def _insist(self, what, ask):
        """Asks until it is answered, also when the load is to stop."""
        while (answer := self._try(what, ask)) is None:
            time.sleep(REST_S)
        return answer

    # -- what clients do --------------------------------------------------------------------------

    def _upload(self, http):
        with self.lock:
            is_full = len(self.there) >= self.most
        if is_full:
            self.over.wait(REST_S)
            return
        document = next(self.supply)
        with self.lock:
            self.by_word[document.word] = document
        answer = self._insist("upload", lambda: http.post(
            "/v1/files", data={"purpose": "assistants"},
            files={"file": (document.name, document.pdf, "application/pdf")}))
        if answer.status_code != 200:
            self.wrong.append(f"upload: {answer.status_code} {answer.text}")
            return
        file_id = answer.json()["id"]
        attached = self._insist("attach", lambda: http.post(
            f"/v1/vector_stores/{self.store}/files", json={"file_id": file_id}))
        if attached.status_code != 200:
            self.wrong.append(f"attach: {attached.status_code} {attached.text}")
        with self.lock:
            self.there[file_id] = document
        self.counts["uploaded"] += 1

    def _delete(self, http):
        with self.lock:
            if len(self.there) <= self.most // 2:
                file_id = None
            else:
                file_id = self.chance.choice(list(self.there))
                del self.there[file_id]
        if file_id is None:
            self.over.wait(REST_S)
            return
        answer = self._insist("delete", lambda: http.delete(f"/v1/files/{file_id}"))
        # A try that was cut off may have done it.
        if answer.status_code not in (200, 404):
            self.wrong.append(f"delete: {answer.status_code} {answer.text}")
            return
        with self.lock:
            self.gone.add(file_id)
        self.counts["deleted"] += 1
        self.over.wait(DELETE_REST_S)

    def _search(self, http):
        with self.lock:
            words = list(self.by_word)
            gone = set(self.gone)
        if not words:
            self.over.wait(REST_S)
            return
        word = self.chance.choice(words)
        ranker = self.chance.choice(RANKERS)
        answer = self._try("search", lambda: http.post(
            f"/v1/vector_stores/{self.store}/search",
            json={"query": word, "ranking_options": {"ranker": ranker}, "max_num_results": 50}))
        if answer is None:
            return
        if answer.status_code != 200:
            self.wrong.append(f"search: {answer.status_code} {answer.text}")
            return
        results = answer.json()["data"]
        deleted = {result["file_id"] for result in results} & gone
        if deleted:
            self.wrong.append(f"search ({ranker}) for {word} found what was deleted: {deleted}")
        with self.lock:
            name = self.by_word[word].name
        if ranker == "lexical" and any(result["filename"] != name for result in results):
            self.wrong.append(f"search for {word} found other files: {results}")
        self.counts["searched"] += 1
