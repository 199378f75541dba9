"""A name server that does not answer while a role connects by a name: that link waits, and no other does."""

import os
import subprocess
from pathlib import Path

import pytest

from service import free_port, wait_until

PATIENCE_S = 30


@pytest.fixture(scope="session")
def silent_names():
    build = Path(os.environ["QUIRE_BUILD_DIR"])
    subprocess.run(["ninja", "-C", build, "quire-silent-names"], check=True, stdout=subprocess.DEVNULL)
    return build / "tests" / "fault" / "libquire-silent-names.so"


@pytest.fixture
def named(new_service, silent_names):
    """Makes a service one of whose links is connected by a name that nobody knows."""
    def make(setting):
        return new_service(settings={"LD_PRELOAD": silent_names,
                                     setting: f"tcp://somebody.silent:{free_port()}"}).start()
    return make


def test_a_gateway_that_looks_for_its_answerer_has_its_extractors(named):
    service = named("QUIRE_GATEWAY_ASK_CONNECT")
    service.wait_missing("answerer", "embedder", within=PATIENCE_S)   # which the answerer tells of
    assert service.processes["gateway"].stop() == 0, "its end waits for the name"


def test_an_extractor_that_looks_for_its_answerer_has_its_gateway(named):
    service = named("QUIRE_EXTRACTOR_PAGES_CONNECT")
    service.wait_ready(PATIENCE_S)
    assert service.processes["extractor"].stop() == 0, "its end waits for the name"


def test_an_extractor_that_looks_for_its_gateway_has_its_answerer(named):
    service = named("QUIRE_EXTRACTOR_EXTRACT_CONNECT")
    service.wait_missing("extractor", within=PATIENCE_S)
    wait_until(lambda: "peer_ready link=pages" in service.log_text("answerer"), PATIENCE_S, "the extractor's hello")
    assert service.processes["extractor"].stop() == 0, "its end waits for the name"
