"""scripts/run: it starts everything and says where it is, ends everything when asked, leaves nothing
behind when it is killed, and says in one line why it can't start."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

import pdfs
from service import ROLES, Process, free_port, wait_until

SCRIPT = Path(__file__).parents[2] / "scripts" / "run"
START_S = 60
STOP_S = 60
RESTART_S = 60


class Run:
    """One scripts/run with its data folder, which as root another user has to be able to enter."""

    def __init__(self, data, *arguments, port=None, before=(), **settings):
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = data.parent / f"{data.name}.out"
        environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
        environment.update(settings)
        with open(self.output, "wb") as output:
            self.child = subprocess.Popen(
                [*before, SCRIPT, "--port", str(self.port), "--data", data, *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                start_new_session=True)

    def said(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, text, within=START_S):
        def there():
            assert self.child.poll() is None, self.said()
            return text in self.said()
        wait_until(there, within, f"scripts/run to say {text!r}")
        return self

    def wait_ready(self):
        return self.wait_for("Quire is at http://")

    def stop(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        return self.child.wait(STOP_S)

    def services(self):
        """The process id of each service, as s6 knows them."""
        folders = (self.data / ".run" / "services").glob("[a-z]*")
        return {folder.name: int(subprocess.check_output(["s6-svstat", "-o", "pid", folder]))
                for folder in folders}

    def ready(self):
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def close(self):
        if self.child.poll() is None:
            self.stop()


def alive(pid):
    """A process that runs; one that has ended but was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="quire-run-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def run(folder):
    """Starts scripts/run: run (FILE…, port=…, data=…, SETTING=…)."""
    runs = []

    def start(*arguments, data="data", **options):
        runs.append(Run(folder / data, *arguments, **options))
        return runs[-1]

    yield start
    for one in runs:
        one.close()


def assert_refused(one, words):
    """It ended by itself, with a line that says why."""
    assert one.child.wait(START_S) not in (0, None)
    assert re.search(words, one.said().splitlines()[-1]), one.said()


def test_starts_and_stops(run):
    one = run().wait_ready()
    assert one.ready()
    services = one.services()
    assert set(services) == {"redis", "log", *ROLES}
    assert one.stop(signal.SIGTERM) == 128 + signal.SIGTERM
    assert not any(map(alive, services.values()))
    assert not (one.data / ".run").exists()


def test_interrupt_stops_it(run):
    one = run().wait_ready()
    services = one.services()
    # As the terminal does: to every process of the foreground group.
    os.killpg(one.child.pid, signal.SIGINT)
    assert one.child.wait(STOP_S) == 128 + signal.SIGINT
    assert not any(map(alive, services.values()))


def test_roles_do_not_run_as_root(run):
    if os.geteuid():
        pytest.skip("the caller is not root")
    one = run().wait_ready()
    for pid in one.services().values():
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_log_of_all_roles_is_in_one_place(run):
    one = run().wait_ready()
    log = (one.data / "logs" / "current").read_text()
    for role in ROLES:
        assert re.search(rf" {role} ", log), log


def test_files_of_the_command_line_are_added(run, folder):
    named = folder / 'a "name", with; signs.pdf'
    named.write_bytes(pdfs.text_book(["The lighthouse is forty metres high."], "Lights").pdf())
    no_pdf = folder / "no.pdf"
    no_pdf.write_bytes(b"this is no PDF")
    one = run(named, no_pdf).wait_ready()
    one.wait_for(f"added\t1\t{named}")
    one.wait_for(f"{no_pdf}: The file is not a PDF.")
    assert one.ready()
    files = httpx.get(f"{one.url}/v1/files", trust_env=False).json()["data"]
    assert named.name in [file["filename"] for file in files]


def test_outside_redis_is_used(run, folder):
    socket_path = folder / "redis.sock"
    redis = Process("redis", ["redis-server", "--port", "0", "--unixsocket", socket_path,
                              "--unixsocketperm", "777", "--save", ""], folder / "redis.log")
    try:
        one = run(REDIS_URL=f"unix://{socket_path}").wait_ready()
        assert "redis" not in one.services()
        assert one.stop() == 128 + signal.SIGTERM
        assert redis.alive()
    finally:
        redis.kill()


def test_killed_run_does_not_block_the_next(run, folder):
    book = folder / "book.pdf"
    book.write_bytes(pdfs.text_book(["Tides rise twice a day."], "Tides").pdf())
    first = run(book).wait_ready()
    first.wait_for(f"added\t1\t{book}")
    services = first.services()
    first.child.kill()
    first.child.wait()
    second = run().wait_ready()
    assert not any(map(alive, services.values()))
    found = httpx.post(f"{second.url}/v1/vector_stores/default/search", trust_env=False,
                       json={"query": "how often do tides rise"}).json()
    assert found["data"][0]["filename"] == "book.pdf"


def test_everything_killed_does_not_block_the_next(run):
    first = run().wait_ready()
    supervise = int((first.data / ".run" / "pid").read_text())
    supervisors = Path(f"/proc/{supervise}/task/{supervise}/children").read_text().split()
    for pid in (first.child.pid, supervise, *map(int, supervisors)):
        os.kill(pid, signal.SIGKILL)
    first.child.wait()
    second = run().wait_ready()
    assert second.ready()


@pytest.mark.parametrize("name", ["redis", "log", *ROLES])
def test_killed_service_is_started_again(run, name):
    one = run().wait_ready()
    old = one.services()[name]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: one.services()[name] not in (old, -1), RESTART_S, f"{name} to be started again")
    wait_until(one.ready, RESTART_S, "GET /readyz to answer 200")


def test_port_in_use(run):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert_refused(run(port=port), f"port {port} is in use")


def test_data_folder_in_use(run):
    one = run().wait_ready()
    one.output = one.output.rename(one.output.with_suffix(".first"))
    assert_refused(run(), "is in use by another run")
    assert one.ready()


def test_full_disk(run, folder):
    if os.geteuid():
        pytest.skip("the caller is not root, so it can't mount a small disk")
    disk = folder / "disk"
    disk.mkdir()
    mount = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c",
             'mount -t tmpfs -o size=50m small "$0" && exec "$@"', disk]
    assert_refused(run(data="disk/data", before=mount), "disk of the data folder .* is full")


@pytest.mark.parametrize("arguments, words", [
    (["--port", "0"], "no port"),
    (["--port", "65536"], "no port"),
    (["--port", "http"], "no port"),
    (["--port"], "no port"),
    (["--colour"], "no option --colour"),
    (["/no/such/file.pdf"], "can't read /no/such/file.pdf"),
    (["--data", "/proc/quire"], "can't make the data folder"),
])
def test_wrong_arguments(run, arguments, words):
    assert_refused(run(*arguments), words)


def test_missing_tool(run, folder):
    """Without s6 in PATH, as on a machine where the packages were removed by hand."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in (*Path("/usr/bin").iterdir(), *Path("/usr/sbin").iterdir()):
        if not tool.name.startswith("s6-") and not (tools / tool.name).exists():
            (tools / tool.name).symlink_to(tool)
    assert_refused(run(PATH=str(tools)), "s6-svscan is missing")


def test_setting_that_can_not_be(run):
    assert_refused(run(QUIRE_EXTRACTOR_PAGE_MS="soon"), r"can't start: .*QUIRE_EXTRACTOR_PAGE_MS is .soon.")
