"""An outside Redis: over TCP, with a password, with TLS."""

import subprocess

import pytest
import redis

import pdfs
from service import Process, free_port, wait_until

PATIENCE_S = 60
PASSWORD = "pass%word/with:signs@"
PASSWORD_IN_URL = "pass%25word%2Fwith%3Asigns%40"


@pytest.fixture
def outside_redis(tmp_path):
    """Starts redis-server with more arguments. Returns its process."""
    started = []

    def start(*arguments):
        started.append(Process("redis", ["redis-server", "--dir", tmp_path, "--save", "", *arguments],
                               tmp_path / "redis.log"))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def certificate(tmp_path):
    """A certificate authority of the test's own, and a certificate for 127.0.0.1 signed by it."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names")
    return tmp_path


def works(service):
    service.start().wait_ready()
    assert service.finish(pdfs.text_pdf([pdfs.FACTS[0][0]]))["state"] == "completed"


def answers(client):
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def test_password_over_tcp(new_service, outside_redis):
    port = free_port()
    outside_redis("--port", port, "--requirepass", PASSWORD)
    client = redis.Redis(port=port, password=PASSWORD)
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    service = new_service(redis_url=f"redis://:{PASSWORD_IN_URL}@127.0.0.1:{port}/3")
    works(service)
    assert client.info("stats")["total_commands_processed"] > 1
    for log in service.folder.glob("*.log"):
        assert "word/with" not in log.read_text() and PASSWORD_IN_URL not in log.read_text(), log


def test_url_from_a_file(new_service, outside_redis, tmp_path):
    port = free_port()
    outside_redis("--port", port, "--requirepass", "secret")
    client = redis.Redis(port=port, password="secret")
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    (tmp_path / "url").write_text(f"redis://:secret@127.0.0.1:{port}\n")
    works(new_service(redis_url="", settings={"REDIS_URL_FILE": tmp_path / "url"}))


def test_user_and_password(new_service, outside_redis):
    port = free_port()
    outside_redis("--port", port, "--user", "quire", "on", ">secret", "~*", "&*", "+@all",
                  "--user", "default", "off")
    client = redis.Redis(port=port, username="quire", password="secret")
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    works(new_service(redis_url=f"redis://quire:secret@localhost:{port}"))


def test_tls(new_service, outside_redis, certificate):
    port = free_port()
    outside_redis("--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
                  "--requirepass", "secret",
                  "--tls-cert-file", certificate / "server.pem",
                  "--tls-key-file", certificate / "server.key",
                  "--tls-ca-cert-file", certificate / "ca.pem")
    client = redis.Redis(port=port, password="secret", ssl=True,
                         ssl_ca_certs=str(certificate / "ca.pem"))
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    works(new_service(redis_url=f"rediss://:secret@localhost:{port}",
                      settings={"QUIRE_REDIS_CA": certificate / "ca.pem"}))


@pytest.mark.parametrize("url", ["redis://:wrong@127.0.0.1:{port}", "redis://127.0.0.1:{port}"])
def test_wrong_or_no_password(new_service, outside_redis, url):
    port = free_port()
    outside_redis("--port", port, "--requirepass", "secret")
    client = redis.Redis(port=port, password="secret")
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    does_not_become_ready(new_service(redis_url=url.format(port=port)))


def test_tls_of_an_unknown_authority(new_service, outside_redis, certificate):
    port = free_port()
    outside_redis("--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
                  "--tls-cert-file", certificate / "server.pem",
                  "--tls-key-file", certificate / "server.key",
                  "--tls-ca-cert-file", certificate / "ca.pem")
    client = redis.Redis(port=port, ssl=True, ssl_ca_certs=str(certificate / "ca.pem"))
    wait_until(lambda: answers(client), PATIENCE_S, "Redis to answer")
    does_not_become_ready(new_service(redis_url=f"rediss://localhost:{port}"))


def test_no_redis_there(new_service):
    does_not_become_ready(new_service(redis_url=f"redis://127.0.0.1:{free_port()}"))


def does_not_become_ready(service):
    """It says that the board is missing, or ends with a line that says so; it takes no upload."""
    service.start()

    def complains():
        if service.dead():
            return True
        text = service.readiness().lower()
        return "board" in text or "redis" in text

    wait_until(complains, PATIENCE_S, "the service to say that its board is missing")
    if not service.dead():
        assert service.http.get("/readyz").status_code == 503
        answer = service.http.post("/v1/files", files={"file": ("x.pdf", pdfs.text_pdf(["x"]))})
        assert answer.status_code == 503 and answer.json()["error"]["code"] in (
            "board_away", "role_away"), answer.text
    else:
        assert "redis" in service.logs().lower()
    assert "secret" not in service.logs()


@pytest.mark.parametrize("url", ["http://localhost", "redis://", "unix://", "rediss://host:port",
                                 "redis://localhost:99999999", "nonsense"])
def test_urls_that_are_none(new_service, url):
    service = new_service(redis_url=url, roles=("gateway",)).start()
    wait_until(service.dead, PATIENCE_S, "the gateway to refuse")
    assert "REDIS_URL" in service.log_text("gateway")
