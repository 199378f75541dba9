"""The service does what /openapi.json says, whatever is sent: schemathesis makes requests of every
operation, such as fit the description and such as don't, and each answer must be a described one in
status, type and body. Half of the requests name things that exist.

QUIRE_SCHEMATHESIS_EXAMPLES is how many requests each operation gets in each of the two ways; the
requests are the same in every run, unless QUIRE_SEED asks for others."""

import os

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.specs.openapi.checks import (content_type_conformance, response_headers_conformance,
                                               response_schema_conformance, status_code_conformance)

import pdfs

EXAMPLES = int(os.environ.get("QUIRE_SCHEMATHESIS_EXAMPLES", "8"))
SEED = int(os.environ.get("QUIRE_SEED", "1"))
CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]
WAYS = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
ENDLESS = {"/v1/events"}        # answers for as long as somebody listens
SERVERS_FAULT = 500             # and above: described, but a service in health has no reason for it


class Things:
    """What exists, by the names of path parameters."""

    def __init__(self, service):
        self.service = service
        self.store = service.new_store("schemathesis")
        self.file = service.add(pdfs.text_book([fact for fact, _ in pdfs.FACTS], "Facts").pdf(), "facts.pdf",
                                self.store)
        self.batch = service.http.post(f"/v1/vector_stores/{self.store}/file_batches",
                                       json={"file_ids": [self.file]}).json()["id"]
        self.response = service.http.post("/v1/responses", json={"input": pdfs.FACTS[0][1]}).json()["id"]

    def parameters(self):
        return {"vector_store_id": self.store, "file_id": self.file, "batch_id": self.batch, "page": 1,
                "response_id": self.response, "model": "quire"}

    def end(self):
        self.service.http.delete(f"/v1/responses/{self.response}")
        self.service.http.delete(f"/v1/vector_stores/{self.store}")
        self.service.http.delete(f"/v1/files/{self.file}")


@pytest.fixture(scope="module")
def described(shared_service):
    description = shared_service.http.get("/openapi.json").json()
    return schemathesis.openapi.from_dict(description)


@pytest.fixture
def things(service):
    things = Things(service)
    yield things
    things.end()


def check(case, service):
    answer = case.call(base_url=service.url, timeout=60)
    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code < SERVERS_FAULT, answer.text


def explore(operation, way, things):
    @hypothesis.seed(SEED)
    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=False,
                         phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=way), exists=strategies.booleans())
    def run(case, exists):
        if exists and operation.method != "delete":
            known = things.parameters()
            case.path_parameters.update({name: known[name] for name in case.path_parameters})
        check(case, things.service)

    run()


def operations(described):
    return [found.ok() for found in described.get_all_operations() if found.ok().path not in ENDLESS]


def broken(operation, way, things):
    """The operation's first wrong answer, or None."""
    try:
        explore(operation, way, things)
    except hypothesis.errors.Unsatisfiable:   # nothing that does not fit can be sent
        assert way is schemathesis.GenerationMode.NEGATIVE
    except Exception as failure:
        failure.add_note(f"{operation.method.upper()} {operation.path}, {way.name.lower()}, seed {SEED}")
        return failure
    return None


@pytest.mark.timeout(300 + 60 * EXAMPLES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())
def test_every_answer_is_described(described, things, way):
    tried = operations(described)
    assert len(tried) > 30
    failures = [failure for failure in (broken(operation, way, things) for operation in tried) if failure]
    if failures:
        raise ExceptionGroup("answers that are not as described", failures)
