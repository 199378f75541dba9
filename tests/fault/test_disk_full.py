"""Fault 4: the disk is full while a file is uploaded, pages are committed, an index is written, and
Redis writes its log. One clear error, the service stays up and readable, and when there is space it
goes on by itself."""

import httpx
import pytest

import kept
import pdfs
from service import Process, wait_until
from small_disk import NoDisk, SmallDisk
from supervisor import Supervisor

FILES = 30
PATIENCE_S = 60
SENTENCE, QUESTION = pdfs.FACTS[0]


@pytest.fixture
def on_small_disk(new_service, tmp_path, counters):
    """on_small_disk (part, megabytes): a service with one finished file, its counters, and a disk of its own
    for one part of its data folder ("" is the folder itself, but for what has one of its own)."""
    disks = []

    def make(part, megabytes):
        data = tmp_path / "data"
        try:
            disks.append(SmallDisk(data / part, megabytes))
        except NoDisk as reason:
            pytest.skip(str(reason))
        if not part:
            for other in ("files", "lexical", "index", "redis"):
                (tmp_path / other).mkdir()
                (data / other).symlink_to(tmp_path / other)
        service = new_service(data=data).start().wait_ready()
        seen = counters(service)
        service.store = service.new_store("small")
        service.add(pdfs.text_pdf([SENTENCE]), store=service.store)
        return service, seen, disks[0]

    yield make
    for disk in disks:
        disk.close()


def try_upload(service, document):
    return service.http.post("/v1/files", data={"purpose": "assistants"},
                             files={"file": (document.name, document.pdf, "application/pdf")})


def upload_all(service, documents):
    return {service.upload(document.pdf, document.name)["id"]: document for document in documents}


def is_readable(service):
    """Nobody has ended, and searches are answered."""
    assert not service.dead(), service.dead()
    assert service.search(service.store, QUESTION)[0]["page"] == 1


def is_refused(answer):
    assert answer.status_code == 507, (answer.status_code, answer.text)
    assert answer.json()["error"]["code"] == "disk_full", answer.text
    assert "disk is full" in answer.json()["error"]["message"]


def is_as_clean(service, seen, documents, clean, expected):
    """Every file and every counter is as if the disk had never been full. Returns {id: kept.File}."""
    kept.wait_finished(service)
    first = next(file["id"] for file in service.http.get("/v1/files").json()["data"]
                 if file["filename"] == "document.pdf")
    file = service.file(first)
    assert (file["state"], file["pages_done"], file["vectors"]) == ("completed", 1, 1)
    clean = {**clean, file["sha256"]: kept.read(service.data)[first]}
    files = kept.assert_as_clean(service, clean, expected)
    assert set(files) == {first, *expected}
    kept.assert_found(service, documents, {key: files[key] for key in expected})
    seen.assert_ingest(files)
    return files


def test_during_an_upload(on_small_disk, corpus, clean_run):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service, seen, disk = on_small_disk("files", 8)
    before = set(disk.path.iterdir())
    disk.fill()
    for document in documents[:3]:
        is_refused(try_upload(service, document))
        is_readable(service)
    disk.make_room()
    wait_until(lambda: set(disk.path.iterdir()) == before, PATIENCE_S, "what was begun to be gone")
    uploaded = upload_all(service, documents)
    is_as_clean(service, seen, documents, clean, uploaded)
    kept.assert_whole(service)


def test_during_commits(on_small_disk, corpus, clean_run):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service, seen, disk = on_small_disk("", 48)
    uploaded = upload_all(service, documents[:-1])
    disk.fill()
    wait_until(lambda: "commit_failed error=disk_full" in service.log_text("answerer"), PATIENCE_S,
               "a commit that fails")
    is_refused(try_upload(service, documents[-1]))
    is_readable(service)
    for file_id in uploaded:
        service.file(file_id)
    assert any(service.file(file_id)["state"] not in ("completed", "failed") for file_id in uploaded)
    disk.make_room()
    kept.wait_finished(service)   # by itself
    assert not service.dead()
    uploaded.update(upload_all(service, documents[-1:]))
    is_as_clean(service, seen, documents, clean, uploaded)
    kept.assert_whole(service)


def test_while_texts_are_indexed(on_small_disk, corpus, clean_run):
    """Pages are committed and get their vectors; that they are found by words waits for space."""
    documents = corpus(FILES)
    clean = clean_run(documents)
    service, seen, disk = on_small_disk("lexical", 16)
    disk.fill()
    uploaded = upload_all(service, documents)
    wait_until(lambda: "texts_not_indexed error=disk_full" in service.log_text("answerer"), PATIENCE_S,
               "texts that can't be indexed")
    kept.wait_finished(service)
    assert not service.dead()
    assert service.search(service.store, QUESTION, ranking_options={"ranker": "dense"})[0]["page"] == 1
    disk.make_room()

    def all_is_found():
        return len(service.search(service.store, SENTENCE, ranking_options={"ranker": "lexical"})) == 1 and all(
            service.search("default", document.word, ranking_options={"ranker": "lexical"})
            for document in documents)

    for file_id in uploaded:
        service.attach("default", file_id)
    wait_until(all_is_found, PATIENCE_S, "every text to be found by its words", every=0.2)
    is_as_clean(service, seen, documents, clean, uploaded)
    kept.assert_whole(service)


def test_while_vectors_are_saved(on_small_disk, corpus, clean_run):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service, seen, disk = on_small_disk("index", 4)
    disk.fill()
    uploaded = upload_all(service, documents)
    kept.wait_finished(service)
    is_readable(service)
    seen.assert_ingest(kept.read(service.data))   # told before those who counted end
    assert set(service.stop().values()) == {0}
    assert "index_not_saved" in service.log_text("answerer")
    assert {path.name for path in disk.path.iterdir()} <= {"ballast", "vectors"}   # nothing half
    service.start().wait_ready()
    is_readable(service)
    disk.make_room()
    is_as_clean(service, seen, documents, clean, uploaded)
    kept.assert_whole(service)
    assert (disk.path / "vectors").stat().st_size > 1000
    service.start().wait_ready()


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_of_redis(on_small_disk, corpus, clean_run, policy):
    """It refuses writes, or ends, as it is set: uploads wait, searches go on."""
    documents = corpus(FILES)
    clean = clean_run(documents)
    service, seen, disk = on_small_disk("redis", 4)

    def start_redis():
        service.processes["redis"] = Process("redis", [
            "redis-server", "--port", "0", "--unixsocket", service.folder / "redis.sock", "--dir",
            service.data / "redis", "--appendonly", "yes", "--appendfsync", policy, "--save", ""],
            service.log_path("redis"))

    service.start_redis = start_redis
    service.processes["redis"].kill()
    start_redis()
    service.wait_ready()
    supervisor = Supervisor(service, "redis")
    try:
        uploaded = upload_all(service, documents[:10])
        disk.fill()

        def refused():
            answer = try_upload(service, documents[-1])
            if answer.status_code == 200:
                uploaded[answer.json()["id"]] = documents[-1]
                return None
            return answer

        answer = wait_until(refused, PATIENCE_S, "an upload to be refused")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "board_away"), answer.text
        assert answer.headers["retry-after"].isdigit()
        assert service.search(service.store, QUESTION)[0]["page"] == 1
        disk.make_room()
        wait_until(service.answers_ready, PATIENCE_S, "Redis to be there again")
        for document in documents[10:]:
            wait_until(lambda: document in uploaded.values() or not refused_again(service, document, uploaded),
                       PATIENCE_S, "the upload to be taken")
        is_as_clean(service, seen, documents, clean, uploaded)
        supervisor.rest()
        kept.assert_whole(service)
    finally:
        supervisor.stop()


def refused_again(service, document, uploaded):
    try:
        answer = try_upload(service, document)
    except httpx.TransportError:
        return True
    if answer.status_code == 200:
        uploaded[answer.json()["id"]] = document
    else:
        assert answer.status_code == 503, answer.text
    return answer.status_code != 200
