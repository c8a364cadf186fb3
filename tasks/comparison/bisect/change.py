"""What is changed on one side for a probe, and the compose document that has it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any


@dataclass(frozen=True)
class Change:
    """What a probe changes: nothing by default."""

    variables: Mapping[str, str | None] = field(default_factory=dict)
    """Name -> value; None takes the variable away."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """Key of the suite's service in the compose document -> value; None takes the key away."""
    launch: Mapping[str, Any] = field(default_factory=dict)
    """What the process changes of itself before it becomes the suite; see preload.py."""
    packages: Mapping[str, str | None] = field(default_factory=dict)
    """Distribution to take from the passing side -> its version there; None: it is hidden."""
    writable: tuple[str, ...] = ()
    """Folders of a container whose read-only bind becomes one of a copy."""
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Another service -> key of it in the compose document -> value; None takes the key away."""

    def __or__(self, other: Change) -> Change:
        return Change(
            {**self.variables, **other.variables},
            _merged(self.body, other.body),
            _merged(self.launch, other.launch),
            {**self.packages, **other.packages},
            tuple(dict.fromkeys((*self.writable, *other.writable))),
            {
                name: _merged(self.services.get(name, {}), other.services.get(name, {}))
                for name in (*self.services, *other.services)
            },
        )

    @property
    def unset(self) -> tuple[str, ...]:
        """The variables that it takes away."""
        return tuple(name for name, value in self.variables.items() if value is None)

    @property
    def given(self) -> dict[str, str]:
        """The variables that it sets."""
        return {name: value for name, value in self.variables.items() if value is not None}


def together(changes: Iterable[Change]) -> Change:
    """Return all the changes as one; where two say different things, the later one holds."""
    return reduce(lambda left, right: left | right, changes, Change())


def _merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings; the mappings and lists inside them too."""
    found = dict(left)
    for key, value in right.items():
        known = found.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            found[key] = {**known, **value}
        elif isinstance(known, list) and isinstance(value, list):
            found[key] = [*known, *(item for item in value if item not in known)]
        else:
            found[key] = value
    return found


_ADDED = frozenset({"ulimits", "sysctls", "extra_hosts", "cap_add", "cap_drop", "security_opt"})
"""Keys of which a change adds entries; of others it replaces the whole."""
_DEPLOYED = {"mem_limit": "memory", "cpus": "cpus", "pids_limit": "pids"}
"""Limits that `deploy.resources.limits` may hold too, by their names there."""


def changed_document(
    document: Mapping[str, Any], service: str, change: Change, copies: Mapping[str, str]
) -> dict[str, Any]:
    """Return a compose document in which one service has the change.

    `copies` are the folders that a read-only bind is to be replaced by: source -> copy.
    """
    made: dict[str, Any] = copy.deepcopy(dict(document))
    body = made["services"][service]
    environment = {**(body.get("environment") or {}), **change.given}
    body["environment"] = {k: v for k, v in environment.items() if k not in change.unset}
    for key, value in change.body.items():
        limits = ((body.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        limits.pop(_DEPLOYED.get(key, ""), None)
        if value is None:
            body.pop(key, None)
        elif key == "network_mode":
            body["network_mode"] = value
            for other in ("networks", "ports", "links"):
                body.pop(other, None)
        elif key in _ADDED and body.get(key):
            body[key] = _merged({key: _uniform(key, body[key])}, {key: value})[key]
        else:
            body[key] = value
    if body.get("network_mode") == "host" and body.get("sysctls"):
        # The engine refuses to set what would be this host's own.
        kept = {k: v for k, v in body["sysctls"].items() if not k.startswith("net.")}
        body["sysctls"] = kept
    for mount in body.get("volumes") or ():
        if mount.get("source") in copies:
            mount["source"] = copies[mount["source"]]
            mount.pop("read_only", None)
    return made


def _uniform(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return [f"{name}={at}" for name, at in value.items()] if key == "extra_hosts" else value
    return list(value)


def binds_over(body: Mapping[str, Any], folder: str) -> tuple[Mapping[str, Any], ...]:
    """Return the binds of a service that `folder` of its container lies in, or that lie in it."""
    return tuple(
        mount
        for mount in body.get("volumes") or ()
        if mount.get("type") == "bind" and _inside(folder, str(mount.get("target", "")))
    )


def _inside(folder: str, target: str) -> bool:
    return folder == target or folder.startswith(target.rstrip("/") + "/")


def unescaped(value: Any) -> Any:
    """Return a document as it was before `write_compose_file` escaped its `$`."""
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
