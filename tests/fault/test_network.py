"""Fault 7: a slow network, connections that are cut, and half-open peers between roles."""

import os
import re
import socket
import time

import pytest

import kept
from network import BINDER, LINKS, Network
from processes import resident_bytes
from service import wait_until
from uploads import Uploads

FILES = 40
FOUND_S = 10         # in which a peer that is silent is missed
CUTS = 60
SLOW_S = 0.05
ROUNDS = 10000       # of connections to each bound port
WARM_UP = 2000
STORM_CUTS = 40      # of all four links of a service
MOST_GROWTH = 2 << 20
AGAIN, TWICE = "tasks_redispatched_total", "duplicates_ignored_total"
REASONS = {"extract": (AGAIN, TWICE), "pages": (TWICE,), "embed": (AGAIN,), "ask": ()}   # what a cut link is a reason for


@pytest.fixture
def networked(new_service):
    """A service over proxies: (service, network)."""
    network = Network()
    try:
        yield new_service(settings=network.settings).start().wait_ready(), network
    finally:
        network.close()


@pytest.fixture
def documents(corpus):
    return corpus(FILES)


def begin(service, documents):
    """Uploads everything. Returns the uploads, when some pages have been read."""
    uploads = Uploads(service)
    uploads.add(documents)
    wait_until(lambda: service.metrics().get(("quire_pages_committed_total", "answerer"), 0) > 10, 60,
               "the first pages")
    return uploads


def is_whole(service, seen, uploads, documents, clean, reasons=()):
    """As if nothing had been, but for counters that the fault is a reason for."""
    kept.wait_finished(service)
    assert not uploads.wrong, uploads.wrong
    files = kept.assert_as_clean(service, clean, uploads.answered)
    assert set(files) == set(uploads.answered)
    kept.assert_found(service, documents, files)
    seen.assert_ingest(files, reasons)
    kept.assert_whole(service)


def test_a_slow_network(networked, documents, clean_run, counters):
    service, network = networked
    seen = counters(service)
    for proxy in network.proxies.values():
        proxy.delay = SLOW_S
    uploads = begin(service, documents)
    uploads.finish()
    is_whole(service, seen, uploads, documents, clean_run(documents))   # slow is not gone: nothing is given anew


def test_connections_cut_at_random(networked, documents, clean_run, chance, counters):
    """What was on its way over a cut connection is done again at once: no credit and no task is lost
    with it, and no page is blamed."""
    service, network = networked
    seen = counters(service)
    uploads = begin(service, documents)
    for _ in range(CUTS):
        for link in chance.sample(sorted(LINKS), chance.choice((1, 1, 2, 4))):
            network.proxies[link].cut()
        time.sleep(chance.uniform(0, 0.3))
    uploads.finish()
    assert seen.total("tasks_redispatched_total", "gateway") > 0
    is_whole(service, seen, uploads, documents, clean_run(documents), (AGAIN, TWICE))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("way", [{}, {"inward": False}, {"outward": False}], ids=["both", "out", "in"])
def test_a_half_open_link(networked, documents, clean_run, counters, link, way):
    """Found by silence, though no end's socket says anything; everything goes on when it is over."""
    service, network = networked
    seen = counters(service)
    role, proxy, documents = BINDER[link], network.proxies[link], documents[:FILES // 2]
    uploads = begin(service, documents)
    lost = re.compile(rf"peer_lost link={link} ")
    before = len(lost.findall(service.log_text(role)))
    proxy.stall(**way)
    wait_until(lambda: len(lost.findall(service.log_text(role))) > before, FOUND_S,
               f"the {role} to miss its peer on {link}")
    proxy.release()
    uploads.finish()
    is_whole(service, seen, uploads, documents, clean_run(documents), REASONS[link])


@pytest.mark.parametrize("link, role", [("extract", "extractor"), ("embed", "embedder")])
def test_another_worker_takes_over_from_a_half_open_one(networked, documents, clean_run, link, role, counters):
    service, network = networked
    seen = counters(service)
    service.settings[f"QUIRE_{LINKS[link][1]}"] = f"tcp://127.0.0.1:{network.ports[link]}"
    service.start_role(role)   # whose link goes straight
    uploads = begin(service, documents)
    network.proxies[link].stall()
    wait_until(lambda: seen.total("tasks_redispatched_total") > 0, FOUND_S, "its tasks to go to the other")
    uploads.finish()
    kept.wait_finished(service)   # without the one that hangs
    network.proxies[link].release()
    wait_until(lambda: service.http.get("/v1/status").json()["roles"].get(role) == 2, 20, "it to be there again")
    is_whole(service, seen, uploads, documents, clean_run(documents), REASONS[link])


def connect_and_go(port, rounds):
    for number in range(rounds):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            if number % 2:
                connection.sendall(b"\xff" + bytes(8) + b"\x01\x7f")   # as if it were to speak


def descriptors(service, role):
    return len(os.listdir(f"/proc/{service.processes[role].pid}/fd"))


def test_memory_stays_flat_over_connections_that_come_and_go(networked, documents, clean_run, counters):
    """Ten thousand connections to each bound port, and each real peer cut off again and again."""
    service, network = networked
    seen = counters(service)
    roles = ("gateway", "answerer")

    def storm(rounds, cuts):
        for port in network.ports.values():
            connect_and_go(port, rounds)
        for _ in range(cuts):
            for proxy in network.proxies.values():
                proxy.cut()
            wait_until(lambda: all(proxy.writers for proxy in network.proxies.values()), 30,
                       "everybody to connect again", every=0.005)
        service.wait_ready()
        wait_until(lambda: all(descriptors(service, role) < 200 for role in roles), 30,
                   "the connections to be closed")
        return {role: resident_bytes(service.processes[role].pid) for role in roles}

    before = storm(WARM_UP, STORM_CUTS // 4)
    after = storm(ROUNDS - WARM_UP, STORM_CUTS - STORM_CUTS // 4)
    for role in roles:
        print(f"{role}: {before[role] >> 10} kB after {WARM_UP} rounds, {after[role] >> 10} kB after {ROUNDS}")
        assert after[role] < before[role] + MOST_GROWTH
    uploads = begin(service, documents)
    uploads.finish()
    is_whole(service, seen, uploads, documents, clean_run(documents))
