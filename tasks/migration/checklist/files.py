"""The files that make a stack what it is: evidence holds for as long as they stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...envmap.layers import environments
from ...envmap.project import Project

_SHOWN = 12
"""Digits of SHA-256 that are kept: enough to tell one version of a file from the next."""


def stack_files(project: Project) -> tuple[Path, ...]:
    """Return compose files of every environment, env files, layers, mapping and Dockerfiles."""
    settings = project.settings
    compose = project.compose.files
    base = compose[0].parent if compose else settings.root
    overlays = (
        settings.root / settings.overlay.format(environment=name)
        for name in (*environments(settings.layers), settings.suite.environment)
    )
    services: Mapping[str, Any] = project.document.get("services") or {}
    found = [
        *settings.compose_files,
        *compose,
        *overlays,
        base / ".env",
        *sorted(settings.layers.glob("*.json")),
        settings.layers / "mapping.toml",
        *(path for body in services.values() for path in _of_service(body, base)),
    ]
    return tuple(path for path in dict.fromkeys(found) if path.is_file())


def _of_service(body: Mapping[str, Any], base: Path) -> Iterable[Path]:
    build = body.get("build")
    if build:
        details = {"context": build} if isinstance(build, str) else build
        context = Path(base, str(details.get("context", ".")))
        yield context / str(details.get("dockerfile") or "Dockerfile")
    entries = body.get("env_file") or ()
    for entry in [entries] if isinstance(entries, str) else entries:
        yield Path(base, str(entry.get("path") if isinstance(entry, Mapping) else entry))


def digests(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Return path, as shown from the root -> the beginning of its SHA-256."""
    found = {}
    for path in paths:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        found[str(shown)] = hashlib.sha256(path.read_bytes()).hexdigest()[:_SHOWN]
    return found


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files that were added, removed or changed; sorted."""
    return tuple(sorted(name for name in {*before, *now} if before.get(name) != now.get(name)))


def newest(paths: Iterable[Path]) -> tuple[Path, float] | None:
    """Return the file that was written last, and when (seconds since the epoch)."""
    times = {path: path.stat().st_mtime for path in paths}
    return max(times.items(), key=lambda pair: pair[1]) if times else None
