"""What `inv swarm.autoscale` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...errors import ExitCode, UsageError
from ...settings import Settings
from ...stack.placement import LOOPBACK
from ..monitoring.prometheus import Prometheus
from ..swarm.commands import name_of
from ..swarm.engine import manager
from . import replicas
from .engineapi import asking
from .figures import Asking
from .policy import policies_of
from .record import recording
from .running import Doors, Scaler

_TIMEOUT_SECONDS = 5.0
"""A source that takes longer is of no use to a decision."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; times in seconds."""

    services: tuple[str, ...] = ()
    name: str = ""
    prometheus: str = ""
    interval: float = 15.0
    seconds: float = 0.0
    """How long to go on; 0: until it is interrupted."""
    once: bool = False
    dry_run: bool = False
    record: str = ""


def autoscale(settings: Settings, asked: Asked, tell: Callable[[str], None]) -> ExitCode:
    """Scale the services by their policies; return INCONCLUSIVE for `once` without a figure."""
    policies = policies_of(settings, asked.services)
    if not asked.interval > 0:
        raise UsageError("--interval must be above 0 seconds.")
    if asked.once and asked.seconds:
        raise UsageError("Give --once or --for, not both.")
    url = _url(settings, asked.prometheus)
    stack = name_of(settings, asked.name)
    swarm = manager()
    ask = asking(swarm)
    doors = Doors(
        lambda: replicas.seen(swarm, stack),
        lambda found, count: replicas.change(ask, found, count),
    )
    with recording(asked.record) as record, Prometheus(url, timeout=_TIMEOUT_SECONDS) as source:
        scaler = Scaler(
            policies,
            doors,
            Asking(source, stack, settings.monitoring),
            record,
            tell,
            dry_run=asked.dry_run,
        )
        if asked.once:
            return scaler.once()
        scaler.run(asked.interval, asked.seconds)
    return ExitCode.SAME


def _url(settings: Settings, given: str) -> str:
    if given and not given.startswith(("http://", "https://")):
        raise UsageError(f"--prometheus {given!r}: write http://HOST:PORT.")
    return given or f"http://{LOOPBACK}:{settings.monitoring.port}"
