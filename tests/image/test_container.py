"""One container of all roles: it starts with any settings, says what is on, answers, heals itself,
and stops in order with nothing lost."""

import re
import time

import pytest

import pdfs
from docker import HARDENED, HEALTHY_S, ROLES, docker, health, run_once, wait_until

RESTART_S = 1
TRIES = 3
STOP_S = 10
STUCK_S = 60
SERVICES = ("redis", *ROLES)
NOW = {"OPENROUTER_API_KEY": "sk-secret-1"}
LATER = {"MONGODB_URI": "mongodb://user:secret-2@nowhere",
         "GOOGLE_SA_KEY_BASE64": "secret3", "DRIVE_FOLDER_ID": "folder-4"}


def add_facts(service, count=3):
    texts, pages = pdfs.fact_pages(count)
    return service.add(pdfs.text_book(texts, "Facts").pdf(), "facts.pdf", "default")


def best_text(service, question, store="default"):
    answer = service.http.post(f"/v1/vector_stores/{store}/search", json={"query": question})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]["content"][0]["text"]


def test_first_question_is_answered(running):
    add_facts(running)
    fact, question = pdfs.FACTS[0]
    assert fact[:30] in best_text(running, question)
    wait_until(lambda: health(running.name) == "healthy", HEALTHY_S, "the container to be healthy")


def test_it_says_what_is_on(running):
    said = running.logs()
    assert "on: web page and API at port 7860" in said
    assert "on: job board in this container" in said
    for name in LATER:
        assert name not in said


@pytest.mark.parametrize("names", [("GOOGLE_SA_KEY_BASE64",), ("MONGODB_URI", "DRIVE_FOLDER_ID"), tuple(LATER)])
def test_what_is_not_yet_there_is_said_and_is_no_failure(new_container, names):
    one = new_container(settings=NOW | {name: LATER[name] for name in names}).start().wait_ready()
    said = one.logs()
    assert "on: answers written by a language model" in said and NOW["OPENROUTER_API_KEY"] not in said
    for name, value in LATER.items():
        assert (f"{name} is set, but this is not yet in this version" in said) == (name in names)
        assert value not in said


def test_secret_from_a_file(new_container, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-from-a-file\n")
    secret.chmod(0o644)
    tmp_path.chmod(0o755)
    one = new_container("--volume", f"{secret}:/run/secrets/key:ro",
                        settings={"OPENROUTER_API_KEY_FILE": "/run/secrets/key"}).start().wait_ready()
    assert "on: answers written by a language model" in one.logs()
    assert "sk-from-a-file" not in one.logs()


def test_secret_that_can_not_be_read(new_container, tmp_path):
    """A file of mode 600 of somebody else, as Compose would mount it, and none at all: a line each."""
    secret = tmp_path / "key"
    secret.write_text("sk-from-a-file\n")
    secret.chmod(0o600)
    tmp_path.chmod(0o755)
    one = new_container("--volume", f"{secret}:/run/secrets/key:ro",
                        settings={"GOOGLE_SA_KEY_BASE64_FILE": "/run/secrets/key",
                                  "MONGODB_URI_FILE": "/missing"}).start().wait_ready()
    said = one.logs()
    for line in ("GOOGLE_SA_KEY_BASE64_FILE names /run/secrets/key", "MONGODB_URI_FILE names /missing"):
        assert said.count(f"{line}, which is no file that user 1000 can read") == 1
    assert "is set" not in said


def test_lone_gateway_has_no_job_board_of_its_own(image):
    """Only the container of all roles has one."""
    status, said = run_once(image, "gateway", options=["--env", "QUIRE_GATEWAY_MAX_UPLOAD_MB=none"])
    assert status != 0
    assert "on: web page and API at port 7860" in said and "job board" not in said.split("not_started")[0]


def test_read_only_without_memory(image):
    status, said = run_once(image, options=["--read-only"])
    assert status == 1
    assert "a read-only container needs --tmpfs /tmp" in said


def test_unknown_role(image):
    status, said = run_once(image, "librarian")
    assert status == 64
    assert "no role 'librarian': all, gateway, extractor, embedder, answerer, redis, health" in said


def test_help_and_version(image):
    status, said = run_once(image, "--help")
    assert status == 0
    for word in ("all", *SERVICES, "health"):
        assert re.search(rf"^ +{word} ", said, re.M), said
    assert re.fullmatch(r"quire \d+\.\d+\.\d+\n", run_once(image, "--version")[1])
    assert "QUIRE_EMBEDDER_THREADS" in run_once(image, "embedder", "--help")[1]


def test_data_folder_that_can_not_be_written(image):
    status, said = run_once(image, options=["--tmpfs", "/data:mode=755"])
    assert status == 1
    assert "/data can't be written by user 1000" in said


def nanoseconds(tai64n):
    """A time of s6: @, sixteen digits for the seconds, eight for the rest. (A float could not hold it.)"""
    return int(tai64n[1:17], 16) * 10**9 + int(tai64n[17:25], 16)


def restart_seconds(one, service):
    """Kills a role that has lived for a while. Returns the time from its death to the next start."""
    wait_until(lambda: one.service_state(service, "ready") == "true", 20, f"{service} to last")
    old, deaths = one.service_pid(service), len(one.service_deaths(service))
    one.exec("sh", "-c", f"kill -KILL {old}")
    wait_until(lambda: one.service_pid(service) not in (old, -1), 20, f"{service} to be back")
    assert len(one.service_deaths(service)) == deaths + 1
    died, started = one.service_deaths(service)[-1].split()[0], one.service_state(service, "updownsince")
    return (nanoseconds(started) - nanoseconds(died)) / 1e9


@pytest.mark.parametrize("service", SERVICES)
def test_killed_role_is_started_again(running, service):
    """Within a second, and if the machine was busy just then, at another try."""
    assert any(restart_seconds(running, service) < RESTART_S for _ in range(TRIES))
    wait_until(running.answers_ready, 20, "the service to be ready again")


def test_role_that_can_not_last_is_started_once_a_second(new_container):
    """No loop that eats the processor, and the others are there."""
    one = new_container(settings={"QUIRE_EXTRACTOR_CHILDREN": "1000"}).start()
    wait_until(lambda: len(one.service_deaths("extractor")) >= 3, 30, "the third death")
    times = [nanoseconds(line) for line in one.service_deaths("extractor")]
    assert all(later - earlier >= RESTART_S * 10**9 for earlier, later in zip(times, times[1:]))
    assert "QUIRE_EXTRACTOR_CHILDREN" in one.logs()


def test_its_data_is_whole(running):
    """As it is told inside, beside the service, with the board of this container."""
    said = running.exec("/opt/quire/scripts/entrypoint", "check-data")
    assert said.startswith("board: jobs=") and said.endswith("\nwhole"), said


def test_no_zombies(running):
    states = running.exec("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null")
    assert " Z " not in states


def test_stops_in_order_and_loses_nothing(new_container):
    one = new_container().start().wait_ready()
    ids = [one.upload(pdfs.text_book(pdfs.fact_pages(12, seed=seed)[0]).pdf(), f"{seed}.pdf")["id"]
           for seed in range(6)]
    began = time.monotonic()
    docker("stop", "--time", STOP_S, one.name)
    assert time.monotonic() - began < STOP_S
    assert one.state()["ExitCode"] == 0
    said = one.logs()
    for role in ROLES:
        assert re.search(rf" {role} stopped ", said), said
    assert said.index("Redis is now ready to exit") > max(said.index(f" {role} stopped ") for role in ROLES)
    docker("start", one.name)
    one.wait_ready()
    for file_id in ids:
        assert one.wait_file(file_id)["state"] == "completed"


def seccomp_filters(one, program):
    """How many filters the program's system calls go through; 0 when it does not run."""
    found = one.exec("sh", "-c", f"cd /proc && for p in [0-9]*; do if grep -qs '^{program}$' $p/comm; then "
                                 "sed -n 's/^Seccomp_filters:.//p' $p/status; fi; done")
    return max(map(int, found.split()), default=0)


def test_hardened(new_container):
    """Read-only, without capabilities: text and scans are read, each by a child in a sandbox of its
    own inside the container's."""
    one = new_container(*HARDENED).start().wait_ready()
    add_facts(one)
    assert pdfs.FACTS[1][0][:20] in best_text(one, pdfs.FACTS[1][1])
    scan = one.upload(pdfs.scan(["THE HARBOUR MASTER", "KEEPS A GREY PARROT"]), "scan.pdf")["id"]
    wait_until(lambda: seccomp_filters(one, "quire-reader") > seccomp_filters(one, "quire-gateway") > 0, 20,
               "the reader in its sandbox", every=0)
    one.wait_file(scan)
    assert [line["status"] for line in one.ledger(scan)] == ["ocr"]


def test_stuck_role_makes_it_unhealthy(new_container):
    one = new_container().start().wait_ready()
    wait_until(lambda: health(one.name) == "healthy", HEALTHY_S, "the container to be healthy")
    pid = one.service_pid("embedder")
    one.exec("sh", "-c", f"kill -STOP {pid}")
    wait_until(lambda: health(one.name) == "unhealthy", STUCK_S, "the container to be unhealthy")
    one.exec("sh", "-c", f"kill -CONT {pid}")
    wait_until(lambda: health(one.name) == "healthy", HEALTHY_S, "the container to be healthy again")
