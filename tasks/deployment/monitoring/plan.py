"""What is monitored: the services that have metrics, and the networks they are reached by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import SettingsError, UsageError
from ...settings import MonitoringSettings, Settings
from ...stack.model import Stack

EXPORTER_PORT = 9100
NO_METRICS = (
    "No service has metrics. Name them in the compose file, beside the service: "
    "x-tranship: {metrics: {path: /metrics}}."
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
"""Source: Prometheus documentation, "Data model"; a label has no colon."""


@dataclass(frozen=True)
class Target:
    """A service as Prometheus reads it from inside the stack's networks."""

    service: str
    port: int
    path: str


@dataclass(frozen=True)
class Plan:
    """All that the configuration, the rules and the dashboard are made of."""

    stack: str
    """The compose project that is watched."""
    targets: tuple[Target, ...]
    watched: tuple[str, ...]
    """Services whose containers must run: those that are not expected to exit."""
    networks: tuple[str, ...]
    """The engine's names of the networks that the targets are on."""
    settings: MonitoringSettings

    @property
    def project(self) -> str:
        """The compose project of Prometheus itself: beside the stack's, never part of it."""
        return f"{self.stack}-monitoring"


def plan_of(
    settings: Settings, stack: Stack, document: Mapping[str, Any], present: Iterable[str]
) -> Plan:
    """Return the plan for the services without a profile, and for those that are `present`.

    Raises UsageError where no service has metrics, SettingsError for what is no setting.
    """
    checked(settings)
    names = {service.name for service in stack.selected()} | set(present) & set(stack.services)
    targets = tuple(
        Target(service.name, service.metrics.port, service.metrics.path)
        for service in stack.services.values()
        if service.metrics is not None and service.name in names
    )
    if not targets:
        raise UsageError(NO_METRICS)
    return Plan(
        stack=stack.name,
        targets=targets,
        watched=tuple(sorted(name for name in names if not stack.expected_to_exit(name))),
        networks=_networks(stack, document, targets),
        settings=settings.monitoring,
    )


def _networks(
    stack: Stack, document: Mapping[str, Any], targets: tuple[Target, ...]
) -> tuple[str, ...]:
    known = document.get("networks") or {}
    found: dict[str, None] = {}
    for target in targets:
        body = document["services"][target.service]
        if body.get("network_mode"):
            raise UsageError(
                f"{target.service} has network_mode {body['network_mode']!r}: Prometheus does not "
                "reach it from a network of the stack. Take its x-tranship.metrics away."
            )
        for name in body.get("networks") or {"default": None}:
            found[str((known.get(name) or {}).get("name") or f"{stack.name}_{name}")] = None
    return tuple(found)


def checked(settings: Settings) -> None:
    """Raise SettingsError for a port, a name or a number that Prometheus would refuse."""
    own = settings.monitoring
    where = f"{settings.root / 'pyproject.toml'}: [tool.tranship.monitoring]"
    for key in ("port", "grafana_port"):
        if not 0 < getattr(own, key) < 65536:
            raise SettingsError(
                f'{where} "{key.replace("_", "-")}": {getattr(own, key)} is no port.'
            )
    for key in ("requests", "duration", "status"):
        if not _NAME.fullmatch(getattr(own, key)):
            raise SettingsError(
                f'{where} "{key}": {getattr(own, key)!r} is no name of Prometheus. Write letters, '
                "digits and underscores."
            )
    for key in ("window", "retention", "latency", "errors", "memory", "restarts"):
        if not getattr(own, key) > 0:
            raise SettingsError(f'{where} "{key}": must be above 0.')
    if own.hold < 0:
        raise SettingsError(f'{where} "hold": must not be below 0.')
    if own.window < 2 * own.interval:
        raise SettingsError(
            f'{where} "window": {own.window:g} s hold no two readings of one target, which come '
            f"every {own.interval:g} s. Make it {2 * own.interval:g} or more."
        )
