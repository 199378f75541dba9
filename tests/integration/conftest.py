"""Fixtures: one complete service that the tests share, and services of a test's own.

QUIRE_BUILD_DIR is the build folder with the programs, QUIRE_MODEL_DIR the folder with
model.safetensors and vocab.txt. scripts/test sets both."""

import contextlib
import os
import signal

import pytest

import pdfs
from service import Service, tail, wait_until

RECOVERY_S = 60


def _required(variable):
    value = os.environ.get(variable)
    if not value:
        pytest.exit(f"set {variable}, or run scripts/test integration", returncode=2)
    return value


def _new_service(**options):
    return Service(_required("QUIRE_BUILD_DIR"), _required("QUIRE_MODEL_DIR"), **options)


@pytest.fixture(scope="session")
def shared_service():
    service = _new_service()
    try:
        yield service.start().wait_ready()
        statuses = service.stop()
    finally:
        service.close()
    assert set(statuses.values()) == {0}, f"a role did not end cleanly: {statuses}"


@pytest.fixture
def service(shared_service):
    """The shared service, which each test must leave as it found it: ready, no process lost."""
    yield shared_service
    dead = shared_service.dead()
    if dead:
        ends = "\n".join(f"{name}:\n{tail(shared_service.log_path(name))}" for name in dead)
        shared_service.restart_dead()
        shared_service.wait_ready()
        pytest.fail(f"the test ended {', '.join(dead)}\n{ends}")
    wait_until(shared_service.answers_ready, RECOVERY_S, "the service to be ready again")


@pytest.fixture
def new_service(request):
    """Makes services with settings of their own: new_service (settings={…}, redis_url=…, roles=…).
    They are not started."""
    made = []

    def make(**options):
        made.append(_new_service(**options))
        return made[-1]

    make.made = made   # for the report of a failure
    yield make
    for service in made:
        service.close()


@pytest.fixture(scope="session")
def service_factory():
    """Makes services for the fixtures of a module, which close them themselves."""
    return _new_service


@contextlib.contextmanager
def traced_service(store, **settings):
    """A service that logs its messages, with pdfs.FACTS[0] in a store of that name: service.store."""
    service = _new_service(settings={"QUIRE_TRACE": 1, **settings})
    try:
        service.start().wait_ready()
        service.store = service.new_store(store)
        service.add(pdfs.text_pdf([pdfs.FACTS[0][0]]), store=service.store)
        yield service
    finally:
        service.close()


@pytest.fixture
def without_embedder(new_service):
    """A service that has no embedder, with pdfs.FACTS[1] in a store: (service, store, file_id)."""
    service = new_service(roles=("answerer", "extractor", "gateway")).start()
    service.wait_missing("embedder")
    store = service.new_store()
    file_id = service.upload(pdfs.text_pdf([pdfs.FACTS[1][0]]))["id"]
    service.attach(store, file_id)
    service.wait_file(file_id, ("indexing",))
    return service, store, file_id


@pytest.fixture
def store(service):
    """A vector store of the test's own."""
    store_id = service.new_store()
    yield store_id
    service.http.delete(f"/v1/vector_stores/{store_id}")


@pytest.fixture(scope="session")
def facts(shared_service):
    """A file of 20 pages in a store of its own: each fact of pdfs.FACTS stands on one page.
    Tests read it and leave it as it is."""
    class Facts:
        texts, pages = pdfs.fact_pages(20)
        book = pdfs.text_book(texts, "Facts of the coast")
        pdf = book.pdf()
        store = shared_service.new_store("facts")
        file_id = shared_service.add(pdf, "facts.pdf", store)
    return Facts


def services_of(item):
    """The services that the test used."""
    arguments = getattr(item, "funcargs", {})
    shared = [value for value in arguments.values() if isinstance(value, Service)]
    made = getattr(arguments.get("new_service"), "made", [])
    return dict.fromkeys(shared + made)


def pytest_configure():
    # Where the tests run in a shell's background, interrupts are ignored, also by all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of the logs of the service that the test used."""
    report = (yield).get_result()
    if report.failed:
        for service in services_of(item):
            report.sections.append(("logs of the service", service.logs()))


def is_error(answer, status, code=None, param=None):
    """Asserts an error in OpenAI's shape. Returns it."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert isinstance(error["message"], str) and error["message"]
    assert error["type"] in ("invalid_request_error", "rate_limit_error", "server_error")
    assert error["code"]
    if code:
        assert error["code"] == code, error
    if param:
        assert error["param"] == param, error
    return error
