"""Faults that are done to the processes of a service."""

import signal
import time

from service import ROLES

PROCESSES = (*ROLES, "redis")
RESTS_S = (0.5, 0.5, 0.5, 7)   # the most between two faults; after 5 s a lost worker is missed
MOST_GONE_S = 0.3              # of a killed process; a supervisor starts it again as soon


def kill(service, names):
    """Ends these processes (by role: all of the role) at the same moment, without a word."""
    killed = [process for name, process in service.processes.items() if name.split("-")[0] in names]
    for process in killed:
        process.signal(signal.SIGKILL)
    for process in killed:
        process.kill()


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
        service.restart_dead()
