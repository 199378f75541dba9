"""The counters of all roles, added up over processes that came and went."""

import re
import threading

import httpx

from service import wait_until

TOLD_S = 10    # in which every process has told what it counted
EVERY_S = 0.25
_SAMPLE = re.compile(r'^quire_(\w+)\{role="(\w+)",instance="(\w+)"\} ([0-9.eE+-]+)$', re.M)


class Counters:
    """Looks at /metrics again and again, since a process that is killed takes its counters with it.
    What a process counted after the last look at it is not known, so that a sum is a least one;
    it is exact when none was killed."""

    def __init__(self, service):
        self.service = service
        self.samples = {}    # (name, role, instance): the last value that was seen
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        with httpx.Client(base_url=self.service.url, timeout=10) as http:
            while not self.over.wait(EVERY_S):
                self.look(http)

    def look(self, http):
        try:
            text = http.get("/metrics").text
        except httpx.TransportError:
            return
        for name, role, instance, value in _SAMPLE.findall(text):
            self.samples[name, role, instance] = float(value)

    def total(self, name, role=None):
        """Such as total ("tasks_redispatched_total", "gateway")."""
        self.look(self.service.http)
        return sum(value for (sample, of, _), value in dict(self.samples).items()
                   if sample == name and role in (None, of))

    def assert_total(self, name, amount, role=None):
        """Exactly so many, when every process has told what it counted."""
        wait_until(lambda: self.total(name, role) >= amount, TOLD_S, f"{name} to be {amount}")
        assert self.total(name, role) == amount, name

    def stop(self):
        self.over.set()
        self.thread.join()
