"""scripts/backup: what was saved from a container that works, or from a stopped one, answers the same
in another."""

import subprocess

import pytest

import pdfs
from docker import CHECKOUT, Container, Stack, docker, health, wait_until

SCRIPT = CHECKOUT / "scripts" / "backup"
QUESTIONS = [question for _, question in pdfs.FACTS[:5]]


def backup(*arguments):
    return subprocess.run([SCRIPT, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def answers(service):
    def search(question):
        found = service.http.post("/v1/vector_stores/default/search", json={"query": question}).json()
        return [(hit["file_id"], hit["filename"], hit["page"], hit["start"], hit["end"],
                 round(hit["score"], 4)) for hit in found["data"]]
    return [search(question) for question in QUESTIONS]


@pytest.fixture(scope="module")
def library(image):
    """A container with a file that is read and one that may still be being read."""
    one = Container(image)
    try:
        one.start().wait_ready()
        one.pdf = pdfs.text_book(pdfs.fact_pages(10)[0], "Facts").pdf()
        one.file_id = one.add(one.pdf, "facts.pdf", "default")
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("stopped", [False, True])
def test_restored_elsewhere_it_answers_the_same(library, new_container, tmp_path, stopped):
    before = answers(library)
    file = tmp_path / "quire.tar"
    if stopped:
        docker("stop", library.name)
    saved = backup("save", file, library.name)
    if stopped:
        docker("start", library.name)
        library.wait_ready()
    assert saved.returncode == 0, saved.stdout
    assert library.state()["Paused"] is False
    other = new_container().create()
    restored = backup("restore", file, other.name)
    assert restored.returncode == 0, restored.stdout
    docker("start", other.name)
    other.wait_ready()
    assert answers(other) == before
    assert other.http.get(f"/v1/files/{library.file_id}/content").content == library.pdf
    wait_until(lambda: health(other.name) == "healthy", 60, "the restored container to be healthy")


def test_saved_in_the_middle_of_reading(library, new_container, tmp_path):
    """What was taken in before the moment of the copy is read to its end elsewhere."""
    ids = [library.upload(pdfs.text_book(pdfs.fact_pages(40, seed=seed)[0]).pdf(), f"{seed}.pdf")["id"]
           for seed in range(4)]
    file = tmp_path / "quire.tar"
    assert backup("save", file, library.name).returncode == 0
    other = new_container().create()
    assert backup("restore", file, other.name).returncode == 0
    docker("start", other.name)
    other.wait_ready()
    for file_id in ids:
        assert other.wait_file(file_id)["state"] == "completed"
        assert library.wait_file(file_id)["state"] == "completed"


def test_stack_is_restored_into_another(image, tmp_path):
    """As docs/operations.md has it: gateway and answerer hold all that is kept."""
    stacks = [Stack(image), Stack(image)]
    try:
        first, other = stacks
        first.up().wait_healthy()
        file_id = first.add(pdfs.text_book(pdfs.fact_pages(10)[0], "Facts").pdf(), "facts.pdf", "default")
        assert first.wait_file(file_id)["state"] == "completed"
        before = answers(first)
        file = tmp_path / "quire.tar"
        saved = backup("save", file, *first.compose("ps", "-aq", "gateway", "answerer").split())
        assert saved.returncode == 0, saved.stdout
        other.compose("create", "--no-build")
        restored = backup("restore", file, *other.compose("ps", "-aq", "gateway", "answerer").split())
        assert restored.returncode == 0, restored.stdout
        other.up().wait_healthy()
        assert answers(other) == before
    finally:
        for stack in stacks:
            stack.close()


def test_copy_that_fails_leaves_nothing(library, tmp_path):
    """Here since the file may not become as large as it is."""
    file = tmp_path / "quire.tar"
    said = subprocess.run(["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", SCRIPT, "save", file, library.name],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert said.returncode == 1 and f"could not be copied to {file}" in said.stdout
    assert list(tmp_path.iterdir()) == []
    assert library.state()["Paused"] is False


def test_only_its_owner_reads_it(library, tmp_path):
    file = tmp_path / "quire.tar"
    assert backup("save", file, library.name).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_refusals(library, tmp_path):
    file = tmp_path / "quire.tar"
    file.write_bytes(b"")
    assert "is there already" in backup("save", file, library.name).stdout
    assert "is running" in backup("restore", file, library.name).stdout
    assert "no container quire-nowhere" in backup("save", tmp_path / "b.tar", "quire-nowhere").stdout
    assert backup("forget", file, library.name).returncode == 2
