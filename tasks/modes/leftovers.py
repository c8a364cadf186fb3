"""What a run that died left on this host, found by the marks that only its own things bear."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..stack.isolation import MARKER
from .cgroups import named

if TYPE_CHECKING:
    from psutil import Process

_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.01


def processes_of(run_id: str, directory: Path) -> tuple[int, ...]:
    """Return the processes that carry the run's marker, or work inside its folder.

    The second holds for PostgreSQL's children, whose process title overwrites their
    environment. Docker commands that work for the run's project are its own too. This
    process and its parents are never among them.
    """
    import psutil

    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    inside = {str(directory), *(str(link.resolve()) for link in directory.glob("*/data"))}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        with suppress(psutil.Error, OSError):
            if process.uids().real != os.getuid() and os.getuid() != 0:
                continue
            if (
                process.environ().get(MARKER) == run_id
                or _within(process.cwd(), inside)
                or _is_docker_command(process.cmdline(), run_id)
            ):
                found.append(process.pid)
    return tuple(found)


def _is_docker_command(words: list[str], project: str) -> bool:
    """Return whether this is a `docker compose` or `docker events` that a run itself began."""
    return f"label=com.docker.compose.project={project}" in words or any(
        pair == ("--project-name", project) for pair in itertools.pairwise(words)
    )


def _within(folder: str, roots: Iterable[str]) -> bool:
    return any(folder == root or folder.startswith(root + os.sep) for root in roots)


def end_processes(pids: Iterable[int]) -> int:
    """End these processes: SIGTERM, and SIGKILL after 5 s. Return how many there were."""
    import psutil

    processes = []
    for pid in pids:
        with suppress(psutil.Error):
            processes.append(psutil.Process(pid))
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    stubborn = _running_after(processes, _GRACE_SECONDS)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    _running_after(stubborn, _GRACE_SECONDS)
    return len(processes)


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie.

    In a container the first process may reap its zombies late, or never.
    """
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _running_after(processes: list[Process], seconds: float) -> list[Process]:
    """Return those that still run when all have ended or `seconds` are over."""
    deadline = time.monotonic() + seconds
    while True:
        running = [process for process in processes if process.is_running()]
        running = [process for process in running if is_running(process.pid)]
        if not running or time.monotonic() > deadline:
            return running
        time.sleep(_POLL_SECONDS)


def end_local(run_id: str, directory: Path, cgroup_prefix: str) -> int:
    """End every process of a run and remove its control groups; return how many there were."""
    groups = named(cgroup_prefix)
    pids = {pid for group in groups for pid in group.pids()}
    ended = end_processes(pids | set(processes_of(run_id, directory)))
    for group in groups:
        group.remove()
    return ended


def remove_data(directory: Path) -> None:
    """Remove the data of the servers in a run's folder, also where a link leads outside."""
    for data in directory.glob("*/data"):
        shutil.rmtree(data.resolve(), ignore_errors=True)
        if data.is_symlink():
            data.unlink()


def remove_folder(directory: Path) -> None:
    """Remove a run's folder and its data."""
    remove_data(directory)
    shutil.rmtree(directory, ignore_errors=True)
