"""The stack of docker-compose.yml on a Docker Swarm, which is made of this engine for the test unless
the engine is in one already."""

import json
import os

import pytest

import pdfs
from docker import CHECKOUT, Containers, ROLES, docker, networks, wait_until

CONVERGED_S = 60
GONE_S = 60
FILES, PAGES = 6, 40


@pytest.fixture(scope="module")
def swarm():
    made = docker("info", "-f", "{{.Swarm.LocalNodeState}}") == "inactive"
    if made:
        docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    yield
    if made:
        docker("swarm", "leave", "--force")


class Deployed(Containers):
    """The stack as a Swarm runs it."""

    def __init__(self, image):
        super().__init__()
        self.environment = {**os.environ, "QUIRE_IMAGE": image, "PORT": str(self.port)}

    def start(self):
        docker("stack", "deploy", "--compose-file", CHECKOUT / "docker-compose.yml", self.name,
               env=self.environment)
        return self

    def containers(self, service):
        return docker("ps", "--quiet", "--filter", f"name=^{self.name}_{service}\\.").split()

    def logs(self):
        return "".join(docker("service", "logs", "--tail", "60", f"{self.name}_{role}", check=False)
                       for role in ROLES)

    def remaining(self, kind, *options):
        return docker(kind, "ls", "--quiet", *options, "--filter",
                      f"label=com.docker.stack.namespace={self.name}").split()

    def close(self):
        docker("stack", "rm", self.name, check=False)
        wait_until(lambda: not self.remaining("container", "--all"), GONE_S, "the containers to be gone")
        docker("volume", "rm", *self.remaining("volume"), check=False)
        wait_until(lambda: not self.remaining("network"), GONE_S, "the networks to be gone")
        super().close()


@pytest.fixture(scope="module")
def deployed(image, swarm):
    made = Deployed(image)
    try:
        yield made.start().wait_ready()
    finally:
        made.close()


def test_it_answers(deployed):
    fact, question = pdfs.FACTS[0]
    deployed.add(pdfs.text_book(pdfs.fact_pages(3)[0]).pdf(), "facts.pdf", "default")
    found = deployed.http.post("/v1/vector_stores/default/search", json={"query": question}).json()
    assert fact[:30] in found["data"][0]["content"][0]["text"]


def test_it_is_confined(deployed):
    for service in ("redis", *ROLES):
        (container,) = deployed.containers(service)
        host = json.loads(docker("inspect", "-f", "{{json .HostConfig}}", container))
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] > 0
        ways = {"gateway": {"door"}, "answerer": {"outside"}}.get(service, set())
        assert networks(container) == {f"{deployed.name}_{name}" for name in {"links", *ways}}
    assert docker("network", "inspect", "-f", "{{.Internal}}", f"{deployed.name}_links") == "true"


def test_scaled_and_replaced_while_it_works(deployed):
    ids = [deployed.upload(pdfs.text_book(pdfs.fact_pages(PAGES, seed=seed)[0]).pdf(), f"{seed}.pdf")["id"]
           for seed in range(FILES)]
    docker("service", "scale", "--detach=false", f"{deployed.name}_embedder=2")
    docker("service", "update", "--detach=false", "--force", f"{deployed.name}_extractor")
    wait_until(lambda: deployed.role_counts()["embedder"] == 2, CONVERGED_S, "a second embedder")
    for file_id in ids:
        assert deployed.wait_file(file_id)["state"] == "completed"
        assert [line["status"] for line in deployed.ledger(file_id)] == ["text"] * PAGES
