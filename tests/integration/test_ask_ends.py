"""Answers that end while something else still goes on: the gateway's patience is over before the answerer
has begun, or one is to be cancelled that has ended and is just being kept."""

import json
import sqlite3

import pytest

import pdfs
from conftest import is_error, traced_service
from service import wait_until

PATIENCE_S = 60
QUESTION = pdfs.FACTS[0][1]
CANCEL = "gateway -> answerer: cancel_answer"


@pytest.fixture(scope="module")
def asked():
    with traced_service("asked", QUIRE_GATEWAY_ANSWER_S=3) as service:
        yield service


def question(service, **more):
    return {"model": "quire", "input": QUESTION,
            "tools": [{"type": "file_search", "vector_store_ids": [service.store]}], **more}


def test_an_answer_that_did_not_begin_in_time_is_cancelled(asked):
    before = asked.log_text("gateway").count(CANCEL)
    with asked.processes["answerer"].frozen():
        is_error(asked.http.post("/v1/responses", json=question(asked)), 503, "timed_out")
    assert asked.log_text("gateway").count(CANCEL) == before + 1

    def cancelled():
        return asked.metrics().get(("quire_answers_cancelled_total", "answerer"), 0) == 1

    wait_until(cancelled, PATIENCE_S, "the answer to be cancelled")


def test_an_answer_that_has_ended_and_is_being_kept_is_not_cancelled(asked):
    """The store is held by another writer, so that the answer can't be kept yet."""
    with sqlite3.connect(asked.data / "store.sqlite", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with asked.http.stream("POST", "/v1/responses", json=question(asked, stream=True)) as answer:
            lines = answer.iter_lines()
            events = (json.loads(line[len("data: "):]) for line in lines if line.startswith("data: "))
            response_id = next(events)["response"]["id"]
            for event in events:
                if event["type"] == "response.output_item.done" and event["item"]["type"] == "message":
                    break
            refused = asked.http.post(f"/v1/responses/{response_id}/cancel")
            holder.execute("ROLLBACK")
            last = list(events)[-1]
    error = is_error(refused, 400, "bad_request", "response_id")
    assert "ended already" in error["message"]
    assert last["type"] == "response.completed"
    assert asked.http.get(f"/v1/responses/{response_id}").json()["status"] == "completed"
