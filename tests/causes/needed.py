"""What a planted cause needs of the machine, made for as long as its project is there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from engine.projects import PYTHON_IMAGE, Project, docker

Need = Callable[[Project], AbstractContextManager[tuple[str, ...]]]


@contextmanager
def root(project: Project) -> Iterator[tuple[str, ...]]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    yield ()


@contextmanager
def two_cpus(project: Project) -> Iterator[tuple[str, ...]]:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")
    yield ()


@contextmanager
def newer_python(project: Project) -> Iterator[tuple[str, ...]]:
    """Let nox run the local side by a Python of which the image's is an older one."""
    version = "import sys; print(sys.version_info[1])"
    if int(docker("run", "--rm", PYTHON_IMAGE, "python", "-c", version)) > 11:
        pytest.skip("needs an image with Python 3.11 or older")
    for candidate in _pythons(range(12, 20)):
        done = subprocess.run([candidate, "-c", "import ssl"], capture_output=True, check=False)
        if done.returncode == 0:
            # In a folder of its own: another interpreter's environment would be made anew.
            project.environments = project.root.parent / "newer"
            yield ("--force-python", candidate)
            return
    pytest.skip("needs Python 3.12 or newer beside the image's")


def _pythons(minors: range) -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in minors:
        on_path = shutil.which(f"python3.{minor}")
        yield from (str(it) for it in sorted(pyenv.glob(f"3.{minor}.*/bin/python")))
        if on_path:
            yield on_path


@contextmanager
def locale(project: Project) -> Iterator[tuple[str, ...]]:
    """Make two locales, for the variable LOCPATH of both sides."""
    folder = project.root / "locales"
    folder.mkdir()
    try:
        for name in ("en_US",):
            words = ["localedef", "--no-archive", "-i", name, "-f", "UTF-8"]
            subprocess.run([*words, str(folder / f"{name}.UTF-8")], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs localedef and the sources of locales")
    set_variable(project, "LOCALES", str(folder))
    yield ()


@contextmanager
def taken_port(project: Project) -> Iterator[tuple[str, ...]]:
    """Listen on a port of this host."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        set_variable(project, "TAKEN_PORT", str(server.getsockname()[1]))
        yield ()


def set_variable(project: Project, name: str, value: str) -> None:
    """Give the compose files a variable."""
    with (project.root / ".env").open("a") as stream:
        stream.write(f"{name}={value}\n")


NEEDS: dict[str, Need] = {
    "root": root,
    "two cpus": two_cpus,
    "newer python": newer_python,
    "locale": locale,
    "taken port": taken_port,
}
