"""Measures the container image: how large it is, how long it takes to build, to start and to answer a
first question, and what it takes at rest."""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "image"))

from docker import Container, build, copy_context, docker, health, wait_until  # noqa: E402

import pdfs  # noqa: E402  (found by what docker adds)
from shelf import say, table  # noqa: E402

STARTS = 5
REST_S = 10


def seconds(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def cold_context(folder):
    """A checkout of its own, whose caches in the engine are cold."""
    copy_context(folder)
    file = folder / "Dockerfile"
    file.write_text(file.read_text().replace("id=quire-", f"id=quire-{uuid.uuid4().hex[:8]}-"))


def measure_builds(tag, folder):
    cold_context(folder)
    say("building for the first time")
    result = {"first_build_s": seconds(lambda: build(tag, "--no-cache", context=folder))}
    say("building again, unchanged and changed")
    result["unchanged_build_s"] = seconds(lambda: build(tag, context=folder))
    with open(folder / "services" / "answerer" / "main.c", "a") as source:
        source.write('const char changed [] = "changed";\n')
    said = []
    result["changed_build_s"] = seconds(lambda: said.append(build(tag, context=folder)))
    result["image_mb"] = int(docker("inspect", "-f", "{{.Size}}", tag)) / 1e6
    result["context_mb"] = context_megabytes(folder)
    return result


def context_megabytes(folder):
    """What the engine is sent: all that .dockerignore lets in."""
    everything = folder / "everything"
    everything.write_text("FROM scratch\nCOPY . /\n")
    sent = folder.parent / "sent"
    docker("build", "-f", everything, "--output", f"type=local,dest={sent}", folder)
    return sum(path.stat().st_size for path in sent.rglob("*") if path.is_file()) / 1e6


def first_answer(one):
    """Asks until the question is answered by meaning too, which takes every role."""
    fact, question = pdfs.FACTS[0]

    def answered():
        if not one.answers_ready():
            return False
        found = one.http.post("/v1/vector_stores/default/search", json={"query": question})
        return found.status_code == 200 and fact[:20] in found.json()["data"][0]["content"][0]["text"]

    wait_until(answered, 60, "the first question to be answered", every=0.01)


def measure_start(tag):
    """One container after another on the same volume, which holds a file that is indexed."""
    one = Container(tag)
    one.start().wait_ready()
    one.add(pdfs.text_book(pdfs.fact_pages(10)[0]).pdf(), "facts.pdf", "default")
    answered, healthy = [], []
    try:
        for number in range(STARTS):
            docker("stop", one.name)
            docker("rm", one.name)
            began = time.monotonic()
            one.start()
            first_answer(one)
            answered.append(time.monotonic() - began)
            wait_until(lambda: health(one.name) == "healthy", 60, "healthy", every=0.02)
            healthy.append(time.monotonic() - began)
        say(f"resting for {REST_S} s")
        time.sleep(REST_S)
        return {"answered_s": statistics.median(answered), "healthy_s": statistics.median(healthy),
                "rest_mb": rest_megabytes(one)}
    finally:
        one.close()


def rest_megabytes(one):
    """Memory of all processes of the container, shared pages counted once (PSS)."""
    lines = one.exec("sh", "-c", "cat /proc/[0-9]*/smaps_rollup 2>/dev/null || true")
    return sum(map(int, re.findall(r"^Pss: +(\d+) kB", lines, re.M))) / 1024


ROWS = [
    ("image_mb", "image, uncompressed, MB"), ("context_mb", "context, MB"),
    ("first_build_s", "first build, nothing cached, s"), ("changed_build_s", "build after a code change, s"),
    ("unchanged_build_s", "build, nothing changed, s"),
    ("answered_s", "docker run to the first answer, s"), ("healthy_s", "docker run to healthy, s"),
    ("rest_mb", "memory at rest, all roles and Redis, MB"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--no-builds", action="store_true", help="leave the builds out")
    options = parser.parse_args()
    tag = f"quire-bench:{uuid.uuid4().hex[:8]}"
    try:
        with tempfile.TemporaryDirectory(prefix="quire-bench-", dir="/tmp") as folder:
            context = Path(folder, "checkout")
            context.mkdir()
            if options.no_builds:
                result = {}
                build(tag)
            else:
                result = measure_builds(tag, context)
        result |= measure_start(tag)
    finally:
        docker("rmi", "--force", tag, check=False)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(table(["", ""], [(name, result[key]) for key, name in ROWS if key in result]).lstrip("\n"))


main()
