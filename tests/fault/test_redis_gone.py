"""Fault 3: Redis is gone for 20 s and comes back empty."""

import time

import faults
import kept
from service import wait_until

GONE_S = 20
FILES = 40
SEARCH_EVERY_S = 0.1


def upload(service, document):
    return service.http.post("/v1/files", data={"purpose": "assistants"},
                             files={"file": (document.name, document.pdf, "application/pdf")})


def search_until(service, store, document, end):
    """Searches go on as if nothing had been, and uploads are refused in a way that clients understand.
    Returns how many of each there were."""
    searches = refused = 0
    while time.monotonic() < end:
        results = service.search(store, document.word, ranking_options={"ranker": "fused"})
        assert results[0]["filename"] == document.name
        searches += 1
        answer = upload(service, document)
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "board_away"
        assert int(answer.headers["retry-after"]) > 0
        refused += 1
        time.sleep(SEARCH_EVERY_S)
    return searches, refused


def test_redis_gone_and_back_empty(new_service, corpus, clean_run, counters):
    documents = corpus(FILES)
    clean = clean_run(documents)
    service = new_service().start().wait_ready()
    seen = counters(service)
    first, second = documents[0], documents[1:FILES // 2]
    store = service.new_store("there")
    ids = [service.add(first.pdf, first.name, store)]
    ids += [service.upload(document.pdf, document.name)["id"] for document in second]
    wait_until(lambda: seen.total("pages_committed_total") > first.pages, 60, "the reading to begin")
    faults.lose_redis(service)
    wait_until(lambda: upload(service, first).status_code == 503, 10, "the board to be missed")
    searches, refused = search_until(service, store, first, time.monotonic() + GONE_S)
    faults.restart(service, {"redis"})
    service.wait_ready()
    ids += [service.upload(document.pdf, document.name)["id"] for document in documents[FILES // 2:]]
    assert service.check_data("--quick").returncode == 0   # all that is unfinished stands on the board
    for file_id in ids:
        service.wait_file(file_id)
    files = kept.assert_as_clean(service, clean, ids)
    kept.assert_found(service, documents, files)
    assert set(files) == set(ids)
    pages = sum(len(file.pages) for file in files.values())
    seen.assert_total("pages_committed_total", pages)
    for counter in ("duplicates_ignored_total", "orphans_dropped_total", "tasks_redispatched_total",
                    "pages_failed_total", "children_killed_total"):
        assert seen.total(counter) == 0, counter
    print(f"{searches} searches went on, {refused} uploads were refused")
    kept.assert_whole(service)
