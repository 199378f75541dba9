"""The counters of all roles, added up over processes that came and went."""

import re
import threading

import httpx

from service import wait_until

TOLD_S = 10    # in which every process has told what it counted
EVERY_S = 0.25
UNWANTED = ("tasks_redispatched_total", "duplicates_ignored_total", "orphans_dropped_total", "pages_failed_total",
            "children_killed_total")   # without a reason none of these happens
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

    def assert_ingest(self, files, reasons=(), gone=0):
        """Of {id: kept.File}, and `gone` pages that were deleted since: each page was committed once. Of what
        is unwanted only what the fault is a reason for has happened."""
        self.assert_total("pages_committed_total", gone + sum(len(file.pages) for file in files.values()))
        totals = {name: self.total(name) for name in UNWANTED}
        wrong = {name: total for name, total in totals.items() if total and name not in reasons}
        assert not wrong, wrong
        print(*(f"{name.removesuffix('_total')}={total:.0f}" for name, total in totals.items()))

    def stop(self):
        self.over.set()
        self.thread.join()
