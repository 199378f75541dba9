"""Starts again what has ended, as the real supervisor does. What it has started dies with its thread,
so that a test must be through before it stops it."""

import threading

import httpx

from service import wait_until

EVERY_S = 0.2
PATIENCE_S = 300


class Supervisor:
    def __init__(self, service):
        self.service = service
        self.restarts = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(EVERY_S):
            self.restarts += len(self.service.dead())
            self.service.restart_dead()

    def stop(self):
        self.over.set()
        self.thread.join()

    def wait_finished(self):
        """Waits until no file is under way, whatever ends and is started meanwhile."""
        def over():
            try:
                files = self.service.http.get("/v1/files").json()["data"]
            except httpx.TransportError:
                return False
            return all(file["state"] in ("completed", "failed") for file in files)

        wait_until(over, PATIENCE_S, "all files to be finished", every=0.2)
        wait_until(self.service.answers_ready, PATIENCE_S, "everybody to be there")
