"""A complete Quire of its own: Redis and the four roles, started from a build folder on a free port
in a folder of its own, and ended by their process ids. The tests, scripts/bench and scripts/eval
use it."""

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import openai

ROLES = ("answerer", "embedder", "extractor", "gateway")
SERVICES = Path(__file__).parents[2] / "scripts" / "services"
START_S = 60
STOP_S = 60
LOG_TAIL_LINES = 40
PORTS = 20000, 32000
PORTS_HELD = f"/tmp/quire-ports-{os.getuid()}"
FINISHED = ("completed", "failed")


def wait_until(condition, within, what, every=0.05):
    """Asks `condition` until its answer is true, and returns that answer."""
    end = time.monotonic() + within
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"waited {within} s for {what}")
        time.sleep(every)


_ports_held = []


def free_port():
    """A port that no other test on this machine gets until this process ends: each is held by a lock
    on a file of its name. Below those that the system gives to outgoing connections."""
    Path(PORTS_HELD).mkdir(exist_ok=True)
    while True:
        port = random.randrange(*PORTS)
        with open(f"{PORTS_HELD}/{port}", "w", encoding="ascii") as file, socket.socket() as probe:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _ports_held.append(os.dup(file.fileno()))
            return port


def tail(path, lines=LOG_TAIL_LINES):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"


def find_program(build, role):
    path = build / "bin" / f"quire-{role}"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: set QUIRE_BUILD_DIR to a build folder")
    return path


class Process:
    """A child in a process group of its own, whose output goes to a log. It dies with the test, or
    more exactly with the thread that started it."""

    def __init__(self, name, command, log, env=None):
        self.name = name
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], env=env,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        """Looks without taking its end away: until that is taken, its number is nobody else's."""
        return self.child.returncode is None and os.waitid(
            os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self):
        """How it ended, in words."""
        return "runs" if self.alive() else f"ended with {self.take_end()}"

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    @contextlib.contextmanager
    def frozen(self):
        """Stopped meanwhile, so that what it is asked stays under way."""
        self.signal(signal.SIGSTOP)
        try:
            yield self
        finally:
            self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.alive(), STOP_S, f"{self.name} to be gone", every=0.01)
        return self.take_end()

    def stop(self):
        """Ends it cleanly. Returns its exit status."""
        self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.alive(), STOP_S, f"{self.name} to end", every=0.01)
        except TimeoutError:
            self.kill()
            return None
        return self.take_end()

    def take_end(self):
        """Its exit status, when it has ended. Nothing that it started outlives it."""
        if self.child.returncode is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self.child.wait()


class Service:
    """Starts nothing until start() is called; then the same object can be stopped, have its roles
    killed, and be started again on the same data. redis_url None: with a Redis of its own; "": the
    settings tell where it is."""

    def __init__(self, build, model, data=None, settings=None, redis_url=None, roles=ROLES):
        self.build, self.model = Path(build), Path(model)
        # Short, since the path of a unix socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="quire-", dir="/tmp"))
        self.data = Path(data) if data else self.folder / "data"
        self.settings = dict(settings or {})
        self.redis_url = redis_url
        self.roles = roles
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self.openai = openai.OpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0,
                                    timeout=60)

    # -- its processes ----------------------------------------------------------------------------

    def environment(self):
        def ipc(name):
            return f"ipc://{self.folder}/{name}"

        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("QUIRE_")}
        environment.update({
            "QUIRE_DATA_DIR": str(self.data), "QUIRE_MODEL_DIR": str(self.model),
            "PORT": str(self.port), "QUIRE_GATEWAY_ADDRESS": "127.0.0.1",
            "QUIRE_GATEWAY_EXTRACT_BIND": ipc("extract"),
            "QUIRE_EXTRACTOR_EXTRACT_CONNECT": ipc("extract"),
            "QUIRE_ANSWERER_PAGES_BIND": ipc("pages"),
            "QUIRE_EXTRACTOR_PAGES_CONNECT": ipc("pages"),
            "QUIRE_ANSWERER_EMBED_BIND": ipc("embed"), "QUIRE_EMBEDDER_EMBED_CONNECT": ipc("embed"),
            "QUIRE_ANSWERER_ASK_BIND": ipc("ask"), "QUIRE_GATEWAY_ASK_CONNECT": ipc("ask"),
        })
        environment.pop("REDIS_URL", None)
        if self.redis_url != "":
            environment["REDIS_URL"] = self.redis_url or f"unix://{self.folder}/redis.sock"
        environment.update({name: str(value) for name, value in self.settings.items()})
        return environment

    def log_path(self, name):
        return self.folder / f"{name}.log"

    def start_redis(self):
        """As it is shipped; nobody waits at its descriptor 3 to hear that it is ready."""
        (self.data / "redis").mkdir(parents=True, exist_ok=True)
        self.processes["redis"] = Process("redis", ["sh", "-c", f"exec {SERVICES}/redis 3>/dev/null"],
                                          self.log_path("redis"), {
            **os.environ, "QUIRE_RUN_DIR": str(self.folder), "QUIRE_DATA_DIR": str(self.data), "QUIRE_USER": ""})

    def start_role(self, role):
        """Starts one more process of the role; the first is called like it, the next role-2."""
        taken = [name for name, process in self.processes.items()
                 if name.split("-")[0] == role and process.alive()]
        name = role if role not in taken else f"{role}-{len(taken) + 1}"
        program = find_program(self.build, role)
        self.processes[name] = Process(name, [program], self.log_path(name), self.environment())
        return self.processes[name]

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        if self.redis_url is None:
            self.start_redis()
        for role in self.roles:
            self.start_role(role)
        return self

    def ready(self):
        dead = self.dead()
        if dead:
            raise RuntimeError(f"{', '.join(dead)} ended:\n{self.logs()}")
        return self.answers_ready()

    def answers_ready(self):
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def wait_ready(self, within=START_S):
        try:
            wait_until(self.ready, within, "GET /readyz to answer 200")
        except TimeoutError as late:
            raise TimeoutError(f"{late}: {self.readiness()}\n{self.logs()}") from None
        return self

    def readiness(self):
        try:
            return self.http.get("/readyz").text
        except httpx.TransportError as error:
            return repr(error)

    def missing(self):
        """The roles that /readyz misses; None when the gateway doesn't answer."""
        try:
            return self.http.get("/readyz").json().get("missing", [])
        except httpx.TransportError:
            return None

    def wait_missing(self, *roles, within=START_S):
        """Waits until exactly these are not there."""
        wait_until(lambda: set(self.missing() or ()) == set(roles), within,
                   f"{' and '.join(roles)} to be what is missing")
        return self

    def dead(self):
        return [name for name, process in self.processes.items() if not process.alive()]

    def assert_dead(self, *names):
        """Exactly these have ended. Whoever ends what runs asserts that, before and afterwards: a process
        that ended by itself would go unnoticed among them."""
        wrong = set(self.dead()) ^ set(names)
        assert not wrong, "\n".join(
            f"{name} {self.processes[name].end()}, and nobody meant it to:\n{tail(self.log_path(name))}"
            for name in sorted(wrong))

    def restart_dead(self):
        for name in self.dead():
            del self.processes[name]
            if name == "redis":
                self.start_redis()
            else:
                self.start_role(name.split("-")[0])

    def kill_all(self):
        """As a power cut would, but for the kernel's memory."""
        for process in self.processes.values():
            process.signal(signal.SIGKILL)
        for process in self.processes.values():
            process.kill()
        self.processes.clear()

    def stop(self):
        """Ends everything, the door first, Redis last. Returns the exit status of each process."""
        last_first = sorted(self.processes, key=lambda name: (name == "redis", name != "gateway"))
        statuses = {name: self.processes[name].stop() for name in last_first}
        self.processes.clear()
        return statuses

    def close(self):
        self.stop()
        self.http.close()
        self.openai.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self):
        paths = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {path.stem}\n{tail(path)}" for path in paths)

    def log_text(self, name):
        return self.log_path(name).read_text(errors="replace")

    def check_data(self, *options):
        """Runs the checker on the data folder, whether the service runs or not."""
        return subprocess.run([find_program(self.build, "checker"), *options, self.data],
                              env=self.environment(), capture_output=True, text=True, check=False)

    # -- what the tests do with it ----------------------------------------------------------------

    def upload(self, pdf, name="document.pdf", **fields):
        """POST /v1/files. Returns the file object."""
        answer = self.http.post("/v1/files", files={"file": (name, pdf, "application/pdf")},
                                data={"purpose": "assistants", **fields})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def file(self, file_id):
        answer = self.http.get(f"/v1/files/{file_id}")
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def wait_file(self, file_id, states=FINISHED, within=120):
        """Waits until the file is in one of the states. Returns the file object."""
        last = {}

        def there():
            last.update(self.file(file_id))
            return last["state"] in states

        try:
            wait_until(there, within, f"{file_id} to be {' or '.join(states)}")
        except TimeoutError as late:
            raise TimeoutError(f"{late}: {last}") from None
        return last

    def finish(self, pdf, name="document.pdf", within=120, **fields):
        """Uploads and waits for the end, whichever it is. Returns the file object."""
        return self.wait_file(self.upload(pdf, name, **fields)["id"], within=within)

    def add(self, pdf, name="document.pdf", store=None, within=120, **fields):
        """Uploads, attaches to a store when one is given, waits for completed. Returns the id."""
        file_id = self.upload(pdf, name, **fields)["id"]
        if store:
            self.attach(store, file_id)
        file = self.wait_file(file_id, within=within)
        assert file["state"] == "completed", file
        return file_id

    def attach(self, store, file_id, attributes=None):
        body = {"file_id": file_id}
        if attributes:
            body["attributes"] = attributes
        answer = self.http.post(f"/v1/vector_stores/{store}/files", json=body)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def new_store(self, name="store"):
        answer = self.http.post("/v1/vector_stores", json={"name": name})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()["id"]

    def ledger(self, file_id):
        """Every line of the page ledger."""
        lines, after = [], 0
        while True:
            answer = self.http.get(f"/v1/files/{file_id}/pages", params={"after": after})
            assert answer.status_code == 200, (answer.status_code, answer.text)
            page = answer.json()
            lines += page["data"]
            if not page["has_more"]:
                return lines
            after = lines[-1]["page"]

    def page(self, file_id, number):
        answer = self.http.get(f"/v1/files/{file_id}/pages/{number}")
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def search(self, store, query, **options):
        answer = self.http.post(f"/v1/vector_stores/{store}/search",
                                json={"query": query, **options})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()["data"]

    def metrics(self):
        """Every sample, as {(name, role): value}, summed over the instances of a role."""
        samples = {}
        for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? ([0-9.eE+-]+)$",
                                              self.http.get("/metrics").text, re.M):
            role = re.search(r'role="(\w+)"', labels)
            key = (name, role.group(1) if role else "")
            samples[key] = samples.get(key, 0) + float(value)
        return samples
