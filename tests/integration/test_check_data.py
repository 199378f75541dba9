"""scripts/check-data's program: it finds what is wrong with a data folder, and nothing when nothing is."""

import os
import shutil
import sqlite3
import subprocess

import pytest

import pdfs
from service import find_program, wait_until

FILES = 4
PAGES = 3
LONG_AGO = (1, 1)


@pytest.fixture(scope="module")
def library(module_service):
    """The data folder of a service that has been stopped, with a few finished files."""
    service = module_service
    for number in range(FILES):
        service.add(pdfs.text_pdf(pdfs.fact_pages(PAGES, seed=number)[0]), f"{number}.pdf")
    service.stop()
    return service


@pytest.fixture(scope="module")
def module_service(service_factory):
    service = service_factory()
    yield service.start().wait_ready()
    service.close()


@pytest.fixture
def folder(library, tmp_path):
    """A copy of the library, to be damaged: (path, check)."""
    copy = tmp_path / "data"
    shutil.copytree(library.data, copy)

    def check(*options):
        answer = subprocess.run([find_program(library.build, "checker"), *options, copy],
                                capture_output=True, text=True, check=False)
        return answer.returncode, answer.stdout

    return copy, check


def change(folder, *statements):
    store = sqlite3.connect(folder / "store.sqlite")
    with store:
        for statement in statements:
            store.execute(statement)
    store.close()


def test_nothing_is_wrong(folder):
    path, check = folder
    before = sorted((entry, entry.stat().st_size) for entry in path.rglob("*") if entry.is_file())
    for options in ((), ("--quick",)):
        status, output = check(*options)
        assert status == 0 and output.endswith("whole\n"), output
        assert "note:" not in output and "fault:" not in output, output
        assert f"files={FILES} pages={FILES * PAGES}" in output
    left = sorted((entry, entry.stat().st_size) for entry in path.rglob("*") if entry.is_file()
                  and not entry.name.endswith(("-wal", "-shm")))
    assert left == before


DAMAGES = {
    "a row of no file": ("DELETE FROM files WHERE number = 2", "row 4 of pages, of a missing one of files"),
    "a chunk of no page": ("DELETE FROM pages WHERE number = 3", "chunks, of a missing one of pages"),
    "a vector of no chunk": ("DELETE FROM chunks WHERE id = 2", "vectors, of a missing one of chunks"),
    "no vector": ("DELETE FROM vectors WHERE chunk = 2", "vector is missing, of another size, or not wanted: chunk 2"),
    "half a vector": ("UPDATE vectors SET vector = x'00' WHERE chunk = 2", "not wanted: chunk 2"),
    "another vector": ("UPDATE vectors SET vector = zeroblob (1536) WHERE chunk = 2",
                       "chunk 2 has another vector than in the store"),
    "a chunk twice": ("INSERT INTO chunks (file, page, start, end, pieces, state)"
                      " SELECT file, page, start, end, pieces, 0 FROM chunks WHERE id = 2", "a chunk is there twice"),
    "a chunk too long": ("UPDATE chunks SET end = 100000 WHERE id = 2", "reaches past its page's text: chunk 2"),
    "a page of another file's count": ("UPDATE pages SET page = 9 WHERE number = 2", "page 9 of file-"),
    "a wrong count": ("UPDATE files SET pages_done = 1 WHERE number = 2", "other numbers of pages, chunks or vectors"),
    "a wrong state": ("UPDATE files SET state = 2 WHERE number = 2", "in another state"),
    "a page that is not indexed": ("INSERT INTO pages (file, page, status, width, height, terms, number_share, headed,"
                                   " word_count, chunk_count, reason, head, text, words) SELECT file, 9, status, width,"
                                   " height, terms, number_share, headed, word_count, 0, reason, head, text, words"
                                   " FROM pages WHERE number = 2", "text index: missing: page"),
    "an index entry of no file": ("DELETE FROM files WHERE number = 2", "text index: orphan: card of file 2"),
    "an index entry of no page": ("DELETE FROM pages WHERE number = 2", "text index: orphan: page 2"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_store_and_indexes(folder, damage):
    path, check = folder
    statement, words = DAMAGES[damage]
    change(path, "PRAGMA foreign_keys = OFF", statement)
    status, output = check()
    assert status == 1 and "fault: " in output and words in output, output
    assert "whole\n" not in output


def test_bytes(folder):
    path, check = folder
    missing, damaged, cut, _ = sorted((path / "files").iterdir())
    missing.unlink()
    damaged.chmod(0o600)
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    cut.chmod(0o600)
    cut.write_bytes(b"x")
    (path / "files" / ("ab" * 32)).write_bytes(b"new")
    old = path / "files" / ("cd" * 32)
    old.write_bytes(b"old")
    os.utime(old, LONG_AGO)
    status, output = check()
    assert status == 1
    for words in (f"are missing: {missing.name}", f"are damaged: {damaged.name}", f"are cut: {cut.name}",
                  f"fault: files folder: orphan: no file has the bytes {old.name}",
                  "note: files folder: no file has the new bytes abab", "faults: 4"):
        assert words in output, output


@pytest.mark.parametrize("cache", ["lexical", "index"])
def test_caches_are_made_anew(folder, cache):
    path, check = folder
    for entry in (path / cache).rglob("*"):
        if entry.is_file():
            entry.write_bytes(b"\xa5" * entry.stat().st_size)
    status, output = check()
    assert status == 0 and "it is made anew when the answerer starts" in output, output


@pytest.mark.parametrize("damage", ["rubbish", "no database", "empty", "missing"])
def test_damaged_database(folder, damage):
    path, check = folder
    store = path / "store.sqlite"
    content = bytearray(store.read_bytes())
    middle = len(content) // 2
    content[middle:middle + 8192] = b"\xa5" * 8192
    store.write_bytes({"rubbish": bytes(content), "no database": b"hello" * 1000}.get(damage, b""))
    if damage == "missing":
        store.unlink()
    status, output = check()
    assert status == 1 and "fault: store: " in output, output
    assert "damaged" in output or "missing" in output or "no store of Quire" in output, output


def test_what_is_no_data_folder(library, tmp_path):
    program = find_program(library.build, "checker")
    for arguments in ([tmp_path / "none"], [], ["--unknown", tmp_path], [tmp_path, tmp_path]):
        answer = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert answer.returncode == 2 and answer.stderr and not answer.stdout


def test_while_the_service_works(service, store):
    """What a service is amid of is no fault; a job on the board that the store does not know is one."""
    texts, _ = pdfs.fact_pages(60, seed="checked")
    file_id = service.upload(pdfs.text_pdf(texts))["id"]
    wait_until(lambda: service.file(file_id)["pages_done"] > 0, 60, "the first page to be read")
    answer = service.check_data("--quick")
    assert answer.returncode == 0 and "board: jobs=" in answer.stdout, answer.stdout
    service.wait_file(file_id)
    service.http.delete(f"/v1/files/{file_id}")
    answer = service.check_data()
    assert answer.returncode == 0, answer.stdout


def redis(service, *words):
    subprocess.run(["redis-cli", "-s", service.folder / "redis.sock", *words], check=True, capture_output=True)


def test_board(new_service):
    service = new_service(roles=("answerer", "gateway")).start()
    service.wait_missing("extractor", "embedder")
    file_id = service.upload(pdfs.text_pdf(["A page."]))["id"]
    for role in ("gateway", "answerer"):
        service.processes[role].kill()   # they would put it right
    redis(service, "SREM", "quire:jobs", file_id)
    redis(service, "SADD", "quire:jobs", "file-unknown")
    redis(service, "HSET", "quire:attempts:file-gone", "1-16", "2")
    answer = service.check_data("--once")
    assert answer.returncode == 1
    for words in (f"{file_id} is queued, and has no job", f"orphan: a key of {file_id}, which has no job",
                  "orphan: the job of file-unknown, which is not in the store",
                  "orphan: a key of file-gone, which is not in the store"):
        assert words in answer.stdout, answer.stdout
