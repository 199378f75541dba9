"""A client that doesn't give up: every document is sent again until its upload is answered."""

import queue
import threading

import httpx

REST_S = 0.05    # between two tries
TRY_S = 60


class Uploads:
    """Threads that upload documents while a service is being broken."""

    def __init__(self, service, clients=2):
        self.service = service
        self.answered = {}     # file id: document; each was answered with success
        self.unanswered = 0    # tries that were cut off: they may have been kept or not
        self.refused = {}      # code of the error: how often
        self.wrong = []        # answers that no client should see
        self.lock = threading.Lock()
        self.waiting = queue.Queue()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def add(self, documents):
        for document in documents:
            self.waiting.put(document)

    def finish(self):
        """Waits until every document has been answered with success."""
        self.waiting.join()
        self.stop()

    def stop(self):
        """Ends the threads; a document whose try was cut off stays unanswered."""
        self.over.set()
        for _ in self.threads:
            self.waiting.put(None)
        for thread in self.threads:
            thread.join()

    def _work(self):
        with httpx.Client(base_url=self.service.url, timeout=TRY_S) as http:
            while (document := self.waiting.get()) is not None:
                while not self._upload(http, document) and not self.over.wait(REST_S):
                    pass
                self.waiting.task_done()

    def _upload(self, http, document):
        try:
            answer = http.post("/v1/files", data={"purpose": "assistants"},
                               files={"file": (document.name, document.pdf, "application/pdf")})
        except httpx.TransportError:
            with self.lock:
                self.unanswered += 1
            return False
        with self.lock:
            if answer.status_code == 200:
                self.answered[answer.json()["id"]] = document
            else:
                self._note_refusal(answer)
        return answer.status_code == 200

    def _note_refusal(self, answer):
        """Only what passes by itself may be answered, with the time after which to try again."""
        code = answer.json()["error"]["code"]
        self.refused[code] = self.refused.get(code, 0) + 1
        if answer.status_code != 503 or not answer.headers.get("retry-after", "").isdigit():
            self.wrong.append((answer.status_code, dict(answer.headers), answer.text))
