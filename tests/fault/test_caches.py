"""Fault 6: the FAISS file or the Xapian databases are missing, torn, of another version or older than
the store: they are made anew, and every search is answered byte for byte as before. A store that is
damaged is said to be so and stays as it is."""

import shutil

import pytest

import caches
import pdfs
from service import wait_until

PATIENCE_S = 30


def questions():
    yield from (question for _, question in pdfs.FACTS)
    yield "what has the report of the summer to say about the river"


def answers(service):
    """The bodies of many searches, with every ranker."""
    bodies = []
    for question in questions():
        for ranker in ("auto", "lexical", "dense"):
            answer = service.http.post("/v1/vector_stores/default/search", json={
                "query": question, "max_num_results": 50, "ranking_options": {"ranker": ranker}})
            assert answer.status_code == 200, answer.text
            bodies.append(answer.content)
    return bodies


def add(service, seed):
    texts, _ = pdfs.fact_pages(20, seed=seed)
    return service.add(pdfs.text_pdf(texts, seed), f"{seed}.pdf", "default")


@pytest.fixture
def finished(new_service, tmp_path):
    """A service with two files and one that was deleted, stopped; its caches when it had one file; and
    what it answered."""
    service = new_service().start().wait_ready()
    add(service, "first")
    assert set(service.stop().values()) == {0}
    old = tmp_path / "old"
    old.mkdir()
    for cache in ("lexical", "index"):
        shutil.copytree(service.data / cache, old / cache)
    service.start().wait_ready()
    gone = add(service, "gone")
    add(service, "second")
    assert service.http.delete(f"/v1/files/{gone}").status_code == 200
    assert set(service.stop().values()) == {0}
    service.start().wait_ready()
    before = answers(service)
    assert set(service.stop().values()) == {0}
    return service, old, before


def put_old_one_back(old, data, cache):
    shutil.rmtree(data / cache)
    shutil.copytree(old / cache, data / cache)


@pytest.mark.parametrize("cache, log", [("index", "index_ready"), ("lexical", "texts_made_anew")])
@pytest.mark.parametrize("damage", [*caches.DAMAGES, put_old_one_back])
def test_a_cache_is_made_anew(finished, cache, log, damage):
    service, old, before = finished
    if damage is put_old_one_back:
        damage(old, service.data, cache)
    else:
        damage(service.data, cache)
    service.log_path("answerer").unlink()
    service.start().wait_ready()
    wait_until(lambda: answers(service) == before, PATIENCE_S, "the answers to be as before", every=0.3)
    said = service.log_text("answerer")
    if damage is not put_old_one_back or cache == "index":
        assert log in said
    if cache == "index" and damage in (caches.tear, caches.make_other_version):
        assert "index_unusable" in said


@pytest.mark.parametrize("damage", ["empty", "cut", "other bytes", "other version"])
def test_a_damaged_store_is_said_and_stays_as_it_is(finished, damage):
    service, _, before = finished
    path = service.data / "store.sqlite"
    whole = path.read_bytes()
    version_at = 60
    changed = {"empty": b"", "cut": whole[:len(whole) - 100], "other bytes": b"\xa5" * 4096 + whole[4096:],
               "other version": whole[:version_at] + b"\0\0\0\x63" + whole[version_at + 4:]}[damage]
    path.write_bytes(changed)
    service.start()
    wait_until(lambda: "answerer" in service.dead(), PATIENCE_S, "the answerer to refuse it")
    said = service.log_text("answerer").splitlines()[-1]
    assert "not_started" in said, said
    assert ("version 99" in said) if damage == "other version" else ("backup" in said), said
    assert path.read_bytes() == changed
    wait_until(lambda: service.missing() is not None, PATIENCE_S, "the gateway to be there")
    answer = service.http.post("/v1/vector_stores/default/search", json={"query": "anything"})
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "role_away", answer.text
    path.write_bytes(whole)   # from a backup
    service.restart_dead()
    service.wait_ready()
    wait_until(lambda: answers(service) == before, PATIENCE_S, "the answers to be as before", every=0.3)


def test_a_missing_store_is_said(finished):
    service, _, before = finished
    path, away = service.data / "store.sqlite", service.folder / "away"
    path.rename(away)
    service.log_path("answerer").unlink()
    service.start().wait_ready()
    assert "store_missing" in service.log_text("answerer")
    assert service.http.get("/v1/files").json()["data"] == []
    service.stop()
    away.rename(path)   # the user's uploads were put aside, not removed
    service.log_path("answerer").unlink()
    service.start().wait_ready()
    assert "store_missing" not in service.log_text("answerer")
    wait_until(lambda: answers(service) == before, PATIENCE_S, "the answers to be as before", every=0.3)
