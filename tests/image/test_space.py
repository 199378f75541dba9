"""The folder that scripts/space writes: it holds what a Space needs, builds, and runs."""

import subprocess
import uuid

import pytest

from docker import CHECKOUT, Container, build, docker

SCRIPT = CHECKOUT / "scripts" / "space"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "space"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "services").mkdir()
    (folder / "services" / "left over").write_text("of an older version")
    subprocess.run([SCRIPT, folder], check=True)
    return folder


def test_front_matter(folder):
    head = (folder / "README.md").read_text().split("---")[1]
    assert {"sdk: docker", "app_port: 7860"} < set(head.splitlines())


def test_it_holds_what_is_built_and_nothing_old(folder):
    assert {path.name for path in folder.iterdir()} == {
        ".dockerignore", ".git", "CMakeLists.txt", "Dockerfile", "LICENSE", "README.md", "client", "cmake",
        "common", "scripts", "services"}
    assert not (folder / "services" / "left over").exists()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 2 << 20


def test_it_builds_and_runs(folder):
    tag = f"quire-space:{uuid.uuid4().hex[:8]}"
    build(tag, context=folder)
    one = Container(tag)
    try:
        one.start().wait_ready()
        page = one.http.get("/")
        assert "Quire" in page.text
        assert "frame-ancestors 'self' https://huggingface.co" in page.headers["content-security-policy"]
    finally:
        one.close()
        docker("rmi", "--force", tag, check=False)


def test_refuses_the_checkout():
    done = subprocess.run([SCRIPT, CHECKOUT / "build" / "space"], capture_output=True, text=True)
    assert done.returncode == 1 and "is in the checkout" in done.stderr
    assert not (CHECKOUT / "build" / "space" / "Dockerfile").exists()
