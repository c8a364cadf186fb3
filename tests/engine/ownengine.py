"""A Docker engine of a test module's own, which tests may stop, kill and starve.

It lives in namespaces of its own: network, processes, mounts, names. (A second engine in the
network of the first removes that one's docker0; measured with `--bridge none`.) Its data lies
on a small disk in memory. All that runs in it, containers too, ends with the first process of
its namespaces, and that one with the test run, however it ends; its folder is then removed by
the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from . import namespaces
from .projects import Project, shell_environment, until

_PREFIX = "tranship-engine-"
INSECURE = "10.77.0.0/24"
"""The addresses whose registries may speak plain HTTP."""


class OwnEngine:
    """One dockerd in namespaces of its own."""

    def __init__(self, folder: Path, first: int) -> None:
        self.folder = folder
        self.first = first
        """The first process of its namespaces: all that runs in them ends with it."""
        self.host = f"unix://{folder}/engine.sock"
        """The value of DOCKER_HOST, good inside and outside."""
        self.prefix = ("nsenter", "--target", str(first), *namespaces.KINDS, "--")
        """The words before a command that is to run in the namespaces."""
        self.pidfile = folder / "dockerd.pid"
        """The pid of dockerd, as it is inside."""
        self.features: dict[str, bool] = {}
        """What dockerd is told to do differently, such as `containerd-snapshotter`."""
        self._starter: subprocess.Popen[bytes] | None = None
        self._projects: list[Project] = []

    @property
    def disk(self) -> Path:
        """The disk that all of the engine's data is on, as it is reached from outside."""
        return Path(f"/proc/{self.first}/root{self.folder}/data")

    @property
    def lives(self) -> bool:
        """Whether dockerd runs."""
        return self._starter is not None and self._starter.poll() is None

    def start(self) -> None:
        """Start dockerd, and the containerd that is its own, and wait until it answers."""
        configured = self.folder / "daemon.json"
        configured.write_text(json.dumps({"features": self.features}))
        options = {
            "--config-file": configured,
            "--data-root": self.folder / "data",
            "--exec-root": "/run/engine",
            "--pidfile": self.pidfile,
            "--host": self.host,
            "--cgroup-parent": f"/{self.folder.name}",
            # Of other engines' networks, where a registry of the tests is.
            "--insecure-registry": INSECURE,
        }
        words = [str(word) for pair in options.items() for word in pair]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._starter = subprocess.Popen(
                [*self.prefix, "dockerd", *words], stdout=log, stderr=log, cwd="/"
            )
        until(self._answers, f"an engine that answers:\n{self.log()}", 60)

    def stop(self) -> None:
        """Stop it as `systemctl stop docker` does: containers end too."""
        self.end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it: containers go on, and nobody looks after them."""
        self.end(signal.SIGKILL)

    def lose(self) -> None:
        """Lose the machine: all that runs in its namespaces ends at once."""
        assert self._starter is not None, "it was not started"
        os.kill(self.first, signal.SIGKILL)
        self._starter.wait(60)
        self._starter = None

    def end(self, number: signal.Signals) -> None:
        """End dockerd by a signal and wait for its end."""
        assert self._starter is not None, "it was not started"
        for process in psutil.Process(self._starter.pid).children():
            process.send_signal(number)
        self._starter.wait(60)
        self._starter = None

    def ending(self, number: signal.Signals) -> str:
        """Return the shell's words that do the same from inside."""
        return (
            f"pid=$(cat {self.pidfile}) && kill -{number.value} $pid && "
            "while test -e /proc/$pid; do sleep 0.05; done"
        )

    def again(self) -> None:
        """Have it run: start it unless it does."""
        if self.lives:
            return
        self.start()

    def close(self) -> None:
        """End what its projects run, and dockerd; what it looked after ends with its namespaces."""
        for project in self._projects:
            for running in project.running:
                running.end()
        if self._starter is not None:
            self.kill()

    def load(self, *images: str) -> None:
        """Bring images of the engine that is in use outside."""
        outside = {k: v for k, v in os.environ.items() if k != "DOCKER_HOST"}
        save = ["docker", "save", *images]
        load = ["docker", "--host", self.host, "load", "--quiet"]
        with subprocess.Popen(save, stdout=subprocess.PIPE, env=outside) as saved:
            subprocess.run(load, stdin=saved.stdout, stdout=subprocess.DEVNULL, check=True)
        assert 0 == saved.returncode, f"{images} could not be saved"

    def filling(self, leaving: int) -> str:
        """Return the shell's words that fill its disk from inside, but for so many bytes."""
        data = self.folder / "data"
        free = f"$(($(stat --file-system --format '%a * %S' {data}) - {leaving}))"
        return f"fallocate --length {free} {data}/filler"

    def empty(self) -> None:
        """Give back what `filling` took."""
        (self.disk / "filler").unlink(missing_ok=True)

    def log(self) -> str:
        """Return the last lines of its log."""
        path = self.folder / "dockerd.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:])

    def project(self, root: Path, environments: Path) -> Project:
        """Return a project whose commands run inside; it is gone with the engine."""
        found = Project(root, f"engine-{os.urandom(4).hex()}", environments)
        found.environment = {**shell_environment(), "DOCKER_HOST": self.host}
        # The working folder is lost on the way into another namespace of mounts.
        found.prefix = (*self.prefix, "env", "--chdir", str(root))
        self._projects.append(found)
        return found

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread, and those that it starts, dial in the engine's network.

        Its ports are no others': tests dial 127.0.0.1 as they always do.
        """
        with namespaces.network_of(self.first), pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", self.host)
            yield

    def _answers(self) -> bool:
        assert self._starter is not None
        assert self._starter.poll() is None, f"dockerd ended:\n{self.log()}"
        asked = ["docker", "--host", self.host, "version"]
        return 0 == subprocess.run(asked, capture_output=True, check=False).returncode


def why_not() -> str:
    """Return why this machine can have no such engine; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root of a Linux machine can make the namespaces of a second engine"
    missing = [name for name in ("dockerd", "unshare", "nsenter", "ip") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def own_engine(*images: str, size: str = "1g", **features: bool) -> Iterator[OwnEngine]:
    """Have an engine run while the block does, with these images, and nothing left of it.

    `size` is that of its disk, which is memory; `features` are those of its daemon.json.
    """
    remove_leftovers()
    # Short, for the path of a socket may have 107 characters.
    folder = Path("/tmp") / f"{_PREFIX}{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        lock = stack.enter_context((folder / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        stack.callback(_remove, folder)
        first = stack.enter_context(namespaces.made(folder.name, folder / "data", size))
        engine = OwnEngine(folder, first)
        engine.features = {name.replace("_", "-"): on for name, on in features.items()}
        stack.callback(engine.close)
        engine.start()
        if images:
            engine.load(*images)
        yield engine


def remove_leftovers() -> None:
    """Remove the folders of test runs that were killed; what ran in them died with them."""
    for folder in Path("/tmp").glob(f"{_PREFIX}*"):
        with (folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # it is in use
                continue
            _remove(folder)


def _remove(folder: Path) -> None:
    groups = [path for form in ("*", "*/*") for path in Path("/sys/fs/cgroup").glob(form)]
    for group in groups:
        if group.name == folder.name:
            inner = sorted(group.rglob("*/"), key=lambda path: -len(path.parts))
            for path in (*inner, group):
                until(lambda path=path: _removed(path), f"the end of {path}")
    shutil.rmtree(folder, ignore_errors=True)


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # the kernel has not yet done with those that were killed
        return False
    return True
