"""The embedders of one machine share one file of packed weights; without a place for it they work too."""

import os
import re
import resource
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def model(tmp_path):
    """The model in a folder of its own, which no packed weights are in."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.safetensors", "vocab.txt"):
        (folder / name).symlink_to(Path(os.environ["QUIRE_MODEL_DIR"]).resolve() / name)
    return folder


@pytest.fixture
def start(model, tmp_path):
    processes = []

    def start(**options):
        process = subprocess.Popen(
            [Path(os.environ["QUIRE_BUILD_DIR"]) / "bin" / "quire-embedder"], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "QUIRE_MODEL_DIR": str(model), "QUIRE_DATA_DIR": str(tmp_path / "nowhere"),
                 "QUIRE_EMBEDDER_EMBED_CONNECT": f"ipc://{tmp_path}/nobody"}, **options)
        processes.append(process)
        process.said = ""
        while " started " not in process.said:
            line = process.stderr.readline()
            assert line, process.said
            process.said += line
        return process

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        assert process.wait() == 0
        process.stderr.close()


def mapping(process, name):
    """{field: kB} of what it has mapped of that file."""
    maps = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{process.pid}/smaps").read_text(), flags=re.M)
    one, = (one for one in maps if name in one.split("\n")[0])
    return {field: int(size) for field, size in re.findall(r"^(\w+): +(\d+) kB", one, re.M)}


def test_two_embedders_share_the_packed_weights(model, start):
    one, two = start(), start()
    file, = model.glob("*.packed")
    for process in (one, two):
        assert "weights=mapped" in process.said
        pages = mapping(process, file.name)
        assert pages["Rss"] * 1024 >= file.stat().st_size - 4096
        assert pages["Private_Clean"] == pages["Private_Dirty"] == 0
        assert pages["Pss"] <= pages["Rss"] / 2 + 4


def test_a_wrong_file_is_replaced(model, start):
    start()
    file, = model.glob("*.packed")
    right = file.read_bytes()
    file.write_bytes(right[:-1])
    assert "packed_weights_passed_over" in (said := start().said) and "why=truncated" in said
    assert file.read_bytes() == right
    assert "passed_over" not in start().said


def test_without_room_for_the_file_it_says_so_once_and_goes_on(model, start):
    process = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
                    restore_signals=False)   # so that the signal of that limit stays ignored
    assert process.said.count("packed_weights_not_kept") == 1
    assert "weights=own" in process.said
    assert sorted(path.name for path in model.iterdir()) == ["model.safetensors", "vocab.txt"]
