"""How pages are handed out: fairly, to whoever is there, and not for ever to one who dies of them."""

import os
import re
import subprocess
import threading

import pdfs
from service import wait_until

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
    assert "ended the process" in ledger[POISON - 1]["reason"]


def jobs_on_board(service):
    answer = subprocess.run(["redis-cli", "-s", service.folder / "redis.sock", "smembers", "quire:jobs"],
                            capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else None


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


def test_a_letter_does_not_wait_for_a_book(service):
    texts, _ = pdfs.fact_pages(1600, seed="book")
    book = service.upload(pdfs.text_pdf(texts), "book.pdf")["id"]
    wait_until(lambda: service.file(book)["pages_done"] > 0, 60, "the book to be begun")
    letter = service.upload(pdfs.text_pdf(["A letter of one page."]), "letter.pdf")["id"]
    wait_until(lambda: service.file(letter)["pages_done"] == 1, 60, "the letter to be read")
    assert service.file(book)["pages_done"] < 1600
    for file_id in (letter, book):
        service.http.delete(f"/v1/files/{file_id}")


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
