"""Volumes, mounted files, tmpfs and shared memory of a service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from . import files
from .model import Content, Source
from .options import Options

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True)
class Mounts:
    """What a service mounts, as a stack file says it."""

    volumes: tuple[Mapping[str, Any], ...] = ()
    contents: tuple[tuple[Content, Mapping[str, Any]], ...] = ()
    """Files that became configs or secrets, each with the service's entry for it."""
    findings: tuple[Finding, ...] = ()
    written: tuple[str, ...] = ()
    """The named volumes that it writes."""


def mounts(name: str, body: Mapping[str, Any], source: Source, options: Options) -> Mounts:
    """Return the mounts of a service."""
    volumes: list[Mapping[str, Any]] = []
    contents: list[tuple[Content, Mapping[str, Any]]] = []
    findings: list[Finding] = []
    written = []
    for mount in body.get("volumes") or ():
        kind, target = mount.get("type", "volume"), mount["target"]
        if kind == "bind":
            path = source.base / mount["source"]
            content = files.of_mount(path, target, source, options) if _fixed(mount) else None
            if content is not None:
                entry = {"source": content.key, "target": target, "mode": _mode(path)}
                contents.append((content, entry))
                continue
            findings.append(_bind(name, mount, source))
        elif kind not in {"volume", "tmpfs"}:
            findings.append(Finding(name, f"volumes: {kind} at {target}: no place in a stack file"))
            continue
        if kind == "volume" and mount.get("source") and not mount.get("read_only"):
            written.append(mount["source"])
        volumes.append(_volume(mount, kind))
    for item, finding in _in_memory(name, body):
        volumes.append(item)
        findings += finding
    return Mounts(tuple(volumes), tuple(contents), tuple(findings), tuple(dict.fromkeys(written)))


def _fixed(mount: Mapping[str, Any]) -> bool:
    return bool(mount.get("read_only"))


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o555


def _bind(name: str, mount: Mapping[str, Any], source: Source) -> Finding:
    path = Path(mount["source"])
    shown = path.relative_to(source.base) if path.is_relative_to(source.base) else path
    why = (
        "a folder, or too large for a config" if mount.get("read_only") else "the service writes it"
    )
    return Finding(
        name, f"volumes: {shown} at {mount['target']}: has to be there on every node ({why})"
    )


def _volume(mount: Mapping[str, Any], kind: str) -> dict[str, Any]:
    found = {key: mount[key] for key in ("source", "target", "read_only") if mount.get(key)}
    found["type"] = kind
    details = mount.get(kind) or {}
    kept = {
        key: details[key] for key in ("propagation", "nocopy", "subpath", "size") if key in details
    }
    if "size" in kept:
        kept["size"] = size_of(kept["size"])
    if kept:
        found[kind] = kept
    return found


def _in_memory(
    name: str, body: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], list[Finding]]]:
    """Yield `tmpfs` and `shm_size` as mounts: `docker stack deploy` ignores the keys."""
    tmpfs = body.get("tmpfs") or ()
    for written in [tmpfs] if isinstance(tmpfs, str) else tmpfs:
        target, _, options = str(written).partition(":")
        item: dict[str, Any] = {"type": "tmpfs", "target": target}
        other = []
        for option in filter(None, options.split(",")):
            if option.startswith("size="):
                item["tmpfs"] = {"size": size_of(option[5:])}
            # A Swarm's tmpfs has these three anyway.
            elif option not in {"rw", "noexec", "nosuid", "nodev"}:
                other.append(option)
        what = f"tmpfs {target}: {', '.join(other)}: a Swarm takes a size alone"
        yield item, [Finding(name, what)] if other else []
    if body.get("shm_size"):
        size = size_of(body["shm_size"])
        yield {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": size}}, []  # noqa: S108


def size_of(written: object) -> int:
    """Return the bytes of a size as Compose writes it; raises ComposeFileError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([bkmg]?)(?:i?b)?", str(written).strip().lower())
    if match is None:
        raise ComposeFileError(f"{written!r} is no size of memory. Write it like 64m.")
    return int(float(match[1]) * _UNITS[match[2]])
