"""What each service cost on either side, figure by figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..trials.record import RuntimeShare, ServiceFigures, Side, Trial
from .targets import (
    Figure,
    Judgement,
    Measured,
    Target,
    Unit,
    Verdict,
    judge,
    ratio,
    target_for,
)


@dataclass(frozen=True)
class ServiceRow:
    """One figure of one service on both sides."""

    service: str
    sides: tuple[Side | None, Side | None]
    """Where it ran in the baseline and in the candidate; None where it did not."""
    figure: Figure
    unit: Unit
    baseline: float | None
    candidate: float | None
    ratio: float | None
    target: Target | None
    judgement: Judgement | None
    """None where the figure has no target."""

    @property
    def missed(self) -> bool:
        """Whether the figure misses its target."""
        return self.judgement is not None and self.judgement.verdict is Verdict.MISSED

    @property
    def unknown(self) -> bool:
        """Whether the figure leaves its target unknown."""
        return self.judgement is not None and self.judgement.verdict is Verdict.UNKNOWN

    @property
    def met(self) -> bool:
        """Whether the figure meets its target."""
        return self.judgement is not None and self.judgement.verdict is Verdict.MET


@dataclass(frozen=True)
class RuntimeRow:
    """One figure of the modes' own processes."""

    figure: Figure
    unit: Unit
    baseline: float | None
    candidate: float | None
    ratio: float | None


def _p50(figures: ServiceFigures) -> Measured:
    health = figures.health
    return Measured(
        value=health.p50_seconds if health else None, samples=health.samples if health else 0
    )


def _p95(figures: ServiceFigures) -> Measured:
    health = figures.health
    return Measured(
        value=health.p95_seconds if health else None, samples=health.samples if health else 0
    )


def _rate(figures: ServiceFigures) -> Measured:
    health = figures.health
    return Measured(value=health.rate if health else None, samples=health.samples if health else 0)


_FIGURES: tuple[tuple[Figure, Unit, Callable[[ServiceFigures], Measured]], ...] = (
    ("start-up", "seconds", lambda it: Measured(it.startup_seconds)),
    ("own start-up", "seconds", lambda it: Measured(it.own_startup_seconds)),
    ("memory", "bytes", lambda it: Measured(it.memory_bytes, it.memory_method)),
    ("CPU", "seconds", lambda it: Measured(it.cpu_seconds, it.cpu_method)),
    ("health p50", "seconds", _p50),
    ("health p95", "seconds", _p95),
    ("health rate", "share", _rate),
)


def service_rows(
    baseline: Trial | None, candidate: Trial | None, names: tuple[str, str]
) -> tuple[ServiceRow, ...]:
    """Return one row per service and figure, in the baseline's order of services."""
    left = baseline.services if baseline else {}
    right = candidate.services if candidate else {}
    return tuple(
        _row(service, left.get(service), right.get(service), index, names)
        for service in dict.fromkeys((*left, *right))
        for index in range(len(_FIGURES))
    )


def _row(
    service: str,
    left: ServiceFigures | None,
    right: ServiceFigures | None,
    index: int,
    names: tuple[str, str],
) -> ServiceRow:
    figure, unit, measure = _FIGURES[index]
    below = measure(left) if left else None
    above = measure(right) if right else None
    target = target_for(figure)
    return ServiceRow(
        service=service,
        sides=(left.side if left else None, right.side if right else None),
        figure=figure,
        unit=unit,
        baseline=below.value if below else None,
        candidate=above.value if above else None,
        ratio=ratio(below, above),
        target=target,
        judgement=judge(target, below, above, names=names) if target else None,
    )


def runtime_rows(baseline: Trial | None, candidate: Trial | None) -> tuple[RuntimeRow, ...]:
    """Return the rows of the modes' own processes; none where neither side has any."""
    left = baseline.runtime if baseline else None
    right = candidate.runtime if candidate else None
    if left is None and right is None:
        return ()
    return (
        _runtime_row("processes", "count", left, right, lambda it: it.processes),
        _runtime_row("memory", "bytes", left, right, lambda it: it.memory_bytes),
        _runtime_row("CPU", "seconds", left, right, lambda it: it.cpu_seconds),
    )


def _runtime_row(
    figure: Figure,
    unit: Unit,
    left: RuntimeShare | None,
    right: RuntimeShare | None,
    value: Callable[[RuntimeShare], float | None],
) -> RuntimeRow:
    below = value(left) if left else None
    above = value(right) if right else None
    return RuntimeRow(figure, unit, below, above, ratio(Measured(below), Measured(above)))
