"""Stacks that are translated for Swarm, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tranship.deployment.swarm.images import own_images
from tranship.deployment.swarm.model import Source, StackFile
from tranship.deployment.swarm.options import Options
from tranship.deployment.swarm.translation import translate


def source_of(services: dict[str, Any], base: Path = Path("/srv"), **more: Any) -> Source:
    """Return a source of these services; each without an image gets one."""
    top = {
        key: more.pop(key) for key in ("configs", "secrets", "networks", "volumes") & more.keys()
    }
    bodies = {
        name: {**({} if {"image", "build"} & set(body) else {"image": f"{name}:1"}), **body}
        for name, body in services.items()
    }
    return Source(
        name="shop",
        document={"name": "shop", "services": bodies, **top},
        services=tuple(bodies),
        own_images=own_images("shop", bodies),
        base=base,
        **more,
    )


def translated(
    body: dict[str, Any], options: Options | None = None, **more: Any
) -> tuple[dict[str, Any], StackFile]:
    """Return the only service, and the whole file."""
    found = translate(source_of({"web": body}, **more), options or Options())
    return found.document["services"]["web"], found
