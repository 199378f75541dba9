"""Faults that are done to the processes of a service."""

import signal
import subprocess
import time

import caches
from network import LINKS
from processes import data_bytes
from service import ROLES

PROCESSES = (*ROLES, "redis")
MOST_FROZEN_S = 7
RESTS_S = (0.5, 0.5, 0.5, 7)   # the most between two faults; after 5 s a lost worker is missed
MOST_CUTS = 8
SETTLE_S = 0.5                 # in which a role ends that is to end, when what it lacked is there again
MOST_GONE_S = 0.3              # of a killed process; a supervisor starts it again as soon


def kill(service, names):
    """Ends these processes at the same moment, without a word. None may have ended before."""
    service.assert_dead()
    killed = [service.processes[name] for name in names]
    for process in killed:
        process.signal(signal.SIGKILL)
    for process in killed:
        process.kill()
        assert process.child.returncode == -signal.SIGKILL, f"{process.name} {process.end()} before it was killed"


def restart(service, names):
    """Starts these again; no other may have ended meanwhile."""
    service.assert_dead(*names)
    service.restart_dead()


def limit_memory(process, size):
    """Not that of the address space, of which glibc keeps much in reserve."""
    done = subprocess.run(["prlimit", f"--pid={process.pid}", f"--data={size}:unlimited"], check=False)
    assert done.returncode == 0 or not process.alive()


def lose_redis(service):
    """Ends Redis, with all that it had."""
    kill(service, {"redis"})
    for path in (service.data / "redis").rglob("*"):
        if path.is_file():
            path.unlink()


def kill_plan(chance, length):
    """What to kill, one set after the other: first each process alone, two pairs, and all at once,
    in any order, then what chance brings."""
    plan = [{name} for name in PROCESSES]
    plan += [set(chance.sample(PROCESSES, 2)) for _ in range(2)]
    plan += [set(PROCESSES)]
    chance.shuffle(plan)
    while len(plan) < length:
        count = chance.choice((1, 1, 1, 2, 3, len(PROCESSES)))
        plan.append(set(chance.sample(PROCESSES, count)))
    return plan[:length]


def kill_by_plan(service, plan, chance, before_each):
    """Each at a random moment after before_each (), and started again a moment later."""
    for names in plan:
        before_each()
        time.sleep(chance.uniform(0, chance.choice(RESTS_S)))
        kill(service, names)
        time.sleep(chance.uniform(0, MOST_GONE_S))
        restart(service, names)


# -- faults of a random mix: each is done, made good, and told in words -----------------------------

def kill_some(service, chance, among=PROCESSES):
    names = set(chance.sample(among, chance.choice((1, 1, 2, len(among)))))
    kill(service, names)
    time.sleep(chance.uniform(0, MOST_GONE_S))
    restart(service, names)
    return f"killed {' '.join(sorted(names))}"


def freeze_one(service, chance, among=ROLES):
    role, seconds = chance.choice(among), chance.uniform(0, MOST_FROZEN_S)
    with service.processes[role].frozen():
        time.sleep(seconds)
    service.assert_dead()
    return f"stopped {role} for {seconds:.1f} s"


def empty_redis(service, chance):
    lose_redis(service)
    time.sleep(chance.uniform(0, MOST_FROZEN_S))
    restart(service, {"redis"})
    return "emptied redis"


def end_one(service, chance, among=ROLES):
    role = chance.choice(among)
    service.assert_dead()
    status = service.processes[role].stop()
    assert status == 0, f"{role} ended with {status} when told to"
    restart(service, {role})
    return f"restarted {role}"


def restart_ended(service, among):
    """Starts what the fault has ended, when it has; no other may have."""
    time.sleep(SETTLE_S)
    ended = set(service.dead()) & set(among)
    restart(service, ended)
    return f", which ended {' '.join(sorted(ended))}" if ended else ""


def lack_memory(service, chance, among=("answerer", "embedder", "extractor")):
    """Not the gateway, whose answers may then lack a header, such as Retry-After."""
    role, seconds = chance.choice(among), chance.uniform(0, MOST_FROZEN_S)
    process = service.processes[role]
    limit_memory(process, data_bytes(process.pid))
    time.sleep(seconds)
    if process.alive():
        limit_memory(process, "unlimited")
    return f"no more memory for {role} for {seconds:.1f} s{restart_ended(service, (role,))}"


def damage_cache(service, chance):
    damage, cache = chance.choice(caches.DAMAGES), chance.choice(sorted(caches.VERSIONS))
    if chance.random() < 0.5:
        kill(service, {"answerer"})
    else:
        assert service.processes["answerer"].stop() == 0
    there = caches.is_there(service.data, cache)
    if there:
        damage(service.data, cache)
    restart(service, {"answerer"})
    return f"{damage.__name__}: {cache}" if there else f"{cache} was not there yet"


def cut_links(network, service, chance):
    """Cuts connections again and again, or lets one link be silent, in one way or both."""
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, MOST_CUTS)):
            for link in chance.sample(sorted(LINKS), chance.choice((1, 1, 2, 4))):
                network.proxies[link].cut()
            time.sleep(chance.uniform(0, MOST_GONE_S))
        said = "cut links"
    else:
        link, seconds = chance.choice(sorted(LINKS)), chance.uniform(0, MOST_FROZEN_S)
        inward, outward = chance.choice(((True, True), (True, False), (False, True)))
        network.proxies[link].stall(inward, outward)
        time.sleep(seconds)
        network.proxies[link].release()
        said = f"silence on {link} for {seconds:.1f} s"
    service.assert_dead()
    return said


def fill_disk(disk, service, chance):
    """Redis ends when it can't write its log."""
    seconds = chance.uniform(0, MOST_FROZEN_S)
    disk.fill()
    time.sleep(seconds)
    disk.make_room()
    return f"the disk full for {seconds:.1f} s{restart_ended(service, ('redis',))}"


MIX = (kill_some, kill_some, freeze_one, empty_redis, end_one)
