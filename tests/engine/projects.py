"""Small projects in temporary folders, the commands that run in them, and what they leave."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tranship.stack.isolation import LABEL_CHECKOUT, MARKER, checkout_id

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
COMMAND_SECONDS = 90.0
"""How long any command of a test may take before the test gives it up."""


def base_image(variable: str, default: str) -> str:
    """Return the base image that this machine uses for a public one."""
    chosen = REPOSITORY / ".tranship" / "images.env"
    lines = chosen.read_text().splitlines() if chosen.is_file() else []
    written = dict(line.split("=", 1) for line in lines if "=" in line)
    return os.environ.get(variable) or written.get(variable) or default


PYTHON_IMAGE = base_image("PYTHON_IMAGE", "python:3.12-slim")


def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Return the first true answer of `condition`, or fail naming what did not come about."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def docker(*words: str, check: bool = True) -> str:
    """Return what a docker command prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"docker {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def free_port() -> int:
    """Return a port that nobody listens on, outside the ranges of Linux and of runs."""
    for port in random.sample(range(12_000, 19_900), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    pytest.fail("no free port")


def ports_free(*ports: int) -> bool:
    """Return whether nobody listens on any of these ports of this host."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def get(port: int, path: str = "/health") -> Any:
    """Return the JSON that a service on this host answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    def exits(self, code: int) -> Finished:
        """Fail the test unless the command ended with `code`, and with no traceback."""
        shown = f"{' '.join(self.words)} ended with {self.code} in {self.seconds:.1f} s"
        assert code == self.code, f"{shown}\n{self.out}\n--- stderr\n{self.err}"
        assert "Traceback (most recent call last)" not in self.text, f"{shown}\n{self.text}"
        return self

    def says(self, *parts: str) -> Finished:
        """Fail the test unless each of the parts stands in the output."""
        for part in parts:
            assert part in self.text, f"{part!r} is not in:\n{self.out}\n--- stderr\n{self.err}"
        return self

    def row(self, name: str) -> list[str]:
        """Return the cells of the table row that begins with `name`."""
        for line in self.out.splitlines():
            cells = re.split(r"\s{2,}", line.strip())
            if cells[0] == name:
                return cells
        pytest.fail(f"no row {name!r} in:\n{self.text}")


class Running:
    """A command that runs, in a process group of its own."""

    def __init__(self, words: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.words = tuple(words)
        self._began = time.monotonic()
        self._files = [
            # Not in the folder, which may be this repository.
            (Path(tempfile.gettempdir()) / f"output-{os.urandom(4).hex()}-{name}").open("w+")
            for name in "oe"
        ]
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
            # A shell that runs tests in the background has SIGINT ignored, and it is inherited.
            preexec_fn=_interruptible,
        )

    @property
    def text(self) -> str:
        """What it has printed up to now."""
        return "".join(Path(stream.name).read_text(errors="replace") for stream in self._files)

    def until(self, pattern: str, seconds: float = COMMAND_SECONDS) -> None:
        """Wait until the output matches; fail when the command ends before."""
        until(
            lambda: re.search(pattern, self.text) or self.process.poll() is not None,
            f"{pattern!r} in the output of {' '.join(self.words)}:\n{self.text}",
            seconds,
        )
        assert re.search(pattern, self.text), f"ended without {pattern!r}:\n{self.text}"

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the command, or to its group as a terminal does at Ctrl-C."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def finish(self, seconds: float = COMMAND_SECONDS) -> Finished:
        """Wait for the end; a command that takes too long is killed and fails the test."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            pytest.fail(f"{' '.join(self.words)} still ran after {seconds:g} s:\n{self.text}")
        out, err = (Path(stream.name).read_text(errors="replace") for stream in self._files)
        return Finished(self.words, code, out, err, time.monotonic() - self._began)

    def end(self) -> None:
        """Kill the command and its group, whatever it does."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in self._files:
            stream.close()
            Path(stream.name).unlink(missing_ok=True)


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def shell_environment() -> dict[str, str]:
    """Return the environment of a developer's shell, without what the test run put into it."""
    ours = re.compile(r"(PYTEST|NOX|INVOKE|COV|COVERAGE|TRANSHIP)_?\w*|PYTHON\w+|FORCE_COLOR|CI")
    kept = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    folder = str(Path(sys.executable).parent)
    return {**kept, "PATH": os.pathsep.join([folder, kept.get("PATH", os.defpath)])}


@dataclass
class Project:
    """A project in a folder of its own, and the commands that were started in it."""

    root: Path
    name: str
    environments: Path
    running: list[Running] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=shell_environment)
    prefix: tuple[str, ...] = ()
    """Words before each command: what takes it into namespaces of its own."""

    @property
    def compose_file(self) -> Path:
        return self.root / "compose.yaml"

    @property
    def checkout(self) -> str:
        """The name of this project's folder in labels."""
        return checkout_id(self.root)

    def compose(
        self,
        services: Mapping[str, Mapping[str, Any]],
        *,
        settings: Mapping[str, Any] | None = None,
        suite: Mapping[str, Any] | None = None,
        **top: Any,
    ) -> Project:
        """Write the project's files."""
        document = {"name": self.name, "services": dict(services), **top}
        self.compose_file.write_text(yaml.safe_dump(document, sort_keys=False))
        table = {"compose-files": ["compose.yaml"], "start-timeout": 30, **(settings or {})}
        lines = ["[tool.tranship]", *_toml(table)]
        if suite is not None:
            lines += ["[tool.tranship.suite]", *_toml(suite)]
        (self.root / "pyproject.toml").write_text("\n".join(lines) + "\n")
        (self.root / "tasks.py").write_text("import tranship\n\nns = tranship.namespace()\n")
        (self.root / "noxfile.py").write_text(
            "from tranship import sessions\n\nsessions.register()\n"
        )
        shutil.copy(HERE / "service.py", self.root)
        return self

    def checks(self, source: str, name: str = "test_checks.py") -> Project:
        """Write a file of the project's own suite."""
        (self.root / "checks").mkdir(exist_ok=True)
        (self.root / "checks" / name).write_text(textwrap.dedent(source))
        return self

    def record(self, mode: str) -> dict[str, Any]:
        """Return the newest trial record of a mode."""
        paths = sorted((self.root / ".tranship" / "trials").glob(f"{mode}-*.json"))
        assert paths, f"no record of {mode}"
        found: dict[str, Any] = json.loads(paths[-1].read_text())
        return found

    def start(self, *words: str, **environment: str) -> Running:
        """Start a command in the project's folder."""
        full = [*self.prefix, *words]
        running = Running(full, self.root, {**self.environment, **environment})
        self.running.append(running)
        return running

    def inv(self, *words: str, **environment: str) -> Finished:
        """Run `inv WORDS` and return when it has ended."""
        return self.start_inv(*words, **environment).finish()

    def start_inv(self, *words: str, **environment: str) -> Running:
        return self.start(*tool("inv"), *words, **environment)

    def nox(self, *words: str, **environment: str) -> Finished:
        """Run `nox WORDS` and return when it has ended."""
        return self.start_nox(*words, **environment).finish()

    def start_nox(self, *words: str, **environment: str) -> Running:
        # One folder of virtual environments for all: making one takes longer than a trial.
        return self.start(*tool("nox"), "--envdir", str(self.environments), *words, **environment)

    def containers(self, *more: str) -> list[str]:
        """Return the ids of the project's own containers, running or not."""
        label = f"label=com.docker.compose.project={self.name}"
        return docker("ps", "-aq", "--filter", label, *more).split()

    def container(self, service: str) -> dict[str, Any]:
        """Return what `docker inspect` says of the container of a service."""
        found = self.containers("--filter", f"label=com.docker.compose.service={service}")
        assert len(found) == 1, f"{len(found)} containers of {service}"
        inspected: dict[str, Any] = json.loads(docker("inspect", found[0]))[0]
        return inspected

    def volumes(self) -> list[str]:
        label = f"label=com.docker.compose.project={self.name}"
        return docker("volume", "ls", "-q", "--filter", label).split()

    def left(self) -> list[str]:
        """Return everything of this project that is on the engine or on this host."""
        found = []
        labels = (f"com.docker.compose.project={self.name}", f"{LABEL_CHECKOUT}={self.checkout}")
        for label in labels:
            for kind in ("container", "network", "volume"):
                words = ["docker", kind, "ls", "--quiet", "--filter", f"label={label}"]
                if kind == "container":
                    words.append("--all")
                listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
                found += [f"{kind} {item}" for item in listed.split()]
        for item in self.processes():
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                found.append(f"process {item.pid} {item.name()}")
        runs = self.root / ".tranship" / "runs"
        found += [f"folder {item.name}" for item in runs.glob("*") if item.is_dir()]
        for form in (f"{self._prefix}*", f"*/{self._prefix}*"):  # version 2, version 1
            found += [f"group {path}" for path in Path("/sys/fs/cgroup").glob(form)]
        return list(dict.fromkeys(found))

    def left_of_runs(self) -> list[str]:
        """Return what runs left; the developer's own stack is not among it."""
        own = {f"container {item}" for item in self.containers()}
        label = f"label=com.docker.compose.project={self.name}"
        own |= {f"network {x}" for x in docker("network", "ls", "-q", "--filter", label).split()}
        own |= {f"volume {x}" for x in self.volumes()}
        return [item for item in self.left() if item not in own]

    def processes(self) -> list[psutil.Process]:
        """Return the local services, by the variable that each of them carries."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                marked = str(process.environ().get(MARKER, "")).startswith(self._prefix)
                inside = Path(process.cwd()).is_relative_to(self.root)
                ours = process.pid in {running.process.pid for running in self.running}
                if (marked or inside) and not ours:
                    found.append(process)
        return found

    def own_images(self) -> list[str]:
        """Return the images that runs of this project built."""
        label = f"label={LABEL_CHECKOUT}={self.checkout}"
        form = "{{.Repository}}:{{.Tag}}"
        return docker("image", "ls", "--filter", label, "--format", form).split()

    def clean(self) -> None:
        """End and remove everything of this project, however its test went."""
        for running in self.running:
            running.end()
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for item in self.left():
            kind, name = item.split()[:2]
            if kind in {"container", "network", "volume"}:
                options = ["--force", "--volumes"] if kind == "container" else []
                docker(kind, "rm", *options, name, check=False)
            elif kind == "group":
                with contextlib.suppress(OSError):
                    Path(name).rmdir()
        for label in (
            f"{LABEL_CHECKOUT}={self.checkout}",
            "com.docker.compose.project=" + self.name,
        ):
            for image in docker("image", "ls", "-q", "--filter", f"label={label}").split():
                docker("image", "rm", "--force", image, check=False)

    @property
    def _prefix(self) -> str:
        return f"tranship-{self.checkout}-"


def tool(name: str) -> tuple[str, ...]:
    """Return how the test run's own interpreter starts a tool."""
    return (sys.executable, "-m", {"inv": "invoke"}.get(name, name))


def _toml(table: Mapping[str, Any]) -> Iterator[str]:
    # JSON's strings, numbers, booleans and lists are TOML's.
    return (f"{name} = {json.dumps(value)}" for name, value in table.items())


def web(port: int, *behaviour: str, **more: Any) -> dict[str, Any]:
    """Return a service that answers HTTP on 8000, published on `port`; on `port` locally too."""
    words = behaviour or ("serve",)
    return {
        **container(*words, "8000"),
        "ports": [f"127.0.0.1:{port}:8000"],
        "x-tranship": {
            "local": {
                "command": ["python", "service.py", *words, "{port}"],
                "environment": {"HOST": "127.0.0.1"},
            },
            "health": {"http": "/health"},
        },
        **more,
    }


def suite_of(packages: Path, **environment: str) -> dict[str, Any]:
    """Return a suite's service; `packages` holds pytest, at the same path on both sides."""
    return {
        "image": PYTHON_IMAGE,
        "profiles": ["test"],
        "working_dir": "/project",
        "environment": {
            "WEB_URL": "http://web:8000",
            "PYTHONPATH": str(packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        "volumes": [".:/project:ro", f"{packages}:{packages}:ro"],
        "depends_on": ["web"],
    }


def container(*behaviour: str, **more: Any) -> dict[str, Any]:
    """Return a service of the stand-in image that runs service.py."""
    return {
        "image": PYTHON_IMAGE,
        "command": ["python", "/srv/service.py", *behaviour],
        # A signal that comes before Python listens for it is lost on a first process.
        "stop_grace_period": "1s",
        "volumes": ["./service.py:/srv/service.py:ro"],
        **more,
    }
