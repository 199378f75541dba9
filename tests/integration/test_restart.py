"""Nothing is lost: processes are killed, one and all, and what was taken in is there and whole."""

import os
import signal
from pathlib import Path

import pytest

import pdfs
from service import ROLES, wait_until

LONG = 300   # seconds
PAGES = 400
LOW_PRIORITY = 10
ON_THE_WAY = 40   # pages read and not committed: at most the answerer's credit


def everything(service, store, file_id):
    """What a user can see of a file: must be the same before and after."""
    file = service.file(file_id)
    return {
        "file": {key: file[key] for key in ("id", "bytes", "filename", "state", "pages",
                                            "pages_done", "chunks", "vectors", "sha256")},
        "ledger": service.ledger(file_id),
        "page": service.page(file_id, 3),
        "content": service.http.get(f"/v1/files/{file_id}/content").content,
        "searches": [[(result["page"], result["start"], result["end"])
                      for result in service.search(store, question, max_num_results=5)]
                     for _, question in pdfs.FACTS[:4]],
    }


@pytest.fixture
def library(new_service):
    """A service of the test's own with one finished file."""
    service = new_service().start().wait_ready()
    texts, _ = pdfs.fact_pages(20, seed="restart")
    store = service.new_store("kept")
    return service, store, service.add(pdfs.text_pdf(texts, "Kept"), "kept.pdf", store)


def add_long(service, store):
    """A file that takes a while. Returns its id, when the first pages have been read."""
    texts, _ = pdfs.fact_pages(PAGES, seed="long")
    file_id = service.upload(pdfs.text_pdf(texts), "long.pdf")["id"]
    service.attach(store, file_id)
    wait_until(lambda: service.file(file_id)["pages_done"] > 0, 60, "the first page to be read")
    return file_id


def is_whole(service, store, file_id):
    """The file is finished, and each page and each fact is there once."""
    file = service.wait_file(file_id, within=LONG)
    assert (file["state"], file["pages"], file["pages_failed"]) == ("completed", PAGES, 0), file
    assert [line["page"] for line in service.ledger(file_id)] == list(range(1, PAGES + 1))
    assert file["chunks"] == file["vectors"] == sum(
        line["chunks"] for line in service.ledger(file_id))
    only = {"type": "eq", "key": "file_id", "value": file_id}
    _, places = pdfs.fact_pages(PAGES, seed="long")
    for index in (0, 5, 9):
        results = service.search(store, pdfs.FACTS[index][1], filters=only, max_num_results=50)
        assert results[0]["page"] == places[index]
        ranges = [(result["page"], result["start"]) for result in results]
        assert len(ranges) == len(set(ranges))


def test_clean_stop_and_start(library):
    service, store, file_id = library
    before = everything(service, store, file_id)
    statuses = service.stop()
    assert set(statuses.values()) == {0}, statuses
    service.start().wait_ready()
    assert everything(service, store, file_id) == before


def test_kill_all_and_start(library):
    service, store, file_id = library
    before = everything(service, store, file_id)
    service.kill_all()
    service.start().wait_ready()
    assert everything(service, store, file_id) == before


def test_kill_all_at_once_after_an_upload_is_answered(library):
    """An upload that was answered is kept, whatever comes the moment after."""
    service, store, _ = library
    pdf = pdfs.text_pdf(["A page that must not be lost. " + pdfs.FACTS[7][0]])
    ids = []
    for number in range(3):
        ids.append(service.upload(pdf + b"\n" * number, f"{number}.pdf")["id"])
        service.kill_all()
        service.start().wait_ready()
    for number, file_id in enumerate(ids):
        assert service.wait_file(file_id)["state"] == "completed"
        content = service.http.get(f"/v1/files/{file_id}/content").content
        assert content == pdf + b"\n" * number
        service.attach(store, file_id)
    found = service.search(store, pdfs.FACTS[7][1], max_num_results=50)
    assert set(ids) <= {result["file_id"] for result in found}


def test_kill_all_in_the_middle(library):
    service, store, kept = library
    before = everything(service, store, kept)
    file_id = add_long(service, store)
    service.kill_all()
    service.start().wait_ready()
    is_whole(service, store, file_id)
    only = {"type": "eq", "key": "file_id", "value": kept}
    assert service.search(store, pdfs.FACTS[0][1], filters=only)[0]["page"] == 1
    after = everything(service, store, kept)
    assert (after["ledger"], after["page"]) == (before["ledger"], before["page"])


@pytest.mark.parametrize("role", ROLES)
def test_kill_a_role_in_the_middle(library, role):
    service, store, _ = library
    file_id = add_long(service, store)
    service.processes[role].kill()
    service.restart_dead()
    service.wait_ready()
    is_whole(service, store, file_id)


@pytest.mark.parametrize("role", ["extractor", "embedder"])
def test_the_others_take_over_from_a_killed_worker(library, role):
    service, store, _ = library
    service.start_role(role)
    file_id = add_long(service, store)
    killed = service.processes.pop(role)
    killed.kill()
    is_whole(service, store, file_id)
    assert service.answers_ready()


def test_a_frozen_worker_loses_its_tasks(library):
    service, store, _ = library
    service.start_role("extractor")
    file_id = add_long(service, store)
    with service.processes["extractor"].frozen():
        is_whole(service, store, file_id)
    is_whole(service, store, file_id)   # what it sends late changes nothing


def test_redis_killed_and_emptied(library):
    """The board is rebuilt from the store."""
    service, store, _ = library
    file_id = add_long(service, store)
    service.processes["redis"].kill()
    for path in (service.data / "redis").rglob("*"):
        if path.is_file():
            path.unlink()
    service.restart_dead()
    service.wait_ready()
    is_whole(service, store, file_id)


def test_upload_without_redis_is_refused_or_kept(library):
    service, store, _ = library
    service.processes["redis"].kill()
    answer = service.http.post("/v1/files", files={"file": ("x.pdf", pdfs.text_pdf(["One page."]))},
                               data={"purpose": "assistants"})
    assert answer.status_code in (200, 503), answer.text
    assert service.search(store, pdfs.FACTS[0][1])   # searching needs no board
    service.restart_dead()
    service.wait_ready()
    if answer.status_code == 200:
        assert service.wait_file(answer.json()["id"])["state"] == "completed"
    else:
        assert answer.json()["error"]["code"] == "board_away"
    assert service.finish(pdfs.text_pdf(["Another page."]))["state"] == "completed"


@pytest.mark.parametrize("damage", ["missing", "torn", "rubbish"])
def test_indexes_are_rebuilt_from_the_store(library, damage):
    """Everything in the data folder but the store, the files and the board is a cache."""
    service, store, file_id = library
    before = everything(service, store, file_id)
    service.stop()
    truth = {"files", "redis"}
    caches = [path for path in service.data.iterdir()
              if path.name not in truth and not path.name.startswith("store.sqlite")]
    assert caches
    for path in [path for cache in caches for path in (cache, *cache.rglob("*")) if path.is_file()]:
        if damage == "missing":
            path.unlink()
        elif damage == "torn":
            path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        else:
            path.write_bytes(b"\xa5" * path.stat().st_size)
    service.start().wait_ready()

    def as_before():
        now = everything(service, store, file_id)
        return now if now["searches"] == before["searches"] else None

    assert wait_until(as_before, 60, "the searches to answer as before") == before


def test_a_deleted_file_stays_deleted(library):
    service, store, file_id = library
    assert service.http.delete(f"/v1/files/{file_id}").status_code == 200
    service.kill_all()
    service.start().wait_ready()
    assert service.http.get(f"/v1/files/{file_id}").status_code == 404
    for ranker in ("auto", "lexical", "dense"):
        assert service.search(store, pdfs.FACTS[0][1], ranking_options={"ranker": ranker}) == []
    wait_until(lambda: not [path for path in (service.data / "files").rglob("*")
                            if path.is_file()], 20, "its bytes to be gone")


def test_kill_the_reader_of_many_pages(new_service):
    """The child that reads a file is killed from outside, each time on another page: that is no
    fault of the page, which is read by a new child."""
    service = new_service(settings={"QUIRE_EXTRACTOR_CHILDREN": "1"}).start().wait_ready()
    store = service.new_store("readers")
    extractor = service.processes["extractor"].pid
    # On a busy machine its readers have less of it than this test, so that none is through before it is seen.
    os.setpriority(os.PRIO_PROCESS, extractor, LOW_PRIORITY)
    file_id = add_long(service, store)

    def is_over():
        return service.file(file_id)["state"] == "completed"

    def children():
        path = Path(f"/proc/{extractor}/task/{extractor}/children")
        return [int(pid) for pid in path.read_text().split()]

    killed = 0
    while not is_over():
        victims = wait_until(lambda: children() or is_over(), 30, "a child that reads", every=0.005)
        if victims is True:
            break
        done = service.file(file_id)["pages_done"]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        # Pages read before may be on their way; when more are done, the next one has been read.
        wait_until(lambda: service.file(file_id)["pages_done"] > done + ON_THE_WAY or is_over(),
                   60, "pages read by another child")
    assert killed >= 3
    is_whole(service, store, file_id)
    assert service.processes["extractor"].alive()
    assert service.finish(pdfs.text_pdf(["Another page."]))["state"] == "completed"
