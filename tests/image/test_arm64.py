"""arm64: Quire is cross-built with Debian's multiarch packages, and its unit tests run by qemu-user."""

import re
import uuid

import pytest

from docker import CHECKOUT, build, docker

# Emulated, a program can't start another of its architecture (embedder, extractor, the tables'
# program), and the model would take hours.
NOT_EMULATED = "^(test_embedder|test_encoders|test_extractor|test_model|reference_is_current|command_line_is_current)$"


@pytest.fixture(scope="module")
def arm64_image():
    tag = f"quire-arm64:{uuid.uuid4().hex[:8]}"
    build(tag, "-f", CHECKOUT / "tests" / "image" / "arm64.Dockerfile")
    yield tag
    docker("rmi", "--force", tag, check=False)


def test_programs_are_of_arm64(arm64_image):
    for program in ("answerer", "embedder", "extractor", "gateway", "reader"):
        head = docker("run", "--rm", arm64_image, "sh", "-c",
                      f"od -An -t x2 -j 18 -N 2 /build/bin/quire-{program}")
        assert head.split() == ["00b7"]   # EM_AARCH64


def test_unit_tests_pass(arm64_image):
    said = docker("run", "--rm", arm64_image, "ctest", "--test-dir", "/build", "--parallel", "2",
                  "--output-on-failure", "--exclude-regex", NOT_EMULATED)
    percent, failed = map(int, re.search(r"(\d+)% tests passed, (\d+) tests failed", said).groups())
    assert (percent, failed) == (100, 0)
    assert len(re.findall(r" Passed ", said)) >= 20
