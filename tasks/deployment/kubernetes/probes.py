"""Probes: when a pod gets requests, and when it is started again."""

from __future__ import annotations

import math
from typing import Any

from ..findings import Finding
from .environment import secret_words
from .model import Container
from .quantities import whole_seconds


def probes(
    container: Container, liveness: str, hidden: frozenset[str]
) -> tuple[dict[str, Any], list[Finding]]:
    """Return startupProbe, readinessProbe and livenessProbe, and what they cannot say.

    Docker starts no container again because it is unhealthy, and a health check that looks at
    a database would have every service started again with it. So `tcp` asks a living process
    for no more than its port.
    """
    found: list[Finding] = []
    asked = _asked(container, hidden, found)
    if asked is None:
        return {}, found
    check = container.healthcheck
    pace = {
        "periodSeconds": whole_seconds(check.interval),
        "timeoutSeconds": whole_seconds(check.timeout),
        "failureThreshold": max(check.retries, 1),
    }
    result: dict[str, Any] = {}
    if check.start_period > 0:
        period = whole_seconds(min(check.start_interval, check.interval))
        result["startupProbe"] = {
            **asked,
            "periodSeconds": period,
            "timeoutSeconds": pace["timeoutSeconds"],
            # Compose counts `retries` once the start period is over.
            "failureThreshold": math.ceil(check.start_period / period) + pace["failureThreshold"],
        }
    result["readinessProbe"] = {**asked, **pace}
    port = _port(container)
    if liveness == "health" or (liveness == "tcp" and port is None):
        result["livenessProbe"] = {**asked, **pace}
    elif liveness == "tcp":
        result["livenessProbe"] = {"tcpSocket": {"port": port}, **pace}
    return result, found


def _port(container: Container) -> int | None:
    health = container.service.health
    return health.port if health else container.service.container_port


def _asked(
    container: Container, hidden: frozenset[str], found: list[Finding]
) -> dict[str, Any] | None:
    health, command = container.service.health, container.healthcheck.command
    if health is not None and health.kind == "http":
        return {"httpGet": {"path": health.path, "port": health.port}}
    if health is not None and health.kind == "tcp":
        return {"tcpSocket": {"port": health.port}}
    port = _port(container)
    if command and any(secret_words(command, hidden)):
        found.append(
            Finding(
                container.name,
                "healthcheck: its command line holds a secret, which every reader of the pod "
                "would see; " + (f"port {port} is asked instead" if port else "left out"),
            )
        )
    elif command:
        return {"exec": {"command": list(command)}}
    return {"tcpSocket": {"port": port}} if port is not None and (health or command) else None
