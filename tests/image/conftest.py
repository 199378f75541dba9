"""Fixtures: the image, built once, and containers of it. A Docker engine must answer."""

import uuid

import pytest

from docker import Container, Stack, build, docker


@pytest.fixture(scope="session")
def image():
    """The image of this checkout. Its layers stay in the engine's cache."""
    tag = f"quire-test:{uuid.uuid4().hex[:8]}"
    build(tag)
    yield tag
    docker("rmi", "--force", tag, check=False)


@pytest.fixture(scope="module")
def running(image):
    """One container of all roles that the tests of a file share."""
    container = Container(image)
    try:
        yield container.start().wait_ready()
    finally:
        container.close()


@pytest.fixture
def new_container(image):
    """Makes containers: new_container (OPTION…, settings={…}, volume=…). They are not started."""
    made = []

    def make(*options, image=image, **more):
        made.append(Container(image, *options, **more))
        return made[-1]

    yield make
    for container in made:
        container.close()


@pytest.fixture(scope="module")
def stack(image):
    """The stack that the tests of a file share, built by Compose itself."""
    tag = f"quire-test:{uuid.uuid4().hex[:8]}"
    made = Stack(tag)
    try:
        yield made.up(build="--build").wait_healthy().wait_ready()
    finally:
        made.close()
        docker("rmi", "--force", tag, check=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of the logs of the containers that the test used."""
    report = (yield).get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, (Container, Stack)):
                report.sections.append((f"logs of {name}", value.logs()[-6000:]))
