"""How the image is built and what is in it: the checklist for a deployment in docs/operations.md
that can be read off an image."""

import json
import os
import re
import subprocess
import time
import uuid

import httpx
import pytest

from docker import CHECKOUT, build, copy_context, docker, run_once, wait_until
from service import Process, free_port

CONTEXT_BYTES = 2 << 20
IMAGE_BYTES = 300_000_000
UNCHANGED_S, CHANGED_S = 3, 20
SCRIPTS = {"collect-files", "entrypoint", "install-packages", "messages.sh", "model", "packages",
           "services", "supervise"}
BASE = re.search(r"^ARG BASE=(\S+)", (CHECKOUT / "Dockerfile").read_text(), re.M)[1]
# Those that the scripts set for each other, and the user of a caller who is root, which no container has.
AMONG_SCRIPTS = {"QUIRE_LOGS", "QUIRE_REDIS_LISTEN", "QUIRE_RUN_DIR", "QUIRE_USER"}
OF_BASH = {"EPOCHREALTIME", "EUID", "PWD", "SECONDS"}


def steps_done(said):
    """The build steps that were not taken from the cache: "code 6/6"."""
    steps = dict(re.findall(r"^#(\d+) \[(\S+ +\d+/\d+)\] (?!FROM)", said, re.M))
    cached = set(re.findall(r"^#(\d+) CACHED", said, re.M))
    return {name for number, name in steps.items() if number not in cached}


def seconds_alone(work):
    """How long it takes where nothing else runs: on a busy machine, its share of that time."""
    began = time.monotonic()
    work()
    return (time.monotonic() - began) / max(1, os.getloadavg()[0] / os.cpu_count())


def config(image):
    return json.loads(docker("inspect", "-f", "{{json .Config}}", image))


def test_context_holds_only_what_is_built(tmp_path):
    everything = tmp_path / "everything"
    everything.write_text("FROM scratch\nCOPY . /\n")
    docker("build", "-f", everything, "--output", f"type=local,dest={tmp_path}/context", CHECKOUT)
    files = [path for path in (tmp_path / "context").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= CONTEXT_BYTES
    assert {path.name for path in (tmp_path / "context").iterdir()} == {
        "CMakeLists.txt", "LICENSE", "client", "cmake", "common", "scripts", "services"}
    assert {path.name for path in (tmp_path / "context" / "scripts").iterdir()} == SCRIPTS


def test_image_is_small(image):
    assert int(docker("inspect", "-f", "{{.Size}}", image)) <= IMAGE_BYTES


def test_nothing_to_build_with_is_in_it(image):
    names = "gcc g++ cc c++ cmake ninja make python3 pip perl apt apt-get dpkg git ssh su mount"
    status, found = run_once(image, "-c", f"type -P {names}; ls /var/lib/apt/lists 2>/dev/null",
                             options=["--entrypoint", "bash"])
    assert found == ""


def test_nobody_is_root(image):
    assert config(image)["User"] == "1000:1000"
    assert run_once(image, "-c", "grep :1000: /etc/passwd",
                    options=["--entrypoint", "sh"])[1].startswith("appuser:x:1000:1000:")


def test_files_are_roots_and_raise_no_rights(image):
    """Nothing but the data folder, which is a volume, can be written by whom the roles run as."""
    wrong = "! ( -user root -group root ) -o -perm /6000 -o ( -perm -o+w ! -type l ! -path /tmp )"
    status, found = run_once(image, "/", "-xdev", "!", "-path", "/data", "(", *wrong.split(), ")",
                             options=["--entrypoint", "find"])
    assert (status, found) == (0, "")


def test_it_says_how_it_is_used(image):
    said = config(image)
    assert said["Healthcheck"]["Test"] == ["CMD", "/opt/quire/scripts/entrypoint", "health"]
    assert "7860/tcp" in said["ExposedPorts"] and "/data" in said["Volumes"]


def test_model_is_in_it(image):
    status, found = run_once(image, "-A", "/opt/quire/model", options=["--entrypoint", "ls"])
    assert found.split() == ["model.safetensors", "vocab.txt"]


def test_packages_are_known_to_scanners(image):
    _, packages = run_once(image, "/var/lib/dpkg/status.d", options=["--entrypoint", "ls"])
    _, licences = run_once(image, "-c", "cd /usr/share/doc && ls -d */copyright",
                           options=["--entrypoint", "sh"])
    assert {"libc6", "libmupdf25.1", "redis-server"} < set(packages.split())
    assert {line.split("/")[0] for line in licences.split()} >= set(packages.split())


def read_by_scripts():
    """The environment variables that the image's scripts read."""
    scripts = [CHECKOUT / "scripts" / name for name in ("entrypoint", "model", "supervise")]
    text = "".join(path.read_text() for path in [*scripts, *(CHECKOUT / "scripts" / "services").iterdir()])
    features = re.search(r'^features="$(.*?)^"$', text, re.M | re.S)[1]
    return {*re.findall(r"\$\{?([A-Z][A-Z0-9_]+)\b", text), *re.findall(r"^(\w+)", features, re.M)}


def test_variables_are_documented(image):
    _, settings = run_once(image, "--settings", options=["--entrypoint", "/opt/quire/bin/quire-gateway"])
    names = re.findall(r"^\| `(\w+)`", settings, re.M)
    assert len(names) > 30
    names += [name.removesuffix("_FILE") for name in read_by_scripts() - AMONG_SCRIPTS - OF_BASH]
    documents = "".join((CHECKOUT / "docs" / name).read_text() for name in ("reference.md", "operations.md"))
    stack = "".join((CHECKOUT / name).read_text() for name in (
        "docker-compose.yml", "docker-compose.override.yml"))
    names += [name.removesuffix("_FILE") for name in re.findall(r"\$\{(\w+):?-", stack)]
    assert [name for name in names if f"`{name}`" not in documents] == []


def test_nothing_is_built_again_without_a_change(image):
    said = []
    took = seconds_alone(lambda: said.append(build(image)))
    assert steps_done(said[0]) == set()
    assert took <= UNCHANGED_S


def test_change_of_the_code_builds_only_the_code(image, tmp_path):
    context = tmp_path / "checkout"
    copy_context(context)
    with open(context / "services" / "gateway" / "main.c", "a") as source:
        source.write(f'const char changed [] = "{uuid.uuid4()}";\n')   # never built before
    said = []
    took = seconds_alone(lambda: said.append(build(f"{image}-changed", context=context)))
    done = steps_done(said[0])
    docker("rmi", "--force", f"{image}-changed")
    assert {name.split()[0] for name in done} == {"code", "stage-4"}, done
    assert took <= CHANGED_S


@pytest.mark.parametrize("arguments, status", [(["--help"], 0), ([], 2), (["--what"], 2)])
def test_model_script_says_how_it_is_used(tmp_path, arguments, status):
    done = subprocess.run([CHECKOUT / "scripts" / "model", *arguments], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status and "model --index" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_wrong_argument_of_the_build(image):
    with pytest.raises(AssertionError, match="required, optional or none"):
        build(f"{image}-wrong", "--build-arg", "MODEL=maybe")


@pytest.fixture
def served_base(tmp_path):
    """The base image as a registry on this machine serves it: its name there."""
    port = free_port()
    settings = tmp_path / "registry.yml"
    settings.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
                        f"http: {{addr: 127.0.0.1:{port}}}\n")
    registry = Process("registry", ["docker-registry", "serve", settings], tmp_path / "registry.log")
    name = f"localhost:{port}/base:latest"
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/v2/"), 20, "the registry")
        docker("tag", BASE, name)
        docker("push", name)
        yield name
    finally:
        docker("rmi", "--force", name, check=False)
        registry.stop()


def answers(url):
    try:
        return httpx.get(url).status_code == 200
    except httpx.ConnectError:
        return False


def test_base_by_its_digest(served_base, image):
    """What pin-base prints can be built on, and the image names it; another digest can't."""
    done = subprocess.run([CHECKOUT / "scripts" / "pin-base", served_base], capture_output=True, text=True)
    pinned = done.stdout.strip()
    assert re.fullmatch(re.escape(served_base) + "@sha256:[0-9a-f]{64}", pinned), done.stderr
    tag = f"{image}-pinned"
    try:
        build(tag, "--build-arg", f"BASE={pinned}")
        assert config(tag)["Labels"]["org.opencontainers.image.base.name"] == pinned
        with pytest.raises(AssertionError, match="not found"):
            build(tag, "--build-arg", f"BASE={served_base}@sha256:{64 * '0'}")
    finally:
        docker("rmi", "--force", tag, check=False)


def test_base_that_no_registry_serves():
    done = subprocess.run([CHECKOUT / "scripts" / "pin-base", f"localhost:{free_port()}/base"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "no registry serves localhost" in done.stderr
