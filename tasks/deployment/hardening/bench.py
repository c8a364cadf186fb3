"""One service of the run, started anew with lines on top of what it has."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import EnvironmentFailed
from ...modes import containers
from ...modes.containers import ContainerInfo
from ...modes.docker import DockerMode
from ...stack import engine, isolation
from .model import Line
from .writes import Writes, writes_of

_KILLED = 137
_AS_TOLD = (0, 143)
"""Exit codes of what ends when it is told to: by itself, or by the signal."""


@dataclass
class Bench:
    """A run of production, whose services are started one by one."""

    mode: DockerMode
    path: Path
    """The run's compose file."""
    document: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    """Why the last try did not come up."""
    ends: dict[str, int] = field(default_factory=dict)
    """Service -> its exit code when it is told to stop and nothing was taken from it yet."""

    def __post_init__(self) -> None:
        self.document, _ = engine.document_of(self.mode.project)
        self.all = {service.name: service for service in self.mode.services}

    def starts(self, name: str, lines: Iterable[Line]) -> bool:
        """Return whether the service comes up and stops with these lines; `why` tells if not.

        On empty volumes, and once more on those that it has then filled: only the first start
        takes a data folder over, and only later ones meet another's files in it.
        """
        tried = tuple(lines)
        try:
            self._empty(name)
            self.start(name, tried)
            if not self._stops(name):
                return False
            self.start(name, tried)
        except EnvironmentFailed as error:
            self.why = str(error).splitlines()[0]
            return False
        return True

    def _stops(self, name: str) -> bool:
        """Stop the service; return whether it did so as one that nothing was taken from."""
        usual = self.ends.get(name)
        if usual in (None, _KILLED):
            return True
        code = self.end(name)
        if code in (None, usual, *_AS_TOLD):
            return True
        self.why = f"{name} is killed when it is to stop (exit code {code}, not {usual})."
        return False

    def end(self, name: str) -> int | None:
        """Tell a service to stop; return its exit code, None for one that had ended."""
        item = self._container(name)
        if not item.running:
            return None
        self.mode.client.container.stop(item.id)
        return self.mode.client.container.inspect(item.id).state.exit_code

    def start(self, name: str, lines: Iterable[Line]) -> None:
        """Start a service anew with these lines on top of what the run has."""
        changed = copy.deepcopy(self.document)
        for line in lines:
            _put(changed["services"][name], line.key, line.value)
        # It is to end where it fails, at once, rather than be restarted until that is a loop.
        changed["services"][name]["restart"] = "no"
        isolation.write_compose_file(changed, self.path)
        self.mode.services = (self.all[name],)
        self.mode.recreate = True
        self.mode.start()

    def _empty(self, name: str) -> None:
        """Remove the service's own volumes, and the container that has them."""
        from python_on_whales.exceptions import DockerException

        client = self.mode.client
        mounted = {
            body_name: {
                str(mount["source"])
                for mount in body.get("volumes") or ()
                if mount.get("type") == "volume" and mount.get("source")
            }
            for body_name, body in self.document["services"].items()
        }
        shared = set().union(*(them for other, them in mounted.items() if other != name))
        own = mounted[name] - shared
        if own:
            for item in containers.of_project(client, self.mode.project_name):
                if item.service == name:
                    client.container.remove(item.id, force=True, volumes=True)
            for volume in own:
                with suppress(DockerException):  # not made yet
                    client.volume.remove(f"{self.mode.project_name}_{volume}")

    def _container(self, name: str) -> ContainerInfo:
        known = containers.of_project(self.mode.client, self.mode.project_name)
        return next(item for item in known if item.service == name)

    def seen_writes(self, name: str) -> Writes:
        """Return where the running container of a service has written to its root."""
        from python_on_whales.exceptions import DockerException

        client = self.mode.client
        item = self._container(name)
        found = client.container.inspect(item.id)
        mounts = [str(mount.destination) for mount in found.mounts or ()]
        mounts += (
            [str(path) for path in (found.host_config.tmpfs or {})] if found.host_config else []
        )

        def listed(folder: str) -> tuple[str, ...] | None:
            with suppress(DockerException):
                text = client.container.execute(item.id, ["ls", "-A", folder], user="0")
                return tuple(str(text or "").split())
            return None

        return writes_of(client.diff(item.id), mounts, listed)


def _put(body: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    *outer, last = key
    for part in outer:
        body[part] = dict(body.get(part) or {})
        body = body[part]
    before = body.get(last)
    if isinstance(before, list) and isinstance(value, list):
        value = list(dict.fromkeys([*before, *value]))
    body[last] = value
