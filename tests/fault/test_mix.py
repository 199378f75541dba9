"""A random mix of faults under a mixed load of uploads, searches and deletions."""

import time

import faults
import kept
from load import Load

FAULTS = 16


def test_random_mix(new_service, clean_run, chance, counters):
    service = new_service().start().wait_ready()
    seen = counters(service)
    load = Load(service, chance.random())
    for _ in range(FAULTS):
        time.sleep(chance.uniform(0, chance.choice(faults.RESTS_S)))
        print(chance.choice(faults.MIX)(service, chance), flush=True)
    load.stop()
    kept.wait_finished(service)
    files = load.assert_kept(service, clean_run)
    kept.assert_whole(service)
    print(f"files={len(files)}", dict(load.counts), *(
        f"{name}={seen.total(name + '_total'):.0f}" for name in (
            "tasks_redispatched", "duplicates_ignored", "results_late", "orphans_dropped")))
