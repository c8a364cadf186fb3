"""What each service cost on either side, figure by figure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..trials.figures import ENOUGH_FOR_P99
from ..trials.record import HealthSamples, RuntimeShare, ServiceFigures, Trial
from .gates import Gates, default_gates
from .rows import ServiceRow as ServiceRow
from .rows import figure_row, judged_row
from .targets import MINIMUM_SAMPLES, Figure, Measured, Unit, ratio


@dataclass(frozen=True)
class RuntimeRow:
    """One figure of the modes' own processes."""

    figure: Figure
    unit: Unit
    baseline: float | None
    candidate: float | None
    ratio: float | None


def _health(
    value: Callable[[HealthSamples], float | None], least: int = MINIMUM_SAMPLES
) -> Callable[[ServiceFigures], Measured]:
    """Return what reads one figure of the health probes, which takes so many samples."""

    def measured(figures: ServiceFigures) -> Measured:
        health = figures.health
        if health is None:
            return Measured(None, samples=0, least=least)
        # A percentile is one of the answers; those that failed have none.
        counted = health.samples if least == MINIMUM_SAMPLES else health.passed
        return Measured(value(health), samples=counted, least=least)

    return measured


_FIGURES: tuple[tuple[Figure, Unit, Callable[[ServiceFigures], Measured]], ...] = (
    ("start-up", "seconds", lambda it: Measured(it.startup_seconds)),
    ("own start-up", "seconds", lambda it: Measured(it.own_startup_seconds)),
    ("memory", "bytes", lambda it: Measured(it.memory_bytes, it.memory_method)),
    ("CPU", "seconds", lambda it: Measured(it.cpu_seconds, it.cpu_method)),
    ("health p50", "seconds", _health(lambda it: it.p50_seconds)),
    ("health p95", "seconds", _health(lambda it: it.p95_seconds)),
    ("health p99", "seconds", _health(lambda it: it.p99_seconds, ENOUGH_FOR_P99)),
    ("health rate", "share", _health(lambda it: it.rate)),
)
_ONLY_GATED = frozenset[Figure]({"health p99"})
"""Figures that have a row only where a gate asks for them."""


def service_rows(
    baseline: Trial | Sequence[Trial] | None,
    candidate: Trial | Sequence[Trial] | None,
    names: tuple[str, str],
    gates: Gates | None = None,
) -> tuple[ServiceRow, ...]:
    """Return the rows per service and figure, in the baseline's order of services.

    A side is one trial, or several runs of it. A figure has a row for each gate on it, and one
    row where there is none.
    """
    left, right = _runs(baseline), _runs(candidate)
    chosen = gates or default_gates()
    services = dict.fromkeys(name for trial in (*left, *right) for name in trial.services)
    return tuple(
        row
        for service in services
        for index in range(len(_FIGURES))
        for row in _rows(service, left, right, index, names, chosen)
    )


def _runs(side: Trial | Sequence[Trial] | None) -> tuple[Trial, ...]:
    if side is None:
        return ()
    return (side,) if isinstance(side, Trial) else tuple(side)


def _rows(
    service: str,
    left: Sequence[Trial],
    right: Sequence[Trial],
    index: int,
    names: tuple[str, str],
    gates: Gates,
) -> list[ServiceRow]:
    figure, unit, measure = _FIGURES[index]
    sides = [
        [it.services[service] for it in runs if service in it.services] for runs in (left, right)
    ]
    measured = [[measure(figures) for figures in side] for side in sides]
    row = figure_row(
        service,
        figure,
        unit,
        measured,
        (sides[0][0].side if sides[0] else None, sides[1][0].side if sides[1] else None),
    )
    return [
        judged_row(row, gate, measured, names) for gate in gates.on(service, figure) if gate.target
    ] or ([] if figure in _ONLY_GATED else [row])


def runtime_rows(
    baseline: Trial | Sequence[Trial] | None, candidate: Trial | Sequence[Trial] | None
) -> tuple[RuntimeRow, ...]:
    """Return the rows of the modes' own processes; none where neither side has any."""
    left = [run.runtime for run in _runs(baseline) if run.runtime]
    right = [run.runtime for run in _runs(candidate) if run.runtime]
    if not left and not right:
        return ()
    return (
        _runtime_row("processes", "count", left, right, lambda it: it.processes),
        _runtime_row("memory", "bytes", left, right, lambda it: it.memory_bytes),
        _runtime_row("CPU", "seconds", left, right, lambda it: it.cpu_seconds),
    )


def _runtime_row(
    figure: Figure,
    unit: Unit,
    left: Sequence[RuntimeShare],
    right: Sequence[RuntimeShare],
    value: Callable[[RuntimeShare], float | None],
) -> RuntimeRow:
    below, above = (_median(map(value, side)) for side in (left, right))
    return RuntimeRow(figure, unit, below, above, ratio(Measured(below), Measured(above)))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
