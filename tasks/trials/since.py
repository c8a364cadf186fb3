"""What a stack that stays up had counted before a run, to be taken off the run's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..modes.base import Mode
from . import probes
from .record import ServiceFigures, Trial

OF_THE_RUN = " of the run"
"""Added to the method of such CPU: beside one that counts from the start it compares with
nothing."""


@dataclass(frozen=True)
class Counted:
    """What was counted up to some moment; a service that is in none of them had not begun."""

    cpu_seconds: Mapping[str, float | None] = field(default_factory=dict)
    throttled_seconds: Mapping[str, float | None] = field(default_factory=dict)
    oom_kills: Mapping[str, int | None] = field(default_factory=dict)
    runtime_cpu_seconds: float | None = None


def counted(mode: Mode) -> Counted:
    """Return what the services of a mode that runs, and its own processes, have used."""
    processes = mode.processes()
    groups = {item.service: item.cgroup for item in processes if item.cgroup is not None}
    return Counted(
        {item.service: probes.usage(item).cpu_seconds for item in processes},
        {name: group.throttled_seconds() for name, group in groups.items()},
        {name: group.oom_kills() for name, group in groups.items()},
        probes.runtime_share(mode.runtime_pids()).cpu_seconds,
    )


def of_the_run(trial: Trial, before: Counted) -> Trial:
    """Return the trial of a stack that stays up, with what its counters counted since `before`."""
    runtime = trial.runtime and replace(
        trial.runtime,
        cpu_seconds=_less(trial.runtime.cpu_seconds, before.runtime_cpu_seconds),
    )
    services = {name: _figures(name, it, before) for name, it in trial.services.items()}
    return replace(trial, services=services, runtime=runtime, warm=True)


def _figures(name: str, found: ServiceFigures, before: Counted) -> ServiceFigures:
    killed = before.oom_kills.get(name) or 0
    return replace(
        found,
        cpu_seconds=_less(found.cpu_seconds, before.cpu_seconds.get(name)),
        cpu_method=found.cpu_method and found.cpu_method + OF_THE_RUN,
        throttled_seconds=_less(found.throttled_seconds, before.throttled_seconds.get(name)),
        # A container that was restarted counts anew.
        oom_kills=found.oom_kills and found.oom_kills - min(killed, found.oom_kills),
    )


def _less(now: float | None, before: float | None) -> float | None:
    """Return what was used since; None where either is unknown, or the counter began anew."""
    return None if now is None or before is None or now < before else now - before
