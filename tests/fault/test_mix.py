"""A random mix of faults under a mixed load of uploads, searches and deletions."""

import itertools
import signal
import time

import faults
import kept
from corpus import make_document
from load import Load
from service import ROLES, wait_until

FAULTS = 16
MOST_FROZEN_S = 7
FIRST_OF_OWN = 30000   # documents that no corpus has
PATIENCE_S = 300


def kill_some(service, chance):
    names = set(chance.sample(faults.PROCESSES, chance.choice((1, 1, 2, len(faults.PROCESSES)))))
    faults.kill(service, names)
    time.sleep(chance.uniform(0, faults.MOST_GONE_S))
    service.restart_dead()
    return f"killed {' '.join(sorted(names))}"


def freeze_one(service, chance):
    role, seconds = chance.choice(ROLES), chance.uniform(0, MOST_FROZEN_S)
    process = service.processes[role]
    process.signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.signal(signal.SIGCONT)
    return f"stopped {role} for {seconds:.1f} s"


def empty_redis(service, chance):
    faults.lose_redis(service)
    time.sleep(chance.uniform(0, MOST_FROZEN_S))
    service.restart_dead()
    return "emptied redis"


def end_one(service, chance):
    role = chance.choice(ROLES)
    status = service.processes[role].stop()
    service.restart_dead()
    assert status == 0, f"{role} ended with {status} when told to"
    return f"restarted {role}"


KINDS = (kill_some, kill_some, freeze_one, empty_redis, end_one)


def supply():
    for number in itertools.count(FIRST_OF_OWN):
        yield make_document(number, 1 + number % 4)


def wait_finished(service):
    service.wait_ready()
    wait_until(lambda: all(file["state"] in ("completed", "failed")
                           for file in service.http.get("/v1/files").json()["data"]),
               PATIENCE_S, "all files to be finished", every=0.2)


def test_random_mix(new_service, clean_run, chance, counters):
    service = new_service().start().wait_ready()
    seen = counters(service)
    load = Load(service, supply(), chance.random())
    plan = [chance.choice(KINDS) for _ in range(FAULTS)]
    for fault in plan:
        time.sleep(chance.uniform(0, chance.choice(faults.RESTS_S)))
        print(fault(service, chance), flush=True)
    load.stop()
    assert not load.wrong, load.wrong
    wait_finished(service)
    documents = list(load.by_word.values())
    clean = clean_run(documents)
    files = kept.assert_as_clean(service, clean, load.there)
    assert not set(files) & load.gone, "deleted, and there"
    # What is there without anybody knowing was kept by an upload that was cut off.
    assert len(set(files) - set(load.there)) <= load.counts["upload cut off"]
    kept.assert_found(service, documents, files)
    kept.assert_whole(service)
    print(dict(load.counts), f"redispatched={seen.total('tasks_redispatched_total'):.0f}",
          f"duplicates={seen.total('duplicates_ignored_total'):.0f}")
