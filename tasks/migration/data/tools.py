"""Running a server's own programs (psql, pg_dump, ...) where the server is.

A password is in the environment of the tool's process and nowhere else: `docker exec` is
given the variable's name alone.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from ...envmap.secrets import mask_text
from ...errors import DataRefused
from ...modes import containers
from ...modes.containers import ContainerInfo
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from ...stack import engine
from ...stack.placement import Placement
from . import abreast, last_words
from .site import Site
from .stores import Store


@dataclass(frozen=True)
class Tools:
    """The programs of one server, and how it is reached by them."""

    store: str
    side: str
    prefix: tuple[str, ...]
    """What stands before the program's name: nothing, or `docker exec ... CONTAINER`."""
    folder: Path | None
    """Where the programs are; None: on PATH."""
    environment: Mapping[str, str] = field(repr=False)
    """Variables of the tool, secrets among them."""
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    last_words: Callable[[], str] = field(default=str, repr=False)
    """What the server's own log says; asked when it went away."""

    def run(
        self,
        program: str,
        *arguments: str,
        doing: str,
        text: str | None = None,
        read: IO[bytes] | None = None,
        write: IO[bytes] | None = None,
    ) -> str:
        """Run a program to its end and return its output, unless that goes to `write`.

        Raises DataRefused with the program's own last words.
        """
        path = str(self.folder / program) if self.folder is not None else program
        given = (text or "").encode("utf-8", "surrogateescape") if read is None else None
        try:
            process = subprocess.Popen(
                [*self.prefix, path, *arguments],
                env={**engine.kept_shell(), **self.environment},
                stdin=subprocess.PIPE if read is None else read,
                stdout=write or subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise self.refused(doing, f"{program}: {error.strerror}.") from error
        with process, abreast.killable(process):
            output, errors = process.communicate(given)
        if process.returncode != 0:
            raise self.refused(doing, _telling(errors) or f"{program} ended abruptly")
        return (output or b"").decode("utf-8", "surrogateescape")

    def refused(self, doing: str, why: str) -> DataRefused:
        """Return the error that says what failed here, secrets hidden."""
        shown = mask_text(why, self.hidden)
        if any(mark in shown for mark in _WENT_AWAY):
            shown = f"{shown.rstrip('.')}.{self.last_words()}"
        return DataRefused(f"{self.store} on {self.side}: {doing} failed: {shown}{_mend(shown)}")


def _telling(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    marks = ("ERROR:", "FATAL:", "PANIC:", "error:", "No space left")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    return (telling or lines or [""])[0 if telling else -1]


_WENT_AWAY = (
    "closed the connection",
    "ended abruptly",
    "is not running",
    "Connection refused",
    "in recovery mode",
)
_MENDS = {
    "password authentication failed": (
        " The data was made with another password than the settings have now: set that one, or "
        "change it in the server (ALTER ROLE ... PASSWORD)."
    ),
    "Access denied for user": (
        " The data was made with another password than the settings have now."
    ),
    "No space left": " Free some space there.",
    "could not extend file": " Free some space there.",
    "is not running": " Look at its log: inv docker.logs, inv local.logs",
}


def _mend(why: str) -> str:
    return next((mend for mark, mend in _MENDS.items() if mark in why), engine.mend_of(why))


def container_of(site: Site, store: Store) -> ContainerInfo:
    """Return the store's running container.

    Raises DataRefused when there is none.
    """
    assert isinstance(site.mode, DockerMode)  # noqa: S101 - narrows the type for mypy
    for item in containers.of_project(site.mode.client, site.mode.project_name):
        if item.service == store.service and item.running:
            return item
    raise DataRefused(
        f"{store.name} on docker: its container does not run (any more). Look at its log: "
        "inv docker.logs"
    )


def tools(site: Site, store: Store, environment: Mapping[str, str], folder: Path | None) -> Tools:
    """Return how programs of the store's server are run, with these variables."""
    said = partial(last_words.of, site, store)
    hidden = frozenset({*site.mode.hidden, *_secret(environment)})
    if isinstance(site.mode, LocalMode):
        base = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        return Tools(store.name, site.side, (), folder, {**base, **environment}, hidden, said)
    container = container_of(site, store)
    names = [word for name in environment for word in ("--env", name)]
    prefix = (*engine.call(tuple(environment)), "exec", "--interactive", *names, container.id)
    return Tools(store.name, site.side, prefix, None, environment, hidden, said)


def _secret(environment: Mapping[str, str]) -> Sequence[str]:
    return [value for name, value in environment.items() if value and name.endswith("PASSWORD")]


def variables_of(site: Site, store: Store) -> Mapping[str, str]:
    """Return the variables that the store's server has on this side."""
    if isinstance(site.mode, DockerMode):
        return container_of(site, store).environment
    mode = site.mode
    placement = mode.placement or Placement(dict.fromkeys(mode.stack.services, "local"))
    return {
        variable.name: variable.value
        for variable in mode.envmap.environment(store.service, placement, mode.ports)
    }
