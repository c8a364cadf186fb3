"""Triggers: what is seen in the watch that sends a switch back, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...settings import TriggerSettings


@dataclass(frozen=True)
class Reading:
    """What one check of the watch saw. `None` as a whole: nothing answered that could tell."""

    healthy: Mapping[str, bool] = field(default_factory=dict)
    """Service -> whether it answered its probe."""
    latency: Mapping[str, float] = field(default_factory=dict)
    """Service -> seconds until it answered."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Service -> bytes."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Service -> how often it was started again since the watch began."""

    @property
    def rate(self) -> float:
        """The share of services that answered."""
        return sum(self.healthy.values()) / len(self.healthy) if self.healthy else 1.0


@dataclass(frozen=True)
class Baseline:
    """What the source measured before anything was done."""

    latency: Mapping[str, float] = field(default_factory=dict)
    """Service -> 95th percentile of its health probe, seconds."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Service -> bytes."""


@dataclass(frozen=True)
class Fired:
    """A trigger and what it saw."""

    trigger: str
    why: str


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """Return the value that this share of the values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * share) - 1)]


def judge(
    readings: Sequence[Reading | None], baseline: Baseline, limits: TriggerSettings
) -> Fired | None:
    """Return the trigger that fires after these checks, oldest first; None: all is well."""
    seen = [reading for reading in readings if reading is not None]
    crash = _crash_loop(seen, limits)
    if crash is not None:
        return crash
    running = readings[-limits.checks :]
    if len(running) < limits.checks:
        return None
    if all(reading is None for reading in running):
        return Fired(
            "silence", f"no measurement in {limits.checks} checks running: nothing answers."
        )
    last = [reading for reading in running if reading is not None]
    if len(last) < limits.checks:
        return None
    return _health(last, limits) or _worse(last, baseline, limits)


def _crash_loop(seen: Sequence[Reading], limits: TriggerSettings) -> Fired | None:
    for service, count in seen[-1].restarts.items() if seen else ():
        if limits.restarts and count >= limits.restarts:
            return Fired("crash loop", f"{service} was started again {count} times since the move.")
    return None


def _health(last: Sequence[Reading], limits: TriggerSettings) -> Fired | None:
    if not all(reading.rate < limits.health for reading in last):
        return None
    ill = sorted(name for name, healthy in last[-1].healthy.items() if not healthy)
    return Fired(
        "health",
        f"{last[-1].rate:.0%} of the services were healthy, under {limits.health:.0%}, in "
        f"{len(last)} checks running: {', '.join(ill)} did not answer.",
    )


def _worse(last: Sequence[Reading], baseline: Baseline, limits: TriggerSettings) -> Fired | None:
    """Compare with the baseline; what is small in itself may be many times what it was."""
    for service, before in baseline.latency.items():
        measured = [r.latency[service] for r in last if service in r.latency]
        if len(measured) < len(last):
            continue
        least = min(measured)
        if least > max(before * (1 + limits.worse), limits.latency_floor):
            return Fired(
                "latency",
                f"{service} answers its health probe after {least * 1000:.0f} ms or more in "
                f"{len(last)} checks running; 95 % took {before * 1000:.0f} ms at most before.",
            )
    for service, held in baseline.memory.items():
        sizes = [r.memory[service] for r in last if service in r.memory]
        if len(sizes) < len(last):
            continue
        size = min(sizes)
        if size > max(held * (1 + limits.worse), limits.memory_floor * 2**20):
            return Fired(
                "memory",
                f"{service} holds {size / 2**20:.0f} MiB in {len(last)} checks running, "
                f"{held / 2**20:.0f} MiB before.",
            )
    return None
