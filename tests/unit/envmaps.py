"""Stacks, layers and mappings for the tests of what makes variables of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tranship.envmap.infer import Variable
from tranship.envmap.resolve import EnvMap, load
from tranship.stack.model import Stack, parse
from tranship.stack.placement import Placement, Ports, Side

SERVICES: dict[str, dict[str, Any]] = {
    "postgres": {"ports": [{"target": 5432, "published": "15432"}]},
    "redis": {"ports": [{"target": 6379, "published": "16379"}]},
    "data-service": {"ports": [{"target": 8000, "published": "18000"}]},
}
PORTS = Ports(
    local={("postgres", 5432): 25432, ("redis", 6379): 26379, ("data-service", 8000): 28000},
    published={("postgres", 5432): 15432, ("redis", 6379): 16379, ("data-service", 8000): 18000},
)
"""Other ports on each side, so that no test passes by mixing them up."""


def stack_of(services: Mapping[str, Mapping[str, Any]]) -> Stack:
    return parse({"name": "small", "services": services}, [Path("compose.yaml")], confirmed=True)


def stack_with(api: Mapping[str, str | None] | None = None, **more: Any) -> Stack:
    """Return three services that are dialled, and `api`, which dials them."""
    body = {"ports": [{"target": 9000, "published": "19000"}], "environment": dict(api or {})}
    return stack_of({**SERVICES, "api": {**body, **more}})


def placed(stack: Stack, api: Side = "docker", others: Side = "docker") -> Placement:
    sides: dict[str, Side] = dict.fromkeys(stack.services, others)
    return Placement({**sides, "api": api})


class Envs:
    """A folder of layers with a mapping, and the map that they make with a stack."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "envs"
        self.folder.mkdir()

    def layer(self, name: str, settings: Mapping[str, Any] | str | bytes) -> Path:
        path = self.folder / f"{name}.json"
        if isinstance(settings, bytes):
            path.write_bytes(settings)
        else:
            text = settings if isinstance(settings, str) else json.dumps(settings, indent=2)
            path.write_text(text, encoding="utf-8")
        return path

    def mapping(self, text: str) -> Path:
        path = self.folder / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def open(self, stack: Stack, environment: str = "development") -> EnvMap:
        return load(stack, self.root, self.folder, environment)


def values(variables: tuple[Variable, ...]) -> dict[str, str]:
    return {item.name: item.value for item in variables}


def of_api(envmap: EnvMap, api: Side = "docker", others: Side = "docker") -> dict[str, str]:
    """Return the variables of `api`, with it and with what it dials on these sides."""
    return values(envmap.environment("api", placed(envmap.stack, api, others), PORTS))
