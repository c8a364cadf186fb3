"""What Buildx bake is told: the builds of a compose document, and nothing else of it.

Bake reads compose files, and takes from them what it knows. A build that asks for more is not
given to it; Compose builds that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

_CARRIED = frozenset(
    {
        *("additional_contexts", "args", "cache_from", "cache_to", "context", "dockerfile"),
        *("dockerfile_inline", "labels", "network", "no_cache", "platforms", "pull", "secrets"),
        *("shm_size", "tags", "target", "ulimits"),
    }
)
"""The keys of `build:` that Buildx 0.13 takes from a compose file, which is the oldest we know."""
_ALLOW_FROM, _READS_FROM = (0, 17), (0, 19)
"""The versions of Buildx whose bake asks for a leave: to use the host's network, to read files."""

EPOCH = "SOURCE_DATE_EPOCH"


class Origin(Protocol):
    """Where the sources of an image are from."""

    @property
    def epoch(self) -> str:
        """Seconds since 1970 at which they were last changed; empty when nobody knows."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that say so."""


@dataclass(frozen=True)
class Baking:
    """The builds of one call of bake, and those that it cannot carry."""

    document: Mapping[str, Any]
    """A compose document with the builds alone."""
    targets: Mapping[str, str]
    """Bake's name -> the service that builds."""
    left: Mapping[str, tuple[str, ...]]
    """Service -> the keys that only Compose can carry."""
    host_network: bool = False


@dataclass(frozen=True)
class Asked:
    """What a build is asked for beside what the compose file says."""

    pull: bool = False
    cache: bool = True
    progress: str = ""
    """As Buildx spells it; empty: `tell` hears of each step."""
    attest: tuple[str, ...] = field(default=())
    """Attestations, as `--attest` takes them."""


def baking(
    document: Mapping[str, Any],
    project: str,
    services: Iterable[str],
    origins: Mapping[str, Origin],
) -> Baking:
    """Return what bake is told about the builds of these services; `origins` is by service."""
    found: dict[str, Any] = {}
    targets: dict[str, str] = {}
    left = {}
    for name in sorted(services):
        body = document["services"][name]
        build: dict[str, Any] = {
            key: value for key, value in body["build"].items() if value not in (None, [], {})
        }
        beyond = _beyond(build)
        if beyond:
            left[name] = beyond
            continue
        origin = origins.get(name)
        image = str(body.get("image") or f"{project}-{name}")
        args = {key: value for key, value in (build.get("args") or {}).items() if value is not None}
        if origin is not None and origin.epoch:
            args.setdefault(EPOCH, origin.epoch)
        build["args"] = args
        build["labels"] = {
            **(origin.labels if origin is not None else {}),
            **(build.get("labels") or {}),
            # What Compose labels an image with that it builds itself.
            "com.docker.compose.project": project,
            "com.docker.compose.service": name,
        }
        # Bake has `image` alone where there are no other tags.
        build["tags"] = list(dict.fromkeys((image, *build.get("tags", ()))))
        target = _target(name, targets)
        targets[target] = name
        found[target] = {"build": build}
    return Baking(
        {"name": "tranship", "services": found, "secrets": document.get("secrets") or {}},
        targets,
        left,
        any(body["build"].get("network") == "host" for body in found.values()),
    )


def leave(version: str, host_network: bool) -> list[str]:
    """Return the arguments by which a newer Buildx may do what its compose file says.

    The file is the project's own, and nothing in it comes from elsewhere.
    """
    numbers = re.search(r"v?(\d+)\.(\d+)", version)
    known = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    found = ["--allow", "network.host"] if host_network and known >= _ALLOW_FROM else []
    return [*found, *(["--allow", "fs.read=*"] if known >= _READS_FROM else [])]


def _beyond(build: Mapping[str, Any]) -> tuple[str, ...]:
    keys = {key for key in build if key not in _CARRIED and not key.startswith("x-")}
    for secret in build.get("secrets") or ():
        # Bake calls a secret by its name in the file, whatever the build calls it.
        if isinstance(secret, dict) and secret.get("target") not in (None, secret.get("source")):
            keys.add("secrets.target")
    for place in (build.get("additional_contexts") or {}).values():
        if str(place).startswith("service:"):
            keys.add("additional_contexts")
    return tuple(sorted(keys))


def _target(name: str, taken: Mapping[str, str]) -> str:
    found = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    while found in taken:
        found += "_"
    return found
