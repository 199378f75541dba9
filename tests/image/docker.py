"""Quire in containers, by a real Docker engine: one container of all roles, and the stack of
docker-compose.yml. Both are a Service, so tests use them as they use Quire's own processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "integration"))

from service import ROLES, Service, wait_until  # noqa: E402  (found by the line above)

HEALTHY_S = 60
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            "--tmpfs", "/tmp", "--tmpfs", "/run")


def docker(*arguments, check=True, **options):
    """Runs the client. Returns its output, without the last line end."""
    done = subprocess.run(["docker", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    assert not check or done.returncode == 0, f"docker {arguments}:\n{done.stdout[-4000:]}"
    return done.stdout.rstrip("\n")


def run_once(image, *command, options=()):
    """Runs a container to its end. Returns (exit status, output)."""
    done = subprocess.run(["docker", "run", "--rm", *options, image, *command],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def build(tag, *options, context=CHECKOUT):
    """Builds an image. Returns what BuildKit said, one line a step."""
    return docker("build", "--progress=plain", "-t", tag, *options, context)


def copy_context(folder):
    """A build context of one's own: the Dockerfile, and what .dockerignore lets in."""
    let_in = re.findall(r"^!(.*)", (CHECKOUT / ".dockerignore").read_text(), re.M)
    for name in (".dockerignore", "Dockerfile", *let_in):
        source, target = CHECKOUT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)


def health(container):
    return docker("inspect", "-f", "{{.State.Health.Status}}", container)


def role_pid(container):
    """The role's process in a container of one role: the child of process 1."""
    return docker("exec", container, "cat", "/proc/1/task/1/children").split()[0]


def networks(container):
    return set(json.loads(docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", container)))


def bridge_address():
    """Where containers reach the machine that the engine runs on."""
    return docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")


def signal_role(container, number):
    docker("exec", container, "sh", "-c", f"kill -{number} {role_pid(container)}")


class Containers(Service):
    """What one container and a stack have in common. The processes are the engine's."""

    def __init__(self):
        super().__init__(build="", model="")
        self.name = f"quire-test-{uuid.uuid4().hex[:8]}"

    def dead(self):
        return []

    def stop(self):
        return {}

    def role_counts(self):
        return self.http.get("/v1/status").json()["roles"]


class Container(Containers):
    """One container of all roles. It keeps its data in a volume of its own."""

    def __init__(self, image, *options, volume=None, settings=None, command=()):
        super().__init__()
        self.image, self.options, self.command = image, options, command
        self.volume = volume or self.name
        self.owns_volume = volume is None
        self.settings = settings or {}

    def create(self, command="create"):
        settings = [f"--env={name}={value}" for name, value in self.settings.items()]
        docker(command, *(["--detach"] if command == "run" else []), "--name", self.name,
               "--publish", f"127.0.0.1:{self.port}:7860", "--volume", f"{self.volume}:/data",
               *self.options, *settings, self.image, *self.command)
        return self

    def start(self):
        return self.create("run")

    def exec(self, *command):
        return docker("exec", self.name, *command)

    def state(self):
        return json.loads(docker("inspect", "-f", "{{json .State}}", self.name))

    def service_state(self, service, what):
        """What s6 says of a service, as text: pid, ready, updownsince …"""
        return self.exec("s6-svstat", "-o", what, f"/data/.run/services/{service}")

    def service_pid(self, service):
        return int(self.service_state(service, "pid"))

    def service_deaths(self, service):
        """A line a death, the last one last: when, in s6's times, and how. (None before s6 runs.)"""
        said = docker("exec", self.name, "s6-svdt", f"/data/.run/services/{service}", check=False)
        return re.findall(r"^@.*", said, re.M)

    def logs(self):
        return docker("logs", self.name, check=False)

    def close(self):
        docker("rm", "--force", "--volumes", self.name, check=False)
        if self.owns_volume:
            docker("volume", "rm", "--force", self.volume, check=False)
        super().close()


class Stack(Containers):
    """The stack of docker-compose.yml, as a Compose project of its own."""

    def __init__(self, image, **settings):
        super().__init__()
        self.environment = {**os.environ, "QUIRE_IMAGE": image, "PORT": str(self.port), **settings}

    def compose(self, *arguments, check=True):
        return docker("compose", "--progress", "quiet", "--project-directory", CHECKOUT,
                      "--project-name", self.name, *arguments, check=check, env=self.environment)

    def up(self, *arguments, build="--no-build"):
        self.compose("up", "--detach", build, *arguments)
        return self

    def start(self):
        return self.up()

    def containers(self, service):
        return self.compose("ps", "--quiet", service).split()

    def container(self, service):
        return self.containers(service)[0]

    def wait_healthy(self, *services):
        for service in services or ("redis", *ROLES):
            for container in self.containers(service):
                wait_until(lambda: health(container) == "healthy", HEALTHY_S, f"{service} to be healthy")
        return self

    def logs(self):
        return self.compose("logs", "--no-color", "--tail", "60", check=False)

    def close(self):
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10", check=False)
        super().close()
