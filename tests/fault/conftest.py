"""Fixtures of the fault tests: services to be broken, and what a clean run keeps of a corpus.

The services come from the integration tests. The random faults follow a seed, which is printed;
QUIRE_SEED=… repeats them."""

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parent.parent / "integration"
sys.path.insert(0, str(INTEGRATION))

import kept  # noqa: E402  (uses what the line above finds)
from corpus import make_corpus  # noqa: E402
from counters import Counters  # noqa: E402
from integration_fixtures import fixtures as _fixtures  # noqa: E402
from supervised import Supervised  # noqa: E402

integration_service = _fixtures.new_service
pytest_runtest_makereport = _fixtures.pytest_runtest_makereport

_SEED = int(os.environ.get("QUIRE_SEED") or random.SystemRandom().randrange(1 << 32))


def pytest_exception_interact(node):
    """The whole logs of what a failed test broke are kept beside its report, when that is kept."""
    report = node.config.option.xmlpath
    for number, service in enumerate(_fixtures.services_of(node) if report else (), 1):
        folder = Path(report).parent / "logs" / f"{node.name}-{number}".replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        for path in (*service.folder.glob("*.log"), *service.data.glob("logs/current")):
            shutil.copy(path, folder)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"random faults: QUIRE_SEED={_SEED} repeats them")


@pytest.fixture
def chance(request):
    """Random numbers that follow the seed, for each test its own."""
    return random.Random(f"{_SEED} {request.node.name}")


@pytest.fixture
def new_service(integration_service):
    """Makes services that set aside what a crash left at once: new_service (settings={…}, …)."""
    def make(settings=None, **options):
        return integration_service(settings={**kept.SETTINGS, **(settings or {})}, **options)

    make.made = integration_service.made   # for the report of a failure
    return make


@pytest.fixture
def supervised():
    """A service under the supervisor that is shipped."""
    service = Supervised(os.environ["QUIRE_BUILD_DIR"], os.environ["QUIRE_MODEL_DIR"], settings=kept.SETTINGS)
    yield service
    service.close()


@pytest.fixture
def counters():
    """Watches the metrics of services: counters (service)."""
    watched = []

    def watch(service):
        watched.append(Counters(service))
        return watched[-1]

    yield watch
    for each in watched:
        each.stop()


@pytest.fixture(scope="session")
def clean_run():
    """What a run without faults keeps: clean_run (documents) -> {sha256: kept.File}."""
    runs = {}

    def run(documents):
        key = tuple(document.sha256 for document in documents)
        if key not in runs:
            runs[key] = _run_clean(documents)
        return runs[key]

    return run


def _run_clean(documents):
    service = _fixtures._new_service()
    try:
        return kept.clean_run(service, documents)
    finally:
        service.close()


@pytest.fixture(scope="session")
def corpus():
    """Small PDFs, each with a word of its own: corpus (count). The same for the same count."""
    made = {}

    def make(count):
        if count not in made:
            made[count] = make_corpus(count)
        return made[count]

    return make
