"""Fault 9: every role is restarted while searches come: none fails, and none takes long. The gateway's
own client is the stock OpenAI client, which repeats what a closed connection has cut off."""

import signal
import statistics
import threading
import time

import openai
import pytest

import pdfs
from service import ROLES, wait_until

CLIENTS = 4
RESTARTS = 3
MOST_S = 3          # 99 of 100 searches
TRIES = 3           # a busy machine may be slow; one of these runs must not be
REST_S = 1.5        # of load between two restarts


class Load:
    """Clients that search all the time. What fails is kept, and how long each search took."""

    def __init__(self, service, store):
        self.service, self.store = service, store
        self.times, self.wrong = [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._search, args=(number,), daemon=True)
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _search(self, number):
        client = openai.OpenAI(base_url=f"{self.service.url}/v1", api_key="any", timeout=30)
        while not self.over.is_set():
            index = (len(self.times) + number) % len(pdfs.FACTS)
            begun = time.monotonic()
            try:
                page = client.vector_stores.search(self.store, query=pdfs.FACTS[index][0])
                found = [result.model_extra["page"] for result in page.data]
                if found[:1] != [self.places[index]]:
                    self.wrong.append((pdfs.FACTS[index][0], found))
            except Exception as error:   # whatever it is, a user would have seen it
                self.wrong.append(repr(error))
            self.times.append(time.monotonic() - begun)

    places = pdfs.fact_pages(20)[1]

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return statistics.quantiles(self.times, n=100)[98]


def restart(service, role, number):
    process = service.processes.pop(role)
    if number == signal.SIGTERM:
        assert process.stop() == 0
    else:
        process.kill()
    service.start_role(role)


def run(service, store, role, number):
    load = Load(service, store)
    for _ in range(RESTARTS):
        time.sleep(REST_S)
        restart(service, role, number)
        wait_until(service.answers_ready, 60, "the role to be back")
    time.sleep(REST_S)
    p99 = load.stop()
    assert not load.wrong, load.wrong[:5]
    assert len(load.times) > 100
    print(f"{role} {signal.Signals(number).name}: {len(load.times)} searches, p99 {p99:.3f} s, longest {max(load.times):.3f} s")
    return p99


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("role", ROLES)
def test_searches_go_on(new_service, role, number):
    service = new_service().start().wait_ready()
    store = service.new_store("load")
    texts, _ = pdfs.fact_pages(20)
    service.add(pdfs.text_pdf(texts), store=store)
    best = min_of(lambda: run(service, store, role, number))
    assert best <= MOST_S


def min_of(measure):
    best = measure()
    for _ in range(TRIES - 1):
        if best <= MOST_S:
            break
        best = min(best, measure())
    return best
