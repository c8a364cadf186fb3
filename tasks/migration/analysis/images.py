"""Images as the engine has them: size, user, health check, and the layers with their commands."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_SECONDS = 30


@dataclass(frozen=True)
class Layer:
    """One layer, and the command that made it."""

    size: int
    command: str


@dataclass(frozen=True)
class Image:
    """One image. Sizes are bytes."""

    name: str
    size: int
    user: str
    healthcheck: bool
    layers: tuple[Layer, ...]
    """From the base on; those without content too."""
    diff_ids: tuple[str, ...] = ()
    """The digests of the layers with content, from the base on; others may be empty too."""

    @property
    def runs_as_root(self) -> bool:
        """Whether its containers are root's, where no service says otherwise."""
        return self.user.partition(":")[0] in {"", "0", "root"}


def present(client: DockerClient, names: Iterable[str]) -> dict[str, Image]:
    """Return those of the images that the engine has, by name."""
    found = {}
    for name in sorted(set(names)):
        details = _asked(client, "image", "inspect", "--format", "{{json .}}", name)
        history = _asked(
            client,
            "image",
            "history",
            "--no-trunc",
            "--human=false",
            "--format",
            "{{json .}}",
            name,
        )
        if details and history:
            found[name] = _image(name, json.loads(details[0]), [json.loads(x) for x in history])
    return found


def _asked(client: DockerClient, *words: str) -> list[str]:
    # python-on-whales has no history, and its inspect does not know health checks.
    try:
        done = subprocess.run(
            [*map(str, client.client_config.docker_cmd), *words],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _image(name: str, details: dict[str, Any], history: list[dict[str, Any]]) -> Image:
    config = details.get("Config") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or []
    return Image(
        name=name,
        size=int(details.get("Size") or 0),
        user=str(config.get("User") or ""),
        healthcheck=bool(test) and test != ["NONE"],
        layers=tuple(
            Layer(int(item.get("Size") or 0), plain(item.get("CreatedBy") or item["Comment"]))
            for item in reversed(history)
        ),
        diff_ids=tuple((details.get("RootFS") or {}).get("Layers") or ()),
    )


def plain(created_by: str) -> str:
    """Return a command of an image's history as a Dockerfile has it."""
    text = re.sub(r"\s+# buildkit$", "", created_by.strip())
    text = re.sub(r"^/bin/sh -c #\(nop\)\s*", "", text)
    text = re.sub(r"^(?:RUN )?(?:\|\d+ .*? )?/bin/(?:ba)?sh -c ", "RUN ", text, flags=re.S)
    return " ".join(text.split())


def megabytes(size: int) -> str:
    """Return a size as `docker images` shows it: powers of ten."""
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
