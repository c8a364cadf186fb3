"""What the compose files of two stacks in containers say of the services, each key a factor.

A hardened production differs from Docker mode in nothing but this: `web: read_only`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...envmap.secrets import mask_value
from .change import Change
from .factors import Factor

_LEFT_OUT = frozenset(
    {
        *("build", "container_name", "depends_on", "env_file", "expose", "extends", "image"),
        *("labels", "links", "logging", "profiles", "pull_policy", "restart", "healthcheck"),
        # Of the whole stack, or with values that are the run's own.
        *("configs", "environment", "network_mode", "networks", "ports", "secrets", "volumes"),
    }
)
_SUSPICION = 13
"""Above what both sides make of themselves: somebody wrote this."""
PREFIX = "service:"


def service_factors(
    failing: Mapping[str, Any], passing: Mapping[str, Any], suite: str, *, candidate_fails: bool
) -> Iterator[Factor]:
    """Yield what two compose documents say otherwise of the services that both have."""
    known, wanted = failing["services"], passing["services"]
    for name in sorted(known.keys() & wanted.keys() - {suite}):
        for key, here, there in _differences(known[name], wanted[name]):
            change = Change(services={name: {key: there}})
            shown = [None if it is None else json.dumps(it) for it in (here, there)]
            yield _factor(f"{name}:{key}", shown, change, candidate_fails)
        for key, here, there in _variables(known[name], wanted[name]):
            change = Change(services={name: {"environment": {key: there}}})
            yield _factor(f"{name}:env:{key}", [here, there], change, candidate_fails)


def _factor(key: str, values: list[str | None], change: Change, candidate_fails: bool) -> Factor:
    baseline, candidate = values[::-1] if candidate_fails else values
    return Factor(f"{PREFIX}{key}", baseline, candidate, change, suspicion=_SUSPICION)


def _differences(
    failing: Mapping[str, Any], passing: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted((failing.keys() | passing.keys()) - _LEFT_OUT):
        here, there = failing.get(key), passing.get(key)
        if (here or None) != (there or None) and not key.startswith("x-"):
            yield key, here, there


def _variables(
    failing: Mapping[str, Any], passing: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, str | None]]:
    known, wanted = (body.get("environment") or {} for body in (failing, passing))
    for name in sorted(known.keys() | wanted.keys()):
        here, there = known.get(name), wanted.get(name)
        # Each run has secrets of its own, and one of the other's opens nothing here.
        hidden = any(it is not None and mask_value(name, it) != it for it in (here, there))
        if here != there and not hidden:
            yield name, here, there


def served(
    document: Mapping[str, Any], services: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a compose document in which services have these keys; None takes a key away."""
    made: dict[str, Any] = copy.deepcopy(dict(document))
    for name, body in services.items():
        for key, value in body.items():
            if key == "environment":
                given = {**(made["services"][name].get(key) or {}), **value}
                value = {k: v for k, v in given.items() if v is not None}
            if value is None:
                made["services"][name].pop(key, None)
            else:
                made["services"][name][key] = value
    return made
