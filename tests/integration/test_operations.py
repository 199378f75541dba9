"""What the service says of itself, and how the roles start."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

import pdfs
from service import ROLES, find_program, wait_until

PATIENCE_S = 60


def test_health_and_readiness(service):
    assert service.http.get("/healthz").status_code == 200
    assert service.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("missing", ["answerer", "embedder", "extractor"])
def test_readiness_names_what_is_missing(new_service, missing):
    service = new_service(roles=[role for role in ROLES if role != missing]).start()
    # Without an answerer nobody can tell of embedders.
    service.wait_missing(missing, *(["embedder"] if missing == "answerer" else []))
    assert service.http.get("/readyz").status_code == 503
    assert service.http.get("/healthz").status_code == 200
    service.start_role(missing)
    service.wait_ready()


def test_readiness_follows_a_role_that_goes_and_comes(new_service):
    service = new_service().start().wait_ready()
    for role in ("extractor", "embedder", "answerer"):
        service.processes[role].kill()
        wait_until(lambda: service.http.get("/readyz").status_code == 503, PATIENCE_S,
                   f"{role} to be missed")
        assert role in service.missing()
        service.restart_dead()
        service.wait_ready()


def test_metrics(service, facts):
    # Told once a second.
    wait_until(lambda: set(ROLES) <= {role for _, role in service.metrics()}
               and service.metrics()[("quire_files", "answerer")] >= 1, PATIENCE_S, "all roles to tell theirs")
    families = {family.name: family for family in text_string_to_metric_families(
        service.http.get("/metrics").text)}
    roles = {sample.labels.get("role") for family in families.values()
             for sample in family.samples}
    assert set(ROLES) <= roles
    # The parser takes _total off a counter's name.
    for name in ("quire_pages_read", "quire_files", "quire_chunks", "quire_vectors",
                 "quire_pieces_embedded", "quire_cpu_seconds", "quire_resident_bytes"):
        assert name in families, sorted(families)
        assert families[name].documentation and families[name].type in ("counter", "gauge")


def test_openapi(service):
    description = service.http.get("/openapi.json").json()
    validate(description)
    described = {re.sub(r"\{\w+\}", "{}", path) for path in description["paths"]}
    for path in ("/v1/files", "/v1/files/{}", "/v1/files/{}/content", "/v1/files/{}/pages",
                 "/v1/files/{}/pages/{}", "/v1/files/{}/pages/{}/image", "/v1/vector_stores",
                 "/v1/vector_stores/{}", "/v1/vector_stores/{}/files",
                 "/v1/vector_stores/{}/files/{}", "/v1/vector_stores/{}/files/{}/content",
                 "/v1/vector_stores/{}/file_batches", "/v1/vector_stores/{}/search",
                 "/v1/embeddings", "/v1/models", "/v1/events", "/v1/status", "/healthz", "/readyz",
                 "/metrics"):
        assert path in described


def test_status(service, facts):
    status = json.dumps(service.http.get("/v1/status").json())
    assert all(role in status for role in ("extractor", "embedder", "answerer")), status


def test_web_page(service):
    page = service.http.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "<html" in page.text.lower()


def test_two_extractors_read_one_file_side_by_side(new_service):
    service = new_service()
    service.start().start_role("extractor")
    wait_until(lambda: service.answers_ready() and len(re.findall(
        r'^quire_resident_bytes\{.*role="extractor"', service.http.get("/metrics").text, re.M)) == 2,
               PATIENCE_S, "two extractors")
    texts = [pdfs.filler(page, 300) for page in range(200)]
    assert service.finish(pdfs.text_pdf(texts))["state"] == "completed"
    read = re.findall(r'^quire_pages_read_total\{.*role="extractor".*\} (\d+)',
                      service.http.get("/metrics").text, re.M)
    assert len(read) == 2 and sum(map(int, read)) >= 200 and min(map(int, read)) > 0


def test_trace_logs_each_message(new_service):
    service = new_service(settings={"QUIRE_TRACE": 1}).start().wait_ready()
    sentence, question = pdfs.FACTS[0]
    store = service.new_store()
    service.add(pdfs.text_pdf([sentence]), store=store)
    service.search(store, question)
    for role, line in (("gateway", "gateway -> extractor: extract_pages"),
                       ("extractor", "extractor -> answerer: page"),
                       ("answerer", "answerer -> embedder: embed_texts"),
                       ("gateway", "gateway -> answerer: search")):
        assert line in service.log_text(role)
    assert "lighthouse" not in service.logs().lower()   # no document text, no question


# -- the programs -----------------------------------------------------------------------------------

def run(role, *arguments, **settings):
    """Runs a program that is to end by itself at once."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("QUIRE_") and name not in ("PORT", "REDIS_URL")}
    environment.update({"QUIRE_DATA_DIR": "/nonexistent", **settings})
    program = find_program(Path(os.environ["QUIRE_BUILD_DIR"]), role)
    return subprocess.run([program, *arguments], env=environment, text=True, capture_output=True,
                          timeout=PATIENCE_S)


@pytest.mark.parametrize("role", ROLES)
def test_help_lists_the_settings(role):
    done = run(role, "--help")
    assert done.returncode == 0
    assert role in done.stdout and "QUIRE_LOG_LEVEL" in done.stdout


@pytest.mark.parametrize("role", ROLES)
def test_wrong_command_line(role):
    done = run(role, "--no-such-option")
    assert done.returncode == 2 and "--no-such-option" in done.stderr


@pytest.mark.parametrize("role, setting, value", [
    ("gateway", "PORT", "http"), ("gateway", "PORT", "70000"), ("gateway", "PORT", "-1"),
    ("extractor", "QUIRE_EXTRACTOR_PAGE_MS", "1"), ("extractor", "QUIRE_EXTRACTOR_PAGE_MS", "2 s"),
    ("embedder", "QUIRE_EMBEDDER_PRECISION", "int4"), ("answerer", "QUIRE_LOG_LEVEL", "loud"),
])
def test_wrong_setting_is_named(role, setting, value):
    done = run(role, **{setting: value})
    assert done.returncode == 1 and setting in done.stderr and value in done.stderr


def test_port_in_use(service, tmp_path):
    done = run("gateway", PORT=str(service.port), QUIRE_DATA_DIR=str(tmp_path),
               QUIRE_GATEWAY_ADDRESS="127.0.0.1",
               QUIRE_GATEWAY_EXTRACT_BIND=f"ipc://{service.folder}/other",
               QUIRE_GATEWAY_ASK_CONNECT=f"ipc://{service.folder}/ask",
               REDIS_URL=f"unix://{service.folder}/redis.sock")
    assert done.returncode == 1 and str(service.port) in done.stderr


def test_no_model(tmp_path):
    done = run("embedder", QUIRE_MODEL_DIR=str(tmp_path),
               QUIRE_EMBEDDER_EMBED_CONNECT=f"ipc://{tmp_path}/embed")
    assert done.returncode == 1 and str(tmp_path) in done.stderr
