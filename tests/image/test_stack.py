"""The stack of docker-compose.yml: a container a role, healthy, scaled and replaced while it works."""

import json

import pytest

import pdfs
from docker import ROLES, Stack, bridge_address, docker, health, networks, role_pid, signal_role, wait_until
from fake_llm import FakeLLM, says

STUCK_S = 60
SCANNED = [f"The harbour master wrote line {number} of it with a grey quill" for number in range(20)]
SERVICES = ("redis", *ROLES)
FILES, PAGES, SCANS = 8, 60, 12


def upload_books(stack, seed=0):
    """Work for some seconds: {file id: how its pages are to be read}. Scans take longest."""
    books = {stack.upload(pdfs.text_book(pdfs.fact_pages(PAGES, seed=seed + number)[0]).pdf(),
                          f"book-{seed + number}.pdf")["id"]: PAGES * ["text"] for number in range(FILES)}
    scans = {stack.upload(pdfs.scan([f"PAGE {seed + number} OF THE LOG", *SCANNED]),
                          f"scan-{seed + number}.pdf")["id"]: ["ocr"] for number in range(SCANS)}
    return books | scans


def wait_for_roles(stack, **counts):
    wait_until(lambda: counts.items() <= stack.role_counts().items(), 30, f"{counts} to be there")


def assert_nothing_is_lost(stack, files):
    for file_id, statuses in files.items():
        file = stack.wait_file(file_id)
        assert file["state"] == "completed", file
        assert [line["status"] for line in stack.ledger(file_id)] == statuses


def test_only_the_gateway_is_reached_from_outside(stack):
    for service in SERVICES:
        container = stack.container(service)
        ports = json.loads(docker("inspect", "-f", "{{json .NetworkSettings.Ports}}", container))
        published = {port for port, hosts in ports.items() if hosts}
        assert published == ({"7860/tcp"} if service == "gateway" else set())


def network(stack, name):
    return json.loads(docker("network", "inspect", f"{stack.name}_{name}"))[0]


def test_each_is_on_its_networks_only(stack):
    """So redis, extractors and embedders have no way out."""
    ways = {"gateway": {"door"}, "answerer": {"outside"}}
    for service in SERVICES:
        named = {"links", *ways.get(service, set())}
        assert networks(stack.container(service)) == {f"{stack.name}_{name}" for name in named}
    assert network(stack, "links")["Internal"] is True
    assert network(stack, "outside")["Internal"] is False


def test_answerer_without_a_way_out(image):
    stack = Stack(image, QUIRE_ANSWERER_OFFLINE="true")
    try:
        stack.up("--no-deps", "answerer")
        assert all(network(stack, name)["Internal"] for name in ("links", "outside"))
    finally:
        stack.close()


@pytest.mark.parametrize("service", SERVICES)
def test_each_container_is_confined(stack, service):
    host = json.loads(docker("inspect", "-f", "{{json .HostConfig}}", stack.container(service)))
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0 and host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"]["max-size"]
    mounts = json.loads(docker("inspect", "-f", "{{json .Mounts}}", stack.container(service)))
    assert all(mount["Name"].startswith(stack.name) for mount in mounts if mount["Type"] == "volume")
    status = docker("exec", stack.container(service), "cat", f"/proc/{role_pid(stack.container(service))}/status")
    assert "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status


def test_more_roles_while_it_works(stack):
    files = upload_books(stack)
    stack.up("--no-recreate", "--scale", "embedder=3", "--scale", "extractor=2")
    wait_for_roles(stack, embedder=3, extractor=2)
    assert_nothing_is_lost(stack, files)
    stack.up("--no-recreate", "--scale", "embedder=1", "--scale", "extractor=1")
    wait_for_roles(stack, embedder=1, extractor=1)


@pytest.mark.parametrize("service", SERVICES)
def test_role_is_replaced_while_it_works(stack, service):
    old = stack.container(service)
    files = upload_books(stack, seed=100 * SERVICES.index(service))
    stack.up("--no-deps", "--force-recreate", service)
    assert stack.container(service) != old
    stack.wait_ready()
    assert any(stack.file(file_id)["state"] != "completed" for file_id in files), "nothing was under way"
    assert_nothing_is_lost(stack, files)


def test_stuck_role_is_unhealthy(stack):
    containers = {service: stack.container(service) for service in SERVICES}
    stack.wait_healthy()
    for container in containers.values():
        signal_role(container, "STOP")
    for service, container in containers.items():
        wait_until(lambda: health(container) == "unhealthy", STUCK_S, f"{service} to be unhealthy")
    for container in containers.values():
        signal_role(container, "CONT")
    stack.wait_healthy().wait_ready()


def test_everything_is_kept_over_down_and_up(stack):
    store = stack.new_store("kept")
    file_id = stack.add(pdfs.text_book([pdfs.FACTS[0][0]]).pdf(), "kept.pdf", store)
    stack.compose("down")
    stack.up().wait_healthy().wait_ready()
    found = stack.http.post(f"/v1/vector_stores/{store}/search", json={"query": pdfs.FACTS[0][1]})
    assert found.json()["data"][0]["file_id"] == file_id
    assert stack.http.get(f"/v1/files/{file_id}/content").status_code == 200


def test_base_of_the_image_can_be_set(image):
    stack = Stack(image, QUIRE_BASE="debian@sha256:of-a-registry")
    try:
        config = json.loads(stack.compose("config", "--format", "json"))
        builds = [service["build"] for service in config["services"].values() if "build" in service]
        assert [build["args"] for build in builds] == [{"BASE": "debian@sha256:of-a-registry"}]
    finally:
        stack.close()


def test_secret_from_a_file(image, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-from-a-file\n")
    secret.chmod(0o644)
    tmp_path.chmod(0o755)
    stack = Stack(image, OPENROUTER_API_KEY_FILE=str(secret))
    try:
        stack.up("--no-deps", "answerer")
        container = stack.container("answerer")
        wait_until(lambda: "on: answers written by a language model" in docker("logs", container), 20,
                   "the key to be seen")
        assert "sk-from-a-file" not in docker("logs", container) + docker("inspect", container)
    finally:
        stack.close()


def test_language_model_outside_writes_the_answer(stack, tmp_path):
    """Its key comes from a file, and the answerer alone reaches it, by its way out."""
    key = tmp_path / "key"
    key.write_text("sk-canary-of-the-stack\n")
    key.chmod(0o644)
    tmp_path.chmod(0o755)
    plain = dict(stack.environment)
    llm = FakeLLM(bridge_address())
    llm.will(says('It was built in 1874 [1: "built of grey granite in 1874"].'))
    store = stack.new_store("asked")
    stack.add(pdfs.text_book([pdfs.FACTS[0][0]]).pdf(), "facts.pdf", store)
    try:
        stack.environment |= {"LLM_BASE_URL": llm.url, "LLM_MODEL": "fake-model", "LLM_API_KEY_FILE": str(key)}
        stack.up("--no-deps", "answerer").wait_ready()
        answer = stack.http.post("/v1/responses", json={
            "model": "quire", "input": pdfs.FACTS[0][1],
            "tools": [{"type": "file_search", "vector_store_ids": [store]}]}).json()
        assert (answer["status"], answer["quire"]["by"], answer["quire"]["model"]) == ("completed", "llm", "fake-model")
        assert answer["output"][-1]["content"][0]["text"] == "It was built in 1874 [1]."
        assert answer["output"][-1]["content"][0]["annotations"][0]["filename"] == "facts.pdf"
        (line, headers, request), = llm.requests
        assert line == "POST /v1/chat/completions HTTP/1.1" and request["model"] == "fake-model"
        assert headers["authorization"] == "Bearer sk-canary-of-the-stack"
        assert "sk-canary" not in stack.logs()
    finally:
        stack.environment = plain
        stack.up("--no-deps", "answerer").wait_ready()
        llm.close()
