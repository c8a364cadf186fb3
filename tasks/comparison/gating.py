"""The gates of a comparison: what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .gates import GateResult, Gates, judged
from .query_rows import sources
from .targets import Judgement, Verdict
from .units import quantity, times

if TYPE_CHECKING:
    from .diff import Comparison
    from .gate_syntax import Gate
    from .services import ServiceRow


def results(gates: Gates, comparison: Comparison) -> tuple[GateResult, ...]:
    """Return what became of each gate, in their order."""
    tests = _tests(comparison)
    return tuple(
        _queried(gate, comparison)
        if gate.query
        else judged(
            gate,
            [
                (said_of(row), row.judgement)
                for row in comparison.services
                if row.gate == gate and row.judgement
            ],
            tests,
        )
        for gate in gates.all
    )


def _queried(gate: Gate, comparison: Comparison) -> GateResult:
    """Return the result of a gate on a query, whose figures are of interest whatever it is."""
    row = next(row for row in comparison.queries if row.gate == gate)
    judgement = row.judgement or Judgement(Verdict.UNKNOWN)
    runs = [run for side in comparison.sides for run in side.runs]
    of_ratio = gate.target is not None and gate.target.of == "ratio"
    limit = gate.target.limit if gate.target else None
    found = []
    for side, value in zip(comparison.sides, (row.baseline, row.candidate), strict=True):
        if value is not None:
            own = limit if side is comparison.candidate and not of_ratio else None
            found.append(f"{side.name} {quantity(value, row.unit, own)}")
    if of_ratio and row.ratio is not None:
        found.append(times_between(row, limit))
    return GateResult(gate, judgement, ", ".join(found), sources(runs, gate))


def source_said(result: GateResult) -> str:
    """Return who was asked for the figure of a gate on a query."""
    return " and ".join(result.sources) or "no Prometheus yet"


def query_said(result: GateResult) -> str:
    """Return the query of a gate on one line."""
    return " ".join(result.gate.query.split())


def said_of(row: ServiceRow, *, plain: bool = False) -> str:
    """Return a service with the figure that its gate looks at, such as `api 1.21x`.

    With `plain` it is the ratio, whatever the gate looks at.
    """
    if plain or (row.target and row.target.of == "ratio"):
        limit = row.target.limit if row.target and row.target.of == "ratio" else None
        text = times_between(row, limit)
    else:
        text = quantity(row.candidate, row.unit, row.target.limit if row.target else None)
    return f"{row.service} {text}"


def times_between(row: ServiceRow, limit: float | None) -> str:
    """Return the row's ratio with its interval, where it has one: `1.21x (1.18-1.25)`."""
    found = row.estimate
    text = times(row.ratio, limit)
    if found is None or found.low is None or found.high is None:
        return text
    ends = (times(end, limit).removesuffix("x") for end in (found.low, found.high))
    return f"{text} ({'-'.join(ends)})"


def _tests(comparison: Comparison) -> Judgement:
    """Return whether the tests are the same. Those that fail alike are."""
    idle = [side.name for side in comparison.sides if not side.tests]
    if idle:
        return Judgement(Verdict.UNKNOWN, f"no test ran on {' and '.join(idle)}")
    if comparison.different or comparison.only_baseline or comparison.only_candidate:
        return Judgement(Verdict.MISSED)
    if any(side.hung for side in comparison.sides):
        return Judgement(Verdict.UNKNOWN, "a suite hung")
    if comparison.flaky:
        count = len(comparison.flaky)
        return Judgement(Verdict.UNKNOWN, f"{count} flaky" if count > 1 else "1 test is flaky")
    return Judgement(Verdict.MET)
