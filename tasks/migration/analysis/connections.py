"""Connections between services: which variable leads where on each side, secrets hidden."""

from __future__ import annotations

from collections.abc import Iterable

from ...envmap.checks import Subject
from ...envmap.checks.addresses import dialled, is_loopback
from ...envmap.infer import Variable
from ...envmap.secrets import mask_text, mask_value
from .model import Row, Table

_SHOWN = 60


def connections(subject: Subject, hidden: frozenset[str]) -> Table:
    """Return each variable that dials a service of the stack, and its value on both sides."""
    rows = []
    for service, variables in sorted(subject.docker.items()):
        local = {item.name: item.value for item in subject.local.get(service, ())}
        for name, targets in _targets(subject, variables).items():
            docker = {item.name: item.value for item in variables}[name]
            shown = [_shown(name, value, hidden) for value in (local.get(name, "-"), docker)]
            rows.append((service, name, ", ".join(targets), *shown))
    headers = ("service", "variable", "leads to", "local", "docker")
    return Table("Connections", headers, tuple(rows), "No variable names another service.")


def _targets(subject: Subject, variables: Iterable[Variable]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    services = subject.envmap.stack.services
    for name, address in dialled({item.name: item.value for item in variables}):
        if address.host in services or is_loopback(address.host):
            known = found.setdefault(name, [])
            if address.host not in known:
                known.append(address.host)
    return found


def _shown(name: str, value: str, hidden: frozenset[str]) -> str:
    text = mask_text(mask_value(name, value), hidden)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def logs(rows: Iterable[Row]) -> Table:
    """Return how the logs of each service are kept."""
    headers = ("service", "driver", "bounded by")
    return Table("Log collection", headers, tuple(rows), "No service.")
