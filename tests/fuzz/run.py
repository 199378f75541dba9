"""run.py FUZZERS REPORT FINDINGS: runs every fuzzer of the folder FUZZERS for QUIRE_FUZZ_S seconds
(default 30), two at a time, prints a line for each and writes REPORT (JUnit XML, a case a fuzzer).
QUIRE_FUZZ_ONLY names some of them, parted by spaces.

Each starts from the seeds that it makes itself and from what its earlier runs found worth keeping
(FINDINGS/corpus; may be removed). What breaks it lies in FINDINGS and is named; the same fuzzer, given
such a file as its argument, shows it again."""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

AT_A_TIME = 2
MEMORY_MB = 2048      # of one fuzzer
INPUT_S = 30          # that one input may take, on a machine with other work
INPUT_BYTES = 4096
STARTING_S = 120      # beyond its time, until a fuzzer that hangs is ended

MEMORY_FOLDER = "/dev/shm"   # where fuzzers that write files need not wait for a disk

ENVIRONMENT = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}


def options(seconds, artifacts):
    return [f"-max_total_time={seconds}", f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}",
            f"-max_len={INPUT_BYTES}", f"-artifact_prefix={artifacts}", "-print_final_stats=1"]


def run(command, log, seconds, folder, environment=ENVIRONMENT):
    """The status, in a working folder of its own; None when it had to be ended."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment)
        try:
            return process.wait(seconds + STARTING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None


def last(pattern, text):
    found = re.findall(pattern, text)
    return found[-1] if found else "?"


def fuzz(fuzzer, findings, seconds):
    """(what the line says, why it failed or None)."""
    corpus, seeds, log = (findings / kind / fuzzer.name for kind in ("corpus", "seeds", "logs"))
    for folder in corpus, seeds, log.parent:
        folder.mkdir(parents=True, exist_ok=True)
    artifacts = findings / f"{fuzzer.name}-"
    before = set(findings.iterdir())
    with TemporaryDirectory(dir=MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None) as folder:
        status = run([fuzzer], log, 0, folder, {**ENVIRONMENT, "QUIRE_FUZZ_SEEDS": str(seeds)})
        if status == 0:
            status = run([fuzzer, *options(seconds, artifacts), corpus, seeds], log, seconds, folder)
    text = log.read_text(errors="replace")
    line = (f"{last(r'number_of_executed_units: (\d+)', text)} executions, "
            f"{last(r'average_exec_per_sec: +(\d+)', text)} a second, {last(r'cov: (\d+)', text)} edges")
    if status == 0:
        return line, None
    found = [str(path) for path in sorted(set(findings.iterdir()) - before) if path.name.startswith(artifacts.name)]
    why = re.search(r"must hold.*|runtime error: .*|ERROR: .*", text)
    why = "it hung" if status is None else why[0] if why else f"status {status}"
    return line, f"{why}; see {', '.join(found) or 'its log'} and {log}"


def main(fuzzers, report, findings):
    seconds = int(os.environ.get("QUIRE_FUZZ_S", "30"))
    only = os.environ.get("QUIRE_FUZZ_ONLY", "").split()
    names = [path for path in sorted(Path(fuzzers).glob("fuzz_*")) if not only or path.name[5:] in only]
    suite = xml.Element("testsuite", name="fuzz")
    broken = 0

    def case(fuzzer):
        began = time.monotonic()
        line, why = fuzz(fuzzer.resolve(), Path(findings).resolve(), seconds)
        print(f"{fuzzer.name}: {line}" + (f"\n{fuzzer.name} FAILED: {why}" if why else ""), flush=True)
        element = xml.Element("testcase", name=fuzzer.name, time=f"{time.monotonic() - began:.1f}")
        if why:
            xml.SubElement(element, "failure", message=why)
        return element

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for element in pool.map(case, names):
            suite.append(element)
            broken += len(element)
    xml.ElementTree(suite).write(report)
    return 0 if names and not broken else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
