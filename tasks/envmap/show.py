"""The mapping as a table: what each variable is on each side, and the rule that says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, near
from ..stack.model import Stack
from ..stack.placement import Placement, Ports, Side, declared_ports
from .infer import Variable
from .resolve import EnvMap
from .secrets import mask_value

MODES = ("local", "docker")
PRODUCTION = "production"
"""The mode of a run that is the docker placement in the environment of this name."""
SWARM = "swarm"
"""The mode of a run that is the docker placement as a stack of a Docker Swarm."""


def placement_of(mode: str, stack: Stack, suite: str | None = None) -> Placement:
    """Return the placement that a mode's name means.

    `docker` has every service in a container. `local` has those on this host that have a
    local recipe, and the suite; a profile's service without a recipe does not run in it.
    `hybrid:a,b` (or a+b) has a and b on this host, the suite too, and the rest in containers.
    Raises UsageError or UnknownServiceError.
    """
    if mode == "docker":
        return Placement(dict.fromkeys(stack.services, "docker"))
    if mode == "local":
        chosen = {
            name
            for name, service in stack.services.items()
            if service.local is not None or name == suite
        }
        return Placement(
            {
                name: "local" if name in chosen else "docker"
                for name, service in stack.services.items()
                if name in chosen or not service.profiles
            }
        )
    if mode.startswith("hybrid:"):
        chosen = set(filter(None, (part.strip() for part in re.split("[,+]", mode[7:]))))
        for name in chosen:
            if stack.service(name).local is None:
                raise UsageError(f"{name} has no x-tranship.local: it cannot run on this host.")
    else:
        raise UsageError(
            f"Unknown mode {mode!r}{near(mode, MODES)}. Modes: local, docker, hybrid:SERVICE,..."
        )
    sides: dict[str, Side] = {
        name: "local" if name in chosen or name == suite else "docker" for name in stack.services
    }
    return Placement(sides)


@dataclass(frozen=True)
class Row:
    """One variable of one service in two modes; None where a mode leaves it out."""

    service: str
    variable: str
    values: tuple[str | None, ...]
    rule: str

    @property
    def changed(self) -> bool:
        """Whether the modes disagree."""
        return len(set(self.values)) > 1


def rows(
    envmap: EnvMap,
    modes: Iterable[str] = MODES,
    services: Iterable[str] = (),
    ports: Ports | None = None,
    suite: str | None = None,
) -> tuple[Row, ...]:
    """Return every variable of these services (default: all) in these modes.

    The ports are the developer's own unless others are given. Raises what
    `EnvMap.environment` raises.
    """
    stack = envmap.stack
    dialled = ports or declared_ports(stack)
    placements = [placement_of(mode, stack, suite) for mode in modes]
    found = []
    for name in [stack.service(service).name for service in services] or stack.services:
        resolved = [
            {item.name: item for item in envmap.environment(name, placement, dialled)}
            if name in placement.sides
            else {}
            for placement in placements
        ]
        for variable in sorted({key for items in resolved for key in items}):
            given = [items.get(variable) for items in resolved]
            found.append(
                Row(
                    name,
                    variable,
                    tuple(item.value if item else None for item in given),
                    _rule(given, envmap.root),
                )
            )
    return tuple(found)


def _rule(given: Iterable[Variable | None], root: Path) -> str:
    rules = dict.fromkeys(
        item.origin.shown(root) if item.origin is not None else item.rule
        for item in given
        if item is not None and item.rule is not None
    )
    return ", ".join(rule for rule in rules if rule) or "as declared"


def shown(row: Row, *, unset: str = "-") -> list[str]:
    """Return a row's cells, secrets hidden."""
    values = [unset if value is None else mask_value(row.variable, value) for value in row.values]
    changed = ["yes" if row.changed else ""] if len(row.values) > 1 else []
    return [row.service, row.variable, *values, *changed, row.rule]


def headers(modes: Iterable[str]) -> list[str]:
    """Return the headers of the table."""
    names = list(modes)
    return ["service", "variable", *names, *(["changed"] if len(names) > 1 else []), "rule"]


def as_mapping(variables: Iterable[Variable]) -> Mapping[str, str]:
    """Return name -> value."""
    return {item.name: item.value for item in variables}
