"""One figure on both sides, of several runs each, and whether it meets its target."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..trials.record import Side
from .gate_syntax import Gate
from .statistics import ENOUGH_RUNS, RatioEstimate, estimate, noise_of, ratio_estimate, too_few
from .targets import Figure, Judgement, Measured, Target, Unit, Verdict, judge, ratio


@dataclass(frozen=True)
class ServiceRow:
    """One figure of one service, or of a query, on both sides."""

    service: str
    """Of a query, the gate's name."""
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
    def unread(self) -> bool:
        """Whether its source, a Prometheus, did not say the figure."""
        return self.judgement is not None and self.judgement.unread

    @property
    def met(self) -> bool:
        """Whether the figure meets its target."""
        return self.judgement is not None and self.judgement.verdict is Verdict.MET


def figure_row(
    service: str,
    figure: Figure,
    unit: Unit,
    measured: Sequence[Sequence[Measured]],
    sides: tuple[Side | None, Side | None] = (None, None),
) -> ServiceRow:
    """Return the row of a figure without a target; `measured` has the runs of either side."""
    below, above = (_together(side) for side in measured)
    values = (_values(measured[0]), _values(measured[1]))
    several = all(values) and max(map(len, values)) > 1
    return ServiceRow(
        service=service,
        sides=sides,
        figure=figure,
        unit=unit,
        baseline=below.value if below else None,
        candidate=above.value if above else None,
        ratio=ratio(below, above),
        target=None,
        judgement=None,
        values=values,
        estimate=ratio_estimate(*values) if several else None,
    )


def judged_row(
    row: ServiceRow,
    gate: Gate,
    measured: Sequence[Sequence[Measured]],
    names: tuple[str, str],
) -> ServiceRow:
    """Return the row with the gate's target, and what became of that; `names` are the sides."""
    if gate.target is None:
        return row
    below, above = (_together(side) for side in measured)
    few = min(map(len, row.values))
    straddles = (
        "the interval straddles the limit"
        if few >= ENOUGH_RUNS
        else f"{few} of at least {ENOUGH_RUNS} runs, on both sides of the limit"
    )
    judgement = judge(
        gate.target,
        below,
        above,
        names=names,
        interval=_interval(row.estimate, row.values),
        straddles=straddles,
        noise=_noise(row, gate.target),
    )
    return replace(row, gate=gate, target=gate.target, judgement=judgement)


def _noise(row: ServiceRow, target: Target) -> str:
    """Return why a figure beyond its limit may be noise.

    A health check that failed is none; nor is a count, which a query without a unit is taken for.
    """
    if target.figure == "health rate":
        return ""
    if target.of == "ratio":
        return noise_of(*row.values, target.limit)
    counted = target.figure == "query" and row.unit in ("number", "share")
    return "" if counted else too_few(len(row.values[1]))


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
