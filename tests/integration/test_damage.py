"""A database that is damaged in its middle, where neither a start nor a search comes by: it is found in the
background after the start, said in log, metrics and /readyz, and left as it is."""

import sqlite3

import httpx

import pdfs
from conftest import is_error
from service import wait_until

PATIENCE_S = 30
PAGE_TEXT = pdfs.filler(1, 1500)   # so long that the store keeps it beside its row


def last_overflow_page(store):
    """A page of the database that holds the rest of a long text and nothing else: its number, and the size
    of pages."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        number, size = database.execute(
            "SELECT max(pageno), max(pgsize) FROM dbstat WHERE name = 'pages' AND pagetype = 'overflow'").fetchone()
    assert number, "no text of the store is that long"
    return number, size


def is_told(service):
    """What /readyz says once all roles are there and the damage is known."""
    try:
        answer = service.http.get("/readyz")
    except httpx.TransportError:
        return None
    return answer if answer.status_code == 503 and answer.json()["error"]["code"] == "store_damaged" else None


def test_damage_in_the_middle(new_service):
    service = new_service().start().wait_ready()
    file_id = service.add(pdfs.text_pdf([PAGE_TEXT]), store="default")
    assert service.metrics()[("quire_store_damaged", "answerer")] == 0
    wait_until(lambda: "store_checked" in service.log_text("answerer"), PATIENCE_S, "the store to be looked at")
    service.stop()
    store = service.data / "store.sqlite"
    whole = store.read_bytes()
    number, size = last_overflow_page(store)
    at = (number - 1) * size
    damaged = whole[:at] + b"\xff" * 4 + whole[at + 4:]   # where the page that follows stands
    store.write_bytes(damaged)

    service.start()
    answer = wait_until(lambda: is_told(service), PATIENCE_S, "the damage to be told")
    error = is_error(answer, 503, "store_damaged")
    assert "scripts/backup restore" in error["message"]
    assert "error answerer store_damaged" in service.log_text("answerer")
    wait_until(lambda: service.metrics().get(("quire_store_damaged", "answerer")) == 1, PATIENCE_S, "the metric")
    assert service.file(file_id)["state"] == "completed"   # what is not damaged can be read
    service.assert_dead()
    service.stop()
    assert store.read_bytes()[at:at + size] == damaged[at:at + size]
    checked = service.check_data("--quick")
    assert checked.returncode == 1 and "the database is damaged" in checked.stdout, checked.stdout

    store.write_bytes(whole)   # as a restored backup
    service.start().wait_ready()
    assert service.page(file_id, 1)["text"]
