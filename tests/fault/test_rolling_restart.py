"""Fault 9: every role is restarted while searches come: none fails, and none takes long. The clients
repeat nothing, which would hide refusals; but when the gateway itself is restarted, they repeat what a
closed connection has cut off, and what the gateway refused as it was told to end, as the stock OpenAI
client does."""

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
REPEAT_S = 0.1      # before one is asked again
REPEATS = {("gateway", signal.SIGTERM): (openai.APIConnectionError, openai.InternalServerError),
           ("gateway", signal.SIGKILL): (openai.APIConnectionError,)}


class Load:
    """Clients that search all the time. What fails is kept, and how long each search took. repeats: the
    errors after which one is asked again."""

    def __init__(self, service, store, repeats):
        self.service, self.store, self.repeats = service, store, repeats
        self.times, self.wrong, self.repeated = [], [], 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._search, args=(number,), daemon=True)
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _search(self, number):
        client = openai.OpenAI(base_url=f"{self.service.url}/v1", api_key="any", timeout=30, max_retries=0)
        while not self.over.is_set():
            index = (len(self.times) + number) % len(pdfs.FACTS)
            begun = time.monotonic()
            try:
                page = self._ask(client, pdfs.FACTS[index][0])
                found = [result.model_extra["page"] for result in page.data]
                if found[:1] != [self.places[index]]:
                    self.wrong.append((pdfs.FACTS[index][0], found))
            except Exception as error:   # whatever it is, a user would have seen it
                self.wrong.append(repr(error))
            self.times.append(time.monotonic() - begun)

    places = pdfs.fact_pages(20)[1]

    def _ask(self, client, question):
        while True:
            try:
                return client.vector_stores.search(self.store, query=question)
            except openai.APITimeoutError:
                raise
            except self.repeats as error:
                if isinstance(error, openai.APIStatusError):
                    assert (error.status_code, error.code) == (503, "role_away"), error
                    assert error.response.headers["retry-after"].isdigit()
                self.repeated += 1
                time.sleep(REPEAT_S)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return statistics.quantiles(self.times, n=100)[98]


def restart(service, role, number):
    service.assert_dead()
    process = service.processes.pop(role)
    if number == signal.SIGTERM:
        assert process.stop() == 0
    else:
        process.kill()
    service.start_role(role)


def run(service, store, role, number):
    load = Load(service, store, REPEATS.get((role, number), ()))
    for _ in range(RESTARTS):
        time.sleep(REST_S)
        restart(service, role, number)
        wait_until(service.answers_ready, 60, "the role to be back")
    time.sleep(REST_S)
    p99 = load.stop()
    assert not load.wrong, load.wrong[:5]
    assert len(load.times) > 100
    print(f"{role} {signal.Signals(number).name}: {len(load.times)} searches, {load.repeated} tries repeated,"
          f" p99 {p99:.3f} s, longest {max(load.times):.3f} s")
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
