"""How pages are handed out: fairly, to whoever is there, and not for ever to one who dies of them."""

import os
import re
import subprocess
import threading

import pdfs
from service import Process, find_program, wait_until

POISON = 7        # a page that is never done
PAGES = 12
SLOW_PAGE_MS = 600_000
UPLOADERS = 8
ROUNDS = 10


def ranges_sent(service, file_id):
    """The page ranges that the gateway has given out, in order (it logs each message)."""
    return [(int(first), int(last)) for first, last in re.findall(
        rf"gateway -> extractor: extract_pages [^\n]*{file_id}[^\n]* first=(\d+) last=(\d+)",
        service.log_text("gateway"))]


def test_page_that_ends_its_extractor_fails_alone(new_service):
    service = new_service(settings={
        "QUIRE_TRACE": 1, "QUIRE_GATEWAY_RANGE_PAGES": 4, "QUIRE_EXTRACTOR_PAGE_MS": SLOW_PAGE_MS,
    }).start().wait_ready()
    texts, _ = pdfs.fact_pages(PAGES, seed="poison")
    file_id = service.upload(pdfs.endless_page(pdfs.text_pdf(texts), POISON), "poison.pdf")["id"]
    killed_for = []

    def ended():
        sent = [pages for pages in ranges_sent(service, file_id) if pages[0] <= POISON <= pages[1]]
        if len(sent) > len(killed_for):
            killed_for[:] = sent
            service.processes["extractor"].kill()
            service.restart_dead()
        return service.file(file_id)["state"] == "completed"

    wait_until(ended, 120, "the file to be finished")
    assert killed_for == [(5, 8)] * 2 + [(7, 8)] * 2 + [(7, 7)] * 2
    ledger = service.ledger(file_id)
    assert [line["status"] for line in ledger] == [
        "failed" if line["page"] == POISON else "text" for line in ledger]
    assert "process that was reading" in ledger[POISON - 1]["reason"]


def start_extractor_without_files(service):
    """One whose volume is not mounted: it sees an empty folder."""
    empty = service.folder / "unmounted"
    (empty / "files").mkdir(parents=True)
    service.processes["extractor"] = Process(
        "extractor", [find_program(service.build, "extractor")], service.log_path("extractor"),
        {**service.environment(), "QUIRE_DATA_DIR": str(empty)})


def test_what_an_extractor_lacks_fails_no_file(new_service):
    service = new_service(roles=("answerer", "embedder", "gateway")).start()
    start_extractor_without_files(service)
    service.wait_ready()
    file_id = service.upload(pdfs.text_pdf(["A page."]))["id"]
    wait_until(lambda: service.log_text("gateway").count("error=file_not_found") >= 3, 60,
               "the file to be tried three times")
    assert service.file(file_id)["state"] == "queued"
    service.processes["extractor"].stop()
    service.restart_dead()
    assert service.wait_file(file_id)["state"] == "completed"
    assert "range_parted" not in service.log_text("gateway")


def test_bytes_that_are_gone_fail_their_file(new_service):
    service = new_service(roles=("answerer", "embedder", "gateway")).start()
    service.wait_missing("extractor")
    file = service.upload(pdfs.text_pdf(["A page."]))
    (service.data / "files" / file["sha256"]).unlink()
    service.start_role("extractor")
    assert service.wait_file(file["id"])["error_code"] == "file_not_found"


def redis(service, *words):
    answer = subprocess.run(["redis-cli", "-s", service.folder / "redis.sock", *words],
                            capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else None


def jobs_on_board(service):
    return redis(service, "smembers", "quire:jobs")


def test_ends_that_the_board_missed_are_found(new_service):
    service = new_service().start().wait_ready()
    texts, _ = pdfs.fact_pages(100, seed="missed")
    file_id = service.upload(pdfs.text_pdf(texts))["id"]
    wait_until(lambda: service.file(file_id)["state"] == "indexing", 60, "all pages to be read")
    service.processes["redis"].kill()
    assert service.wait_file(file_id)["state"] == "completed"
    service.restart_dead()
    service.wait_ready()
    wait_until(lambda: jobs_on_board(service) == [], 60, "the board to be told")


def test_what_is_left_on_the_board_is_removed(new_service):
    """As by a Redis that ended between two of its commands."""
    service = new_service().start().wait_ready()
    file_id = service.finish(pdfs.text_pdf(["A page."]))["id"]
    redis(service, "hset", f"quire:job:{file_id}", "state", "indexing")
    redis(service, "hset", "quire:attempts:file-gone", "1-16", "2")
    service.processes["answerer"].stop()
    service.restart_dead()
    service.wait_ready()
    wait_until(lambda: redis(service, "keys", "quire:*") == ["quire:board"], 60, "the board to be cleared")


def test_a_letter_does_not_wait_for_a_book(service):
    texts, _ = pdfs.fact_pages(1600, seed="book")
    book = service.upload(pdfs.text_pdf(texts), "book.pdf")["id"]
    wait_until(lambda: service.file(book)["pages_done"] > 0, 60, "the book to be begun")
    letter = service.upload(pdfs.text_pdf(["A letter of one page."]), "letter.pdf")["id"]
    wait_until(lambda: service.file(letter)["pages_done"] == 1, 60, "the letter to be read")
    assert service.file(book)["pages_done"] < 1600
    for file_id in (letter, book):
        service.http.delete(f"/v1/files/{file_id}")


def blobs_left(service):
    """Files in the files folder that no file of the list has."""
    known = {file["sha256"] for file in service.http.get("/v1/files").json()["data"]}
    return [path.name for path in (service.data / "files").iterdir()
            if path.is_file() and path.name not in known]


def test_many_uploads_and_deletions_leave_no_bytes(service):
    """Each deletes while the others upload: what one deletion must remember is no reason to keep
    the bytes of another."""
    wrong = []

    def work(client):
        for turn in range(ROUNDS):
            file_id = service.upload(pdfs.text_pdf([f"Client {client}, turn {turn}."]))["id"]
            answer = service.http.delete(f"/v1/files/{file_id}")
            if not answer.json().get("deleted"):
                wrong.append(answer.text)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(2 * UPLOADERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    wait_until(lambda: not blobs_left(service), 20, "the bytes to be gone")


def test_deletion_that_takes_long_is_finished(new_service):
    """Its client is told to come again, and the bytes go all the same."""
    service = new_service(settings={"QUIRE_GATEWAY_ANSWER_S": 1}).start().wait_ready()
    file = service.finish(pdfs.text_pdf(["A page."]))
    with service.processes["answerer"].frozen():
        answer = service.http.delete(f"/v1/files/{file['id']}")
    assert answer.status_code == 503
    blob = service.data / "files" / file["sha256"]
    wait_until(lambda: not blob.exists(), 30, "the bytes to be gone")
    service.wait_ready()
    assert service.http.get(f"/v1/files/{file['id']}").status_code == 404
    assert service.http.delete(f"/v1/files/{file['id']}").status_code == 404


def test_orphans_are_found_at_the_start(new_service):
    """Bytes of long ago that no file has, as a gateway killed at the wrong moment leaves them."""
    service = new_service().start().wait_ready()
    kept = service.finish(pdfs.text_pdf(["A file that stays."]))
    service.stop()
    orphan = service.data / "files" / ("0a" * 32)
    orphan.write_bytes(b"%PDF-1.7")
    for path in (orphan, service.data / "files" / kept["sha256"]):
        os.utime(path, (0, 0))
    service.start().wait_ready()
    wait_until(lambda: not orphan.exists(), 20, "the orphan to be found")
    assert (orphan.parent / "orphans" / orphan.name).exists()
    assert service.http.get(f"/v1/files/{kept['id']}/content").status_code == 200


def test_same_bytes_added_and_deleted_at_once(service):
    pdf = pdfs.text_pdf(["The same bytes for everyone."])
    wrong = []

    def work():
        for _ in range(ROUNDS):
            file_id = service.upload(pdf)["id"]
            content = service.http.get(f"/v1/files/{file_id}/content")
            if content.content != pdf:
                wrong.append(content.status_code)
            service.http.delete(f"/v1/files/{file_id}")

    workers = [threading.Thread(target=work) for _ in range(UPLOADERS)]
    for worker in workers:
        worker.start()
    last = service.upload(pdf)
    for worker in workers:
        worker.join()
    assert not wrong
    assert service.http.get(f"/v1/files/{last['id']}/content").content == pdf
    service.http.delete(f"/v1/files/{last['id']}")
    wait_until(lambda: last["sha256"] not in os.listdir(service.data / "files"), 20, "the bytes to be gone")
