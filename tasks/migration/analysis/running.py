"""What runs now, on which ports, with which tools."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata

from ...envmap.detect import Detected
from ...errors import TranshipError
from ...modes import containers
from ...modes.ownlocal import local_mode
from ...modes.status import docker_rows, local_rows
from ...settings import Settings
from . import hadolint
from .model import Row, Table

_SECONDS = 10
_PACKAGES = ("nox", "invoke", "pytest", "python-on-whales", "supervisor")
_PROGRAMS = ("docker", "git", "uv", "psql", "redis-cli")


@dataclass(frozen=True)
class Running:
    """The stack's own containers and processes."""

    rows: tuple[Row, ...]
    owners: frozenset[str]
    """How the holders of ports that are the stack's own are called."""
    remarks: tuple[str, ...]

    def table(self) -> Table:
        """Return what runs, for showing."""
        headers = ("service", "side", "state", "container or pid", "address", "up for")
        return Table("What runs", headers, self.rows, "Nothing of this stack runs.")


def running(settings: Settings, engine_answers: bool) -> Running:
    """Return what runs of the developer's own stack, on either side."""
    rows: list[Row] = []
    owners: set[str] = set()
    remarks: list[str] = []
    if engine_answers:
        from ...modes.owndocker import docker_mode

        try:
            mode = docker_mode(settings)
            names = {
                item.service: item.name
                for item in containers.of_project(mode.client, mode.project_name)
            }
            owners |= {f"container {name}" for name in names.values()}
            for name, state, health, at, up in docker_rows(mode):
                shown = state if health == "no healthcheck" else f"{state}, {health}"
                rows.append((name, "docker", shown, names.get(name, "-"), at, up))
        except TranshipError as error:
            remarks.append(f"Containers: {error}")
    try:
        local = local_mode(settings)
        for name, state, pid, at, up in local_rows(local):
            rows.append((name, "local", state, pid, at, up))
            owners |= _tree(pid)
    except TranshipError as error:
        remarks.append(f"Processes: {error}")
    return Running(tuple(sorted(rows)), frozenset(owners), tuple(remarks))


def _tree(pid: str) -> set[str]:
    """Return how a process and its children are called as holders of ports."""
    import psutil

    if not pid.isdigit():
        return set()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(int(pid))
        tree = [process, *process.children(recursive=True)]
        return {f"process {item.pid} ({item.name()})" for item in tree}
    return set()


def ports(detected: Detected, own: frozenset[str]) -> Table:
    """Return who holds each port that the stack publishes."""
    rows = tuple(
        (
            str(use.port),
            use.service,
            use.owner or "free",
            "" if use.owner is None else "the stack's" if use.owner in own else "another's",
        )
        for use in detected.ports
    )
    return Table("Ports", ("port", "service", "held by", "whose"), rows, "No port is published.")


def strangers(detected: Detected, own: frozenset[str]) -> Mapping[int, str]:
    """Return the holders of the stack's ports that are not the stack's."""
    return {
        use.port: use.owner
        for use in detected.ports
        if use.owner is not None and use.owner not in own
    }


def tools(detected: Detected) -> Table:
    """Return the tools of a migration with their versions."""
    engine = detected.engine
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    rows: list[Row] = [
        ("system", detected.system),
        ("python", python),
        ("docker engine", engine.version or f"none: {engine.problem}"),
        ("compose", engine.compose or "none"),
        ("buildx", engine.buildx or "none"),
    ]
    rows += [(name, _package(name)) for name in _PACKAGES]
    rows += [(name, _program(shutil.which(name))) for name in _PROGRAMS]
    rows.append(("hadolint", _program(hadolint.command())))
    return Table("Tools", ("tool", "version"), tuple(_named(rows)), "")


def _named(rows: Iterable[Row]) -> Iterable[Row]:
    # `docker` is the command, beside the engine that may be another version.
    return (("docker command", row[1]) if row[0] == "docker" else row for row in rows)


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _program(path: str | None) -> str:
    if path is None:
        return "none"
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "does not answer"
    found = re.search(r"\d+(?:\.\d+)+\S*", done.stdout + done.stderr)
    return found[0].rstrip(",)") if found else "unknown"
