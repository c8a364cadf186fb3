"""What the queries of the gates came to on both sides, and whether it meets the thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..trials.record import Queried, Trial
from .gate_syntax import Gate
from .gates import Gates
from .rows import ServiceRow, figure_row, judged_row
from .targets import Judgement, Measured, Verdict

NOT_ASKED = (
    "not asked; name a Prometheus in [tool.tranship.gates] prometheus before the run, or by "
    "--prometheus URL now"
)


def query_rows(
    baseline: Trial | Sequence[Trial] | None,
    candidate: Trial | Sequence[Trial] | None,
    names: tuple[str, str],
    gates: Gates,
) -> tuple[ServiceRow, ...]:
    """Return a row for each gate on a query, from what the records of both sides hold."""
    sides = [_runs(side) for side in (baseline, candidate)]
    return tuple(_row(gate, sides, names) for gate in gates.all if gate.query)


def sources(runs: Sequence[Trial], gate: Gate) -> tuple[str, ...]:
    """Return which Prometheus was asked the query of a gate; none where it never was."""
    found = (it.source for run in runs for it in run.queried if it.query == gate.query)
    return tuple(dict.fromkeys(filter(None, found)))


def _runs(side: Trial | Sequence[Trial] | None) -> tuple[Trial, ...]:
    if side is None:
        return ()
    return (side,) if isinstance(side, Trial) else tuple(side)


def _row(gate: Gate, sides: Sequence[Sequence[Trial]], names: tuple[str, str]) -> ServiceRow:
    measured = [[Measured(_queried(run, gate).value) for run in runs] for runs in sides]
    row = figure_row(gate.key, "query", gate.unit, measured)
    needed = (0, 1) if gate.target and gate.target.of == "ratio" else (1,)
    doubts = {names[side]: _doubt(sides[side], gate) for side in needed}
    reason = _joined({name: doubt for name, doubt in doubts.items() if doubt})
    if reason:
        unread = Judgement(Verdict.UNKNOWN, reason, unread=True)
        return replace(row, gate=gate, target=gate.target, judgement=unread)
    return judged_row(row, gate, measured, names)


def _queried(run: Trial, gate: Gate) -> Queried:
    found = next((it for it in run.queried if it.query == gate.query), None)
    if found is not None:
        return found
    return Queried(gate.query, fault=NOT_ASKED)


def _doubt(runs: Sequence[Trial], gate: Gate) -> str:
    """Return why a side has no figure. One run without it is enough: the others prove nothing."""
    if not runs:
        return "no trial"
    for number, run in enumerate(runs, 1):
        found = _queried(run, gate)
        if found.value is None:
            which = f"run {number} of {len(runs)}: " if len(runs) > 1 else ""
            fault = found.fault or "no value on record"
            return which + ("no suite ran" if run.suite is None else fault)
    return ""


def _joined(doubts: Mapping[str, str]) -> str:
    if len(set(doubts.values())) == 1:
        return f"{' and '.join(doubts)}: {next(iter(doubts.values()))}"
    return "; ".join(f"{name}: {doubt}" for name, doubt in doubts.items())
