"""Links between roles on TCP: with keys, who has none gets nothing; noise is counted and does nothing."""

import os
import subprocess
import time

import pytest
import zmq

import pdfs
from link import Link, decode, encode
from noise import LINKS, Noise, tcp_settings
from service import free_port, wait_until

PATIENCE_S = 60
NOISE_S = 2
LIGHTHOUSE, QUESTION = pdfs.FACTS[0]


def make_keys(build, folder):
    folder.mkdir()
    subprocess.run([os.path.join(build, "bin", "quire-keygen"), folder], check=True, timeout=PATIENCE_S)
    return folder


def key_settings(keys):
    return {"QUIRE_CURVE_SERVER_SECRET_FILE": keys / "server.secret",
            "QUIRE_CURVE_SERVER_PUBLIC_FILE": keys / "server.public",
            "QUIRE_CURVE_CLIENT_SECRET_FILE": keys / "client.secret",
            "QUIRE_CURVE_CLIENT_PUBLIC_FILE": keys / "client.public"}


@pytest.fixture
def ports():
    return {link: free_port() for link in LINKS}


@pytest.fixture
def locked(new_service, ports, tmp_path):
    """A service whose links are on TCP and have keys."""
    keys = make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")
    service = new_service(settings={**tcp_settings(ports), **key_settings(keys)})
    service.keys, service.ports = keys, ports
    return service.start().wait_ready()


def refusals(service, role):
    """What a role has counted; it is told once a second, by way of those between."""
    key = ("quire_link_refusals_total", role)
    def told():
        samples = service.metrics()
        return key in samples and samples

    return wait_until(told, PATIENCE_S, f"the metrics of the {role}")[key]


def works(service, name="a.pdf"):
    """A file goes all the way, and is found."""
    service.add(pdfs.text_pdf([f"{name}. {LIGHTHOUSE}"]), name, "default")
    found = service.search("default", QUESTION, filters={"type": "eq", "key": "filename", "value": name})
    assert {result["filename"] for result in found} == {name}
    return True


def test_keys_are_files_for_their_owner_alone(tmp_path):
    keys = make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in keys.iterdir()} == {
        "server.secret": "0o600", "client.secret": "0o600",
        "server.public": "0o644", "client.public": "0o644"}
    texts = {path.read_text() for path in keys.iterdir()}
    assert len(texts) == 4 and all(len(text) == 40 for text in texts)
    again = subprocess.run([os.path.join(os.environ["QUIRE_BUILD_DIR"], "bin", "quire-keygen"), keys],
                           capture_output=True, text=True, timeout=PATIENCE_S)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert {path.read_text() for path in keys.iterdir()} == texts


def test_right_keys_work_from_end_to_end(locked):
    assert works(locked)
    for role in ("gateway", "answerer", "extractor", "embedder"):
        assert refusals(locked, role) == 0
    locked.processes["extractor"].kill()   # whose connection had said hello: its end is no refusal
    locked.restart_dead()
    assert works(locked.wait_ready(), "b.pdf")
    assert refusals(locked, "gateway") == refusals(locked, "answerer") == 0


def test_each_role_needs_its_own_keys_only(new_service, ports, tmp_path):
    """What the docs say who gets: the dangerous roles have no key that lets them act as a server."""
    keys = make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")
    service = new_service(settings=tcp_settings(ports))
    all_keys = key_settings(keys)
    for role in service.roles:
        names = {"answerer": ("SERVER_SECRET", "CLIENT_PUBLIC"),
                 "gateway": ("SERVER_SECRET", "CLIENT_PUBLIC", "CLIENT_SECRET", "SERVER_PUBLIC")}
        wanted = names.get(role, ("CLIENT_SECRET", "SERVER_PUBLIC"))
        service.settings = {**tcp_settings(ports), **{
            name: path for name, path in all_keys.items() if name[len("QUIRE_CURVE_"):-len("_FILE")] in wanted}}
        if role == service.roles[0]:
            service.data.mkdir(parents=True)
            service.start_redis()
        service.start_role(role)
    service.wait_ready()
    assert works(service)


def stranger(port, keys=None, server=None):
    """A socket that says hello as an extractor would, with these keys or none."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    if keys:
        socket.curve_publickey, socket.curve_secretkey = keys
        socket.curve_serverkey = server
    socket.connect(f"tcp://127.0.0.1:{port}")
    return context, socket


HELLO = encode("hello", role="extractor", instance=77, credit=9, express=9, metrics="")


def answers_of(sockets):
    """What each of the sockets hears when it says hello for a while: {its key: a message's name}."""
    heard = {}
    for _ in range(15):
        for key, socket in sockets.items():
            try:
                socket.send(HELLO, zmq.DONTWAIT)
            except zmq.Again:
                pass
        time.sleep(0.1)
        heard.update((key, decode(socket.recv())["name"]) for key, socket in sockets.items()
                     if key not in heard and socket.poll(0))
        if len(heard) == len(sockets):
            break
    return heard


@pytest.mark.parametrize("kind", ["no key", "a key of its own", "another server's key", "the right one"])
def test_who_gets_an_answer(locked, kind):
    def key(name):
        return (locked.keys / name).read_bytes()

    right = key("client.public"), key("client.secret")
    keys, server = {"no key": (None, None),
                    "a key of its own": (zmq.curve_keypair(), key("server.public")),
                    "another server's key": (right, zmq.curve_keypair()[0]),
                    "the right one": (right, key("server.public"))}[kind]
    is_right = kind == "the right one"
    strangers = {link: stranger(port, keys, server) for link, port in locked.ports.items()}
    heard = answers_of({link: socket for link, (_, socket) in strangers.items()})
    if is_right:
        assert heard == dict.fromkeys(LINKS, "welcome")
    else:
        assert heard == {}
        for role, links in (("gateway", 1), ("answerer", 3)):
            wait_until(lambda: refusals(locked, role) >= links, PATIENCE_S, "the refusals to be counted")
            assert "connection_refused" in locked.log_text(role)
    for context, socket in strangers.values():
        if is_right:   # so that nobody waits for the work that it was given
            socket.linger = 1000
            socket.send(encode("goodbye", instance=77))
        socket.close()
        context.term()
    assert works(locked)


def test_a_link_without_keys_answers_whoever_comes(new_service, ports):
    """So that the test above would fail if keys did nothing."""
    service = new_service(settings=tcp_settings(ports), roles=("gateway",)).start()
    context, socket = stranger(ports["extract"])
    wait_until(lambda: answers_of({"extract": socket}), PATIENCE_S, "an answer")
    socket.close()
    context.term()
    assert "connection_refused" not in service.log_text("gateway")


@pytest.mark.parametrize("missing", ["SERVER_SECRET", "CLIENT_PUBLIC", "CLIENT_SECRET", "SERVER_PUBLIC"])
def test_half_of_the_keys_is_no_start(new_service, tmp_path, missing):
    keys = make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")
    settings = {name: path for name, path in key_settings(keys).items() if missing not in name}
    service = new_service(settings=settings, roles=("gateway",)).start()
    gateway = service.processes["gateway"]
    wait_until(lambda: not gateway.alive(), PATIENCE_S, "the gateway to end")
    assert f"QUIRE_CURVE_{missing} is missing" in service.log_text("gateway")


def test_no_key_of_a_link_is_written_anywhere(new_service, ports, tmp_path):
    keys = make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")
    texts = {name.removesuffix("_FILE"): path.read_text() for name, path in key_settings(keys).items()}
    service = new_service(settings={**tcp_settings(ports), **texts, "QUIRE_TRACE": 1,
                                    "QUIRE_LOG_LEVEL": "debug"}).start().wait_ready()
    assert works(service)
    told = [service.http.get(path).content for path in ("/metrics", "/v1/status", "/openapi.json", "/readyz")]
    for process in service.processes.values():
        with open(f"/proc/{process.pid}/cmdline", "rb") as line:
            told.append(line.read())
    service.stop()
    told += [path.read_bytes() for folder in (service.folder, service.data) for path in folder.rglob("*")
             if path.is_file()]
    assert len(told) > 10
    for secret in ("server.secret", "client.secret"):
        assert not [True for what in told if (keys / secret).read_bytes() in what]


# -- noise ------------------------------------------------------------------------------------------

def makes_noise(service, ports, seconds, seed):
    """Noise on each port while the service works. Returns how many connections there were."""
    pids = {name: process.pid for name, process in service.processes.items()}
    before = service.metrics()
    noise = Noise(ports.values(), seed)
    end, files = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            files += works(service, f"{files}.pdf")
    finally:
        noise.stop()

    def counted(name):
        now = service.metrics()
        return sum(now[(name, role)] - before[(name, role)] for role in ("gateway", "answerer"))

    wait_until(lambda: counted("quire_link_refusals_total") >= noise.connections, PATIENCE_S,
               "all noise to be counted")
    assert counted("quire_link_refusals_total") == noise.connections
    assert works(service, "after.pdf")
    assert {name: process.pid for name, process in service.processes.items()} == pids
    assert not service.dead()
    assert "peer_lost" not in "".join(service.log_text(role) for role in service.roles)
    assert len(service.http.get("/v1/files").json()["data"]) == files + 1
    for role in ("extractor", "answerer"):
        assert service.http.get("/v1/status").json()["roles"][role] == 1
    return noise.connections


@pytest.mark.parametrize("keys", [False, True], ids=["open", "locked"])
def test_noise_does_nothing(new_service, ports, tmp_path, keys):
    settings = tcp_settings(ports)
    if keys:
        settings.update(key_settings(make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")))
    service = new_service(settings=settings).start().wait_ready()
    assert makes_noise(service, ports, NOISE_S, 1) > 100


def test_a_peer_of_the_right_protocol_and_no_sense(new_service, ports):
    """Who says hello and then nonsense is counted, message by message."""
    service = new_service(settings=tcp_settings(ports)).start().wait_ready()
    link = Link(f"tcp://127.0.0.1:{ports['ask']}")
    before = service.metrics()[("quire_messages_refused_total", "answerer")]
    for message in (b"", b"\0", b"\xff" * 1000, encode("hello", role="x", instance=1, credit=0, express=0,
                                                         metrics="")[:-1]):
        link.socket.send(message)
    wait_until(lambda: service.metrics()[("quire_messages_refused_total", "answerer")] == before + 4,
               PATIENCE_S, "each to be counted")
    assert works(service)
    link.close()
