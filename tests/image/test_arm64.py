"""arm64: Quire is cross-built with Debian's multiarch packages, and its unit tests run by qemu-user."""

import base64
import json
import re
import struct
import uuid

import pytest

from docker import CHECKOUT, build, docker

# Emulated, a program can't start another of its architecture (embedder, extractor, the tables'
# program), and the model would take hours.
NOT_EMULATED = "^(test_embedder|test_encoders|test_extractor|test_model|reference_is_current|command_line_is_current)$"


# Processors that qemu knows, whether they have the instructions for dot products of bytes, and how far
# a vector may be from the reference's.
PROCESSORS = [("max", "auto", "int8", "neon_dotprod", 0.985), ("cortex-a53", "auto", "f32", "neon", 0.9999),
              ("cortex-a53", "int8", "int8", "neon", 0.985)]


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


def test_kernels_and_products_on_an_older_processor(arm64_image):
    for program in ("test_kernels", "test_dot"):
        said = docker("run", "--rm", "--env", "QEMU_CPU=cortex-a53", arm64_image,
                      "qemu-aarch64", f"/build/tests/unit/{program}")
        assert "[  PASSED  ]" in said


@pytest.mark.parametrize("processor, wanted, has, uses, least", PROCESSORS)
def test_vectors_are_those_of_the_reference(arm64_image, processor, wanted, has, uses, least):
    golden = json.loads((CHECKOUT / "tests" / "golden" / "embeddings.json").read_text())["texts"]
    text = next(text for text in golden if 4 <= text["pieces"] <= 12)   # a long one takes minutes
    said = docker("run", "--rm", "--env", f"QEMU_CPU={processor}", arm64_image, "qemu-aarch64",
                  "/build/bin/embed_text", "/opt/quire/model", wanted, text["text"])
    assert f"precision={has} " in said and f"instructions={uses}/plain" in said
    vector = [float(number) for number in said.splitlines()[-1].split()]
    reference = struct.unpack("<384f", base64.b64decode(text["vector"]))
    assert sum(a * b for a, b in zip(vector, reference, strict=True)) >= least
