"""What each service cost on either side, figure by figure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..trials.figures import ENOUGH_FOR_P99
from ..trials.record import HealthSamples, RuntimeShare, ServiceFigures, Side, Trial
from .gate_syntax import Gate
from .gates import Gates, default_gates
from .statistics import ENOUGH_RUNS, RatioEstimate, estimate, noise_of, ratio_estimate, too_few
from .targets import (
    MINIMUM_SAMPLES,
    Figure,
    Judgement,
    Measured,
    Target,
    Unit,
    Verdict,
    judge,
    ratio,
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
    gate: Gate | None = None
    """What set the target."""
    values: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    """The figure of every run that has it, in order."""
    estimate: RatioEstimate | None = None
    """None where a side ran once, or was not measured."""

    @property
    def missed(self) -> bool:
        """Whether the figure misses its target."""
        return self.judgement is not None and self.judgement.verdict is Verdict.MISSED

    @property
    def unknown(self) -> bool:
        """Whether the figure leaves its target unknown."""
        return self.judgement is not None and self.judgement.verdict is Verdict.UNKNOWN

    @property
    def beyond(self) -> bool:
        """Whether it is beyond its limit, in too few runs to tell that from noise."""
        return self.judgement is not None and self.judgement.beyond

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
    below, above = (_together(side) for side in measured)
    values = (_values(measured[0]), _values(measured[1]))
    several = all(values) and max(map(len, values)) > 1
    found = ratio_estimate(*values) if several else None
    row = ServiceRow(
        service=service,
        sides=(sides[0][0].side if sides[0] else None, sides[1][0].side if sides[1] else None),
        figure=figure,
        unit=unit,
        baseline=below.value if below else None,
        candidate=above.value if above else None,
        ratio=ratio(below, above),
        target=None,
        judgement=None,
        values=values,
        estimate=found,
    )
    interval = _interval(found, values)
    few = min(map(len, values))
    straddles = (
        "the interval straddles the limit"
        if few >= ENOUGH_RUNS
        else f"{few} of at least {ENOUGH_RUNS} runs, on both sides of the limit"
    )
    return [
        replace(
            row,
            gate=gate,
            target=gate.target,
            judgement=judge(
                gate.target,
                below,
                above,
                names=names,
                interval=interval,
                straddles=straddles,
                noise=_noise(gate.target, values),
            ),
        )
        for gate in gates.on(service, figure)
        if gate.target
    ] or ([] if figure in _ONLY_GATED else [row])


def _noise(target: Target, values: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    """Return why a figure beyond its limit may be noise; a check that failed is none."""
    if target.figure == "health rate":
        return ""
    return noise_of(*values, target.limit) if target.of == "ratio" else too_few(len(values[1]))


def _together(runs: Sequence[Measured]) -> Measured | None:
    """Return several runs of one figure as one; runs without it are left out."""
    if len(runs) < 2:
        return runs[0] if runs else None
    methods = {it.method for it in runs if it.value is not None}
    values = _values(runs)
    counts = [it.samples for it in runs if it.samples is not None]
    interval = None
    if values:
        found = estimate(values)
        interval = (found.low, found.high)
    return Measured(
        value=statistics.median(values) if values else None,
        # Runs that were measured by turns in two ways compare with nothing.
        method=methods.pop() if len(methods) == 1 else None,
        samples=min(counts, default=None),
        least=runs[0].least,
        interval=interval,
    )


def _values(runs: Sequence[Measured]) -> tuple[float, ...]:
    return tuple(float(it.value) for it in runs if it.value is not None)


def _interval(
    found: RatioEstimate | None, values: tuple[tuple[float, ...], tuple[float, ...]]
) -> tuple[float, float] | None:
    """Return where the ratio lies: the interval, or with two runs the range of the ratios."""
    if found is None:
        return None
    if found.low is not None and found.high is not None:
        return found.low, found.high
    below, above = values
    if min(map(len, values)) < ENOUGH_RUNS and min(below) > 0:
        return min(above) / max(below), max(above) / min(below)
    return None


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
