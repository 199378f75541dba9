"""Starts again what has ended, as the real supervisor does, and notes what had no reason to. What it has
started dies with its thread, so that a test must be through before it stops it."""

import threading

import httpx

from service import tail, wait_until

EVERY_S = 0.2
PATIENCE_S = 300


class Supervisor:
    def __init__(self, service, breaking):
        """breaking: the one process that the test's fault may end."""
        self.service, self.breaking = service, breaking
        self.restarts = 0
        self.wrong = []    # ends that the fault is no reason for, each with the end of its log
        self.rests = False
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(EVERY_S):
            with self.lock:
                if not self.rests:
                    self._restart()

    def _restart(self):
        for name in self.service.dead():
            self.restarts += 1
            if name != self.breaking:
                process = self.service.processes[name]
                self.wrong.append(f"{name} {process.end()}:\n{tail(self.service.log_path(name))}")
        self.service.restart_dead()

    def rest(self):
        """It starts nothing any more, while what it has started lives on. Nothing else than what the test
        broke may have ended."""
        with self.lock:
            self.rests = True
        assert not self.wrong, "\n".join(self.wrong)

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
