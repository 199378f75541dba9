"""By which name the server is asked: without API keys only one that no other site can make its own (DNS
rebinding), or one that the settings name."""

import json

import pytest

from conftest import is_error
from raw_http import exchange
from service import wait_until

PATIENCE_S = 20
EVIL = "evil.example:7860"


def get(service, path, host, **headers):
    return service.http.get(path, headers={"Host": host, **headers})


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "192.168.1.7:7860", "gateway:7860",
                                  "nas.local", "gateway.quire.svc.cluster.local:7860"])
def test_names_that_nobody_else_can_have(service, host):
    assert get(service, "/v1/files", host).status_code == 200


@pytest.mark.parametrize("path", ["/v1/files", "/v1/vector_stores", "/metrics", "/v1/nowhere", "/v1/events"])
def test_a_page_whose_name_was_made_to_lead_here_reads_nothing(service, path):
    error = is_error(get(service, path, EVIL), 403, "host_not_known")
    assert "evil.example" in error["message"] and "QUIRE_GATEWAY_HOSTS" in error["message"]


def test_it_adds_and_deletes_nothing(service, facts):
    for method, path in (("POST", "/v1/files"), ("DELETE", f"/v1/files/{facts.file_id}"), ("POST", "/v1/responses")):
        is_error(service.http.request(method, path, headers={"Host": EVIL}), 403, "host_not_known")
    assert service.file(facts.file_id)["state"] == "completed"


def test_refusals_are_counted(service):
    before = service.metrics()[("quire_http_hosts_refused_total", "gateway")]
    get(service, "/v1/files", EVIL)
    assert service.metrics()[("quire_http_hosts_refused_total", "gateway")] == before + 1


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_probes_and_the_page_itself_are_for_everybody(service, path):
    assert get(service, path, EVIL).status_code == 200


def test_odd_hosts(service):
    for host in (b"evil.example/.local", b"evil.example\\.local", b"a b.local", b"\xff.local"):
        status, body = exchange(service, b"GET /v1/files HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert status in (400, 403), (host, status)
        json.loads(body or b"{}")   # no name is said again that would break it


def test_names_of_the_settings(new_service):
    service = new_service(settings={"QUIRE_GATEWAY_HOSTS": "docs.example.com, *.example.org"},
                          roles=("gateway",)).start()
    wait_until(lambda: get_or_none(service, "/healthz"), PATIENCE_S, "the gateway to answer")
    for host in ("docs.example.com", "docs.example.com:443", "a.example.org", "localhost"):
        assert get(service, "/openapi.json", host).status_code == 200
    is_error(get(service, "/openapi.json", "www.example.com"), 403, "host_not_known")


def test_with_keys_any_name_will_do(new_service):
    service = new_service(settings={"QUIRE_API_KEYS": "secret"}, roles=("gateway",)).start()
    wait_until(lambda: get_or_none(service, "/healthz"), PATIENCE_S, "the gateway to answer")
    assert get(service, "/openapi.json", EVIL, Authorization="Bearer secret").status_code == 200
    is_error(get(service, "/openapi.json", EVIL), 401, "invalid_api_key")


def test_a_trusted_proxy_says_whom_it_speaks_for(new_service):
    service = new_service(settings={"QUIRE_GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}, roles=("gateway",)).start()
    wait_until(lambda: get_or_none(service, "/healthz"), PATIENCE_S, "the gateway to answer")
    assert get(service, "/openapi.json", "docs.example.com").status_code == 200


def get_or_none(service, path):
    try:
        return service.http.get(path)
    except Exception:
        return None
