"""How the image is built and what is in it: the checklist for a deployment in docs/operations.md
that can be read off an image."""

import json
import re
import shutil
import time
import uuid

import pytest

from docker import CHECKOUT, build, docker, run_once

CONTEXT_BYTES = 2_000_000
IMAGE_BYTES = 300_000_000
UNCHANGED_S, CHANGED_S = 3, 20
SCRIPTS = {"collect-files", "entrypoint", "install-packages", "messages.sh", "model", "packages",
           "services", "supervise"}


def steps_done(said):
    """The build steps that were not taken from the cache: "code 6/6"."""
    steps = dict(re.findall(r"^#(\d+) \[(\S+ +\d+/\d+)\] (?!FROM)", said, re.M))
    cached = set(re.findall(r"^#(\d+) CACHED", said, re.M))
    return {name for number, name in steps.items() if number not in cached}


def config(image):
    return json.loads(docker("inspect", "-f", "{{json .Config}}", image))


def test_context_holds_only_what_is_built(tmp_path):
    everything = tmp_path / "everything"
    everything.write_text("FROM scratch\nCOPY . /\n")
    docker("build", "-f", everything, "--output", f"type=local,dest={tmp_path}/context", CHECKOUT)
    files = [path for path in (tmp_path / "context").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= CONTEXT_BYTES
    assert {path.name for path in (tmp_path / "context").iterdir()} == {
        "CMakeLists.txt", "LICENSE", "cmake", "common", "scripts", "services"}
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


def test_no_file_belongs_to_another_or_raises_rights(image):
    status, found = run_once(image, "/", "-xdev", "-perm", "/6000", options=["--entrypoint", "find"])
    assert found == ""


def test_it_says_how_it_is_used(image):
    said = config(image)
    assert said["Healthcheck"]["Test"] == ["CMD", "/opt/quire/scripts/entrypoint", "health"]
    assert "7860/tcp" in said["ExposedPorts"] and "/data" in said["Volumes"]


def test_model_is_in_it(image):
    status, found = run_once(image, "/opt/quire/model", options=["--entrypoint", "ls"])
    assert found.split() == ["model.safetensors", "vocab.txt"]


def test_packages_are_known_to_scanners(image):
    _, packages = run_once(image, "/var/lib/dpkg/status.d", options=["--entrypoint", "ls"])
    _, licences = run_once(image, "-c", "cd /usr/share/doc && ls -d */copyright",
                           options=["--entrypoint", "sh"])
    assert {"libc6", "libmupdf25.1", "redis-server"} < set(packages.split())
    assert {line.split("/")[0] for line in licences.split()} >= set(packages.split())


def test_variables_are_documented(image):
    _, settings = run_once(image, "--settings", options=["--entrypoint", "/opt/quire/bin/quire-gateway"])
    names = re.findall(r"^\| `(\w+)`", settings, re.M)
    assert len(names) > 30
    documents = "".join((CHECKOUT / "docs" / name).read_text() for name in ("reference.md", "operations.md"))
    stack = "".join((CHECKOUT / name).read_text() for name in (
        "docker-compose.yml", "docker-compose.override.yml"))
    names += [name.removesuffix("_FILE") for name in re.findall(r"\$\{(\w+):?-", stack)]
    assert [name for name in names if f"`{name}`" not in documents] == []


def test_nothing_is_built_again_without_a_change(image):
    began = time.monotonic()
    assert steps_done(build(image)) == set()
    assert time.monotonic() - began <= UNCHANGED_S


def test_change_of_the_code_builds_only_the_code(image, tmp_path):
    context = tmp_path / "checkout"
    context.mkdir()
    for name in (".dockerignore", "CMakeLists.txt", "Dockerfile", "LICENSE"):
        shutil.copy2(CHECKOUT / name, context)
    for name in ("cmake", "common", "scripts", "services"):
        shutil.copytree(CHECKOUT / name, context / name)
    with open(context / "services" / "gateway" / "main.c", "a") as source:
        source.write(f'const char changed [] = "{uuid.uuid4()}";\n')   # never built before
    began = time.monotonic()
    done = steps_done(build(f"{image}-changed", context=context))
    took = time.monotonic() - began
    docker("rmi", "--force", f"{image}-changed")
    assert {name.split()[0] for name in done} == {"code", "stage-4"}, done
    assert took <= CHANGED_S


def test_wrong_argument_of_the_build(image):
    with pytest.raises(AssertionError, match="required, optional or none"):
        build(f"{image}-wrong", "--build-arg", "MODEL=maybe")
