"""Measures whether Quire stays as it is: uploads, searches and deletions all the time, and faults in
between; at the end nothing may be lost, nothing left over, and memory and descriptors be flat.

In the first half everything is killed, stopped, told to end and, Redis, emptied. In the second half
only a second extractor, a second embedder and Redis are killed, so that one process of each role
lives long enough to be measured."""

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path

from shelf import say, status_megabytes, table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "fault"))

import faults  # noqa: E402  (found by the line above)
import kept  # noqa: E402
from counters import Counters  # noqa: E402
from load import Load  # noqa: E402
from service import ROLES, Service  # noqa: E402

FAULT_EVERY_S = 20       # on the average
SAMPLE_EVERY_S = 1
WARM_UP = 0.2            # of the second half, before the measuring begins
REST_S = 0.03            # of a client between two requests
SECONDS = ("extractor-2", "embedder-2")
COUNTERS = ("uploads", "pages_committed", "duplicates_ignored", "results_late", "orphans_dropped",
            "tasks_redispatched", "tasks_failed", "children_killed", "pages_failed", "messages_refused")
# What counts as flat: growth over the whole measuring. Descriptors: a thread of the answerer that
# searches for the first time opens the full-text index, which is 15 files.
FLAT_MB, FLAT_SHARE, FLAT_DESCRIPTORS = 8, 0.1, 20


class Watch:
    """Memory and descriptors of one process of each role, while nothing is done to them: it must be the
    same process until the end."""

    def __init__(self, service):
        self.service = service
        self.watched = {role: service.processes[role] for role in ROLES}
        self.samples = {role: [] for role in ROLES}    # of (minutes, MB, descriptors)
        self.began = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.over.wait(SAMPLE_EVERY_S):
            minutes = (time.monotonic() - self.began) / 60
            for role, process in self.watched.items():
                try:
                    descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
                    self.samples[role].append((minutes, status_megabytes(process.pid, "RssAnon"), descriptors))
                except OSError:    # it is gone, which stop() finds
                    return

    def stop(self):
        """Returns the figures of each role."""
        self.over.set()
        self.thread.join()
        self.service.assert_dead()
        for role, process in self.watched.items():
            assert self.service.processes[role] is process, f"{role} {process.end()} amid the measuring"
        return {role: _figures(samples) for role, samples in self.samples.items()}


def _figures(samples):
    samples = samples[int(len(samples) * WARM_UP):]
    minutes, megabytes, descriptors = zip(*samples)
    slope = statistics.linear_regression(minutes, megabytes).slope
    quarter = max(1, len(samples) // 4)
    first, last = (statistics.median(part) for part in (descriptors[:quarter], descriptors[-quarter:]))
    growth = slope * (minutes[-1] - minutes[0])
    mean = statistics.fmean(megabytes)
    return {"mb_first": statistics.fmean(megabytes[:quarter]), "mb_last": statistics.fmean(megabytes[-quarter:]),
            "kb_per_minute": slope * 1024, "descriptors_first": first, "descriptors_last": last,
            "flat": growth <= max(FLAT_MB, FLAT_SHARE * mean) and last - first <= FLAT_DESCRIPTORS}


def do_faults(service, chance, kinds, seconds):
    """One fault after the other, at random moments. Returns what was done."""
    done, end = [], time.monotonic() + seconds
    while (rest := min(chance.uniform(0, 2 * FAULT_EVERY_S), end - time.monotonic())) > 0:
        time.sleep(rest)
        if time.monotonic() >= end:
            break
        done.append(chance.choice(kinds)(service, chance))
        say(f"  {done[-1]}")
    return done


def kill_seconds(service, chance):
    return faults.kill_some(service, chance, among=(*SECONDS, "redis"))


def break_first(service, chance, seconds):
    say("first half: everything is broken")
    return do_faults(service, chance, faults.MIX, seconds)


def break_second(service, chance, seconds):
    say("second half: one of each role is left alone")
    service.wait_ready()
    watch = Watch(service)
    done = do_faults(service, chance, (kill_seconds,), seconds)
    return done, watch.stop()


def clean_run(options):
    """A service of its own, without faults, for what is there at the end."""
    def run(documents):
        say(f"a clean run of {len(documents)} files, to compare with")
        service = new_service(options)
        try:
            return kept.clean_run(service, documents)
        finally:
            service.close()

    return run


def new_service(options):
    settings = dict(setting.split("=", 1) for setting in options.set)
    return Service(os.environ["QUIRE_BUILD_DIR"], os.environ["QUIRE_MODEL_DIR"],
                   settings={**kept.SETTINGS, **settings})


def measure(service, options):
    chance = random.Random(options.seed)
    service.start()
    for name in SECONDS:
        service.start_role(name.split("-")[0])
    service.wait_ready()
    seen = Counters(service)
    load = Load(service, chance.random(), rest_s=REST_S)
    half = options.minutes * 60 / 2
    done = break_first(service, chance, half)
    more, roles = break_second(service, chance, half)
    load.stop()
    kept.wait_finished(service)
    files = load.assert_kept(service, clean_run(options))
    counters = {name: int(seen.total(f"{name}_total")) for name in COUNTERS}
    seen.stop()
    kept.assert_whole(service)
    return {"minutes": options.minutes, "seed": options.seed, "faults": len(done) + len(more),
            "files_at_the_end": len(files), "clients": dict(sorted(load.counts.items())),
            "counters": counters, "roles": roles}


def tell(result):
    rows = [("minutes", result["minutes"]), ("faults", result["faults"]),
            *result["clients"].items(), *result["counters"].items(),
            ("files at the end", result["files_at_the_end"])]
    columns = ["", "MB first", "MB last", "KB/minute", "descriptors first", "last", "flat"]
    roles = [(role, *(figures[name] for name in ("mb_first", "mb_last", "kb_per_minute", "descriptors_first",
                                                 "descriptors_last")), "yes" if figures["flat"] else "no")
             for role, figures in result["roles"].items()]
    print(table(["", ""], rows).lstrip("\n"), table(columns, roles),
          "Nothing lost: every file is there as a clean run has it. Nothing left over: check-data finds nothing.",
          sep="\n\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, metavar="MINUTES")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32),
                        help="repeats the random faults of an earlier run")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="a setting of the service")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    say(f"soak of {options.minutes:g} minutes, --seed {options.seed}")
    service = new_service(options)
    try:
        result = measure(service, options)
    except BaseException:
        print(service.logs(), file=sys.stderr)
        raise
    finally:
        service.close()
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        tell(result)
    sys.exit(0 if all(figures["flat"] for figures in result["roles"].values()) else 1)


main()
