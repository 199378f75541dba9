"""The embedder on processors that this machine is not: emulated by qemu-user, or with less than it has. None
meets an instruction that it lacks, each says what it uses, and the vectors stay near those of f32."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TEXTS = ["How far is the Moon from the Earth?", "The invoice is to be paid within 30 days."]
ONE = TEXTS[:1]
LEAST_COSINE_F32, LEAST_COSINE_INT8 = 0.9999, 0.99

# (what qemu calls it, precision that is set, precision that it has, instructions of oneDNN / the kernels)
EMULATED = [
    ("qemu64", "auto", "f32", "default/plain"),      # x86-64 as it began
    ("Nehalem", "auto", "f32", "sse41/plain"),       # 2008
    ("Nehalem", "int8", "int8", "sse41/plain"),
    ("Haswell", "auto", "int8", "avx2/v3"),          # 2013
]

# What oneDNN is held to, on whatever machine this is: a processor's own limit holds too.
LIMITED = ["SSE41", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16",
           "AVX512_CORE_AMX"]


def embed(precision, texts=TEXTS, before=(), **settings):
    """(precision, instructions, vectors)"""
    program = Path(os.environ["QUIRE_BUILD_DIR"]) / "bin" / "embed_text"
    done = subprocess.run([*before, program, os.environ["QUIRE_MODEL_DIR"], precision, *texts], timeout=800,
                          env={**os.environ, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    chosen = re.search(r"model_loaded precision=(\w+) .*instructions=(\S+)", done.stderr)
    vectors = [list(map(float, line.split())) for line in done.stdout.splitlines()]
    assert [len(vector) for vector in vectors] == [384] * len(texts)
    return *chosen.groups(), vectors


def least_cosine(vectors, others):
    return min(sum(a * b for a, b in zip(*pair)) for pair in zip(vectors, others, strict=True))


@pytest.fixture(scope="module")
def reference():
    precision, _, vectors = embed("f32")
    assert precision == "f32"
    return vectors


@pytest.mark.parametrize("processor, wanted, has, uses", EMULATED)
def test_an_older_processor(reference, processor, wanted, has, uses):
    assert shutil.which("qemu-x86_64"), "qemu-user is missing: scripts/packages processors"
    precision, instructions, vectors = embed(wanted, ONE, ["qemu-x86_64", "-cpu", processor])
    assert (precision, instructions) == (has, uses)
    least = LEAST_COSINE_F32 if has == "f32" else LEAST_COSINE_INT8
    assert least_cosine(vectors, reference[:1]) >= least


@pytest.mark.parametrize("level", LIMITED)
def test_fewer_instructions(reference, level):
    for precision, least in ("f32", LEAST_COSINE_F32), ("int8", LEAST_COSINE_INT8):
        _, instructions, vectors = embed(precision, ONEDNN_MAX_CPU_ISA=level)
        print(level, precision, instructions, least_cosine(vectors, reference))
        assert least_cosine(vectors, reference) >= least
