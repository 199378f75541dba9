"""API keys: who has none gets nothing but health and the page's files, and no key is ever told."""

import subprocess

import httpx
import openai
import pytest

import pdfs
from conftest import is_error
from raw_http import exchange, is_error_body
from service import ROLES, find_program, wait_until

PATIENCE_S = 60
KEY, OTHER_KEY = "canary-key-4f8a91c2e7", "second/key+with=signs"
WRONG_KEY = "canary-wrong-0b5d33"   # what a client mistypes is as secret as what it should have typed

OPEN = ("/", "/app.js", "/style.css", "/logo.svg", "/healthz", "/readyz")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def start_with_keys(new_service, tmp_path, **settings):
    path = tmp_path / "keys"
    path.write_text(f"{KEY}\n{OTHER_KEY}\n")
    service = new_service(settings={"QUIRE_API_KEYS_FILE": path, **settings}).start()
    service.http.headers.update(bearer(KEY))
    service.openai = service.openai.with_options(api_key=KEY)
    return service.wait_ready()


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A service with two keys, one file in it."""
    from conftest import _new_service
    made = []

    def make(**options):
        made.append(_new_service(**options))
        return made[-1]

    try:
        service = start_with_keys(make, tmp_path_factory.mktemp("keys"))
        service.file_id = service.add(pdfs.text_pdf(["A lighthouse."]), "a.pdf", "default")
        yield service
    finally:
        for service in made:
            service.close()


def paths_of_the_api(service):
    """Each operation of /openapi.json, with something in the path's places."""
    for path, operations in service.http.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            target = path.format(file_id=service.file_id, vector_store_id="default", page=1,
                                 batch_id="x", model="quire", response_id="x", completion_id="x")
            yield method.upper(), target, operation


def test_every_route_but_health_and_the_page_wants_a_key(locked):
    asked = 0
    with httpx.Client(base_url=locked.url, timeout=PATIENCE_S) as stranger:
        for method, target, operation in paths_of_the_api(locked):
            if target in OPEN:
                assert operation["security"] == []
                continue
            asked += 1
            assert "security" not in operation and "401" in operation["responses"], target
            for headers in ({}, bearer(WRONG_KEY), {"Authorization": f"Basic {KEY}"},
                            {"Authorization": KEY}, bearer(KEY[:-1]), bearer(KEY + "x"),
                            {"X-Api-Key": KEY}, {"Cookie": f"key={KEY}"}):
                answer = stranger.request(method, target, headers=headers)
                is_error(answer, 401, "invalid_api_key")
                assert answer.headers["www-authenticate"].startswith("Bearer")
            is_error(stranger.request(method, f"{target}?api_key={KEY}"), 401, "invalid_api_key")
    assert asked >= 28   # so that an empty list does not pass
    counted = locked.metrics()[("quire_http_keys_refused_total", "gateway")]
    assert counted == asked * 9


@pytest.mark.parametrize("path", ["/v1/nowhere", "/nowhere", "/v1", "/v1/files/", "//v1/files",
                                  "/v1//files", "/healthz/x", "/./v1/files", "/%76%31/files",
                                  "/V1/files", "/metrics/", "/openapi.json"])
def test_no_path_leads_past_the_key(locked, path):
    """Also what does not exist: who has no key does not learn what there is."""
    answer = httpx.get(locked.url + path, timeout=PATIENCE_S)
    is_error(answer, 401, "invalid_api_key")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE", "HEAD", "TRACE", "FOO"])
def test_no_method_leads_past_the_key(locked, method):
    assert httpx.request(method, locked.url + "/v1/files", timeout=PATIENCE_S).status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open(locked, path):
    assert httpx.get(locked.url + path, timeout=PATIENCE_S).status_code == 200


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_each_key_opens(locked, key):
    client = openai.OpenAI(base_url=f"{locked.url}/v1", api_key=key, max_retries=0, timeout=60)
    assert [file.id for file in client.files.list()] == [locked.file_id]
    assert client.vector_stores.search("default", query="lighthouse").data[0].filename == "a.pdf"


def test_the_stock_client_says_what_is_wrong(locked):
    client = openai.OpenAI(base_url=f"{locked.url}/v1", api_key=WRONG_KEY, max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    assert WRONG_KEY not in str(refused.value)


def test_an_upload_without_a_key_writes_nothing(locked):
    before = locked.metrics()[("quire_uploads_total", "gateway")]
    answer = httpx.post(f"{locked.url}/v1/files", files={"file": ("b.pdf", pdfs.text_pdf(["b"]))},
                        timeout=PATIENCE_S)
    is_error(answer, 401, "invalid_api_key")
    assert locked.metrics()[("quire_uploads_total", "gateway")] == before
    assert len(list((locked.data / "files").glob("*"))) == 1


def test_a_large_body_without_a_key_is_refused_before_it_comes(locked):
    head = (b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 100000000\r\n\r\n")
    status, body = exchange(locked, head)
    assert status == 401
    is_error_body(body, "invalid_api_key")


def test_openapi_describes_the_key(locked):
    from openapi_spec_validator import validate
    description = locked.http.get("/openapi.json").json()
    validate(description)
    assert description["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert description["security"] == [{"apiKey": []}]


@pytest.mark.parametrize("keys", ["", " ,\n", "caf\u00e9", "k" * 513])
def test_keys_that_can_not_be_used_open_no_door(new_service, tmp_path, keys):
    path = tmp_path / "keys"
    path.write_text(keys, encoding="utf-8")
    service = new_service(settings={"QUIRE_API_KEYS_FILE": path}, roles=("gateway",)).start()
    gateway = service.processes["gateway"]
    wait_until(lambda: not gateway.alive(), PATIENCE_S, "the gateway to end")
    log = service.log_text("gateway")
    assert "not_started" in log and "QUIRE_API_KEYS" in log
    assert not keys.strip(" ,\n") or keys not in log


def test_help_and_settings_tell_no_secret(new_service, tmp_path):
    service = new_service(settings={"QUIRE_API_KEYS": KEY, "QUIRE_CURVE_SERVER_SECRET": KEY,
                                    "QUIRE_CURVE_CLIENT_SECRET": KEY})
    for role in ROLES:
        for argument in ("--help", "--settings", "--version", KEY[:3]):
            told = subprocess.run([find_program(service.build, role), argument], capture_output=True,
                                  env=service.environment(), timeout=PATIENCE_S)
            assert KEY.encode() not in told.stdout + told.stderr


# -- nothing that is written holds a key ------------------------------------------------------------

def command_lines():
    from pathlib import Path
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            pass   # it has ended


def use_everything(service, seen):
    """Every operation, with the key and with a wrong one; all answers are kept in `seen`."""
    def ask(method, target, key, **more):
        answer = service.http.request(method, target, headers=bearer(key), **more)
        seen.append(str(answer.headers).encode() + answer.content)
        return answer

    service.file_id = service.add(pdfs.text_pdf(["A lighthouse.", "A pump."]), "a.pdf", "default")
    for method, target, _ in list(paths_of_the_api(service)):
        if target == "/v1/events" or method == "DELETE":
            continue
        for key in (KEY, WRONG_KEY):
            ask(method, target, key, json={"query": "lighthouse", "model": "m", "input": "x"})
    ask("POST", "/v1/vector_stores/default/search", KEY, json={"query": "lighthouse"})
    ask("GET", f"/v1/files/{service.file_id}/pages/1/image", KEY)
    ask("GET", "/v1/files?limit=x", KEY)
    ask("GET", "/v1/files?after=" + "x" * 20_000, KEY)
    ask("POST", "/v1/files", KEY, files={"file": ("b.pdf", b"no pdf")})
    ask("DELETE", f"/v1/files/{service.file_id}", KEY)
    ask("GET", "/metrics", KEY)


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_key_is_written_anywhere(new_service, tmp_path):
    service = start_with_keys(new_service, tmp_path, QUIRE_TRACE=1, QUIRE_LOG_LEVEL="debug")
    seen = []
    use_everything(service, seen)
    seen += command_lines()
    assert any(b"quire-gateway" in line for line in seen)   # so that the list is not an empty one
    service.stop()
    logs = [path.read_bytes() for path in service.folder.glob("*.log")]
    assert b" message " in b"".join(logs) and b" debug " in b"".join(logs)
    data = [path.read_bytes() for path in files_below(service.data)]
    assert len(data) > 3
    for secret in (KEY, OTHER_KEY, WRONG_KEY):
        for what in seen + logs + data:
            assert secret.encode() not in what
