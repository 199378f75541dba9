"""A random mix of faults under a mixed load of uploads, searches and deletions."""

import functools
import time

import pytest

import faults
import kept
from load import Load
from network import Network
from small_disk import NoDisk, SmallDisk

FAULTS = 20      # of each kind one, then what chance brings
DISK_MB = 300    # of all its data


@pytest.fixture
def disk(tmp_path):
    """A disk that can be filled; None where none can be mounted."""
    try:
        disk = SmallDisk(tmp_path / "data", DISK_MB)
    except NoDisk as reason:
        print(reason)
        yield None
        return
    yield disk
    disk.close()


@pytest.fixture
def network():
    network = Network()
    yield network
    network.close()


def plan(chance, kinds):
    chosen = list(kinds)
    chance.shuffle(chosen)
    return chosen + chance.choices(kinds, k=FAULTS - len(chosen))


def test_random_mix(disk, network, new_service, tmp_path, clean_run, chance, counters):
    service = new_service(data=tmp_path / "data", settings=network.settings).start().wait_ready()
    seen = counters(service)
    kinds = [*faults.MIX, faults.lack_memory, faults.damage_cache, functools.partial(faults.cut_links, network)]
    if disk:
        kinds.append(functools.partial(faults.fill_disk, disk))
    load = Load(service, chance.random(), disk_fills=disk is not None)
    for fault in plan(chance, kinds):
        time.sleep(chance.uniform(0, chance.choice(faults.RESTS_S)))
        print(fault(service, chance), flush=True)
    load.stop()
    kept.wait_finished(service)
    files = load.assert_kept(service, clean_run)
    assert seen.total("pages_failed_total") == 0
    kept.assert_whole(service)
    print(f"files={len(files)}", dict(load.counts), *(
        f"{name}={seen.total(name + '_total'):.0f}" for name in (
            "tasks_redispatched", "duplicates_ignored", "results_late", "orphans_dropped", "children_killed")))
