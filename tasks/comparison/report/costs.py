"""What each service costs as a table, and what became of the gates."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..diff import Comparison
from ..gates import GateResult
from ..gating import query_said, source_said, times_between
from ..services import ServiceRow
from ..targets import Verdict
from ..units import quantity, threshold, times
from .elements import Cell, Choice, Column, Grid, Ink, Row, chip, note

_VERDICTS = {
    Verdict.MET: ("good", "\N{CHECK MARK} met"),
    Verdict.MISSED: ("bad", "\N{BALLOT X} missed"),
    Verdict.UNKNOWN: ("doubt", "? unknown"),
}
_GATES = {
    Verdict.MET: ("good", "\N{CHECK MARK} pass"),
    Verdict.MISSED: ("bad", "\N{BALLOT X} fail"),
    Verdict.UNKNOWN: ("doubt", "? inconclusive"),
}


def gates(comparison: Comparison, ink: Ink) -> str:
    """Return the table of the project's gates; the targets stand beside the services' figures."""
    if not comparison.gates_declared:
        return note("The project declares no gates: the default targets stand under Services.")
    return Grid(
        "gates",
        "Gates",
        [Column("gate"), Column("verdict"), Column("figures"), Column("source")],
        [
            Row(
                [
                    Cell(ink(str(it.gate)), css="code"),
                    Cell(chip(*_GATES[it.judgement.verdict])),
                    Cell(ink("; ".join(filter(None, (it.figures, it.judgement.reason))))),
                    Cell(_source(it, ink)),
                ],
                it.judgement.verdict.value,
            )
            for it in comparison.gates
        ],
        [
            Choice("every gate", frozenset({"met", "missed", "unknown"}), True),
            Choice("failed and inconclusive", frozenset({"missed", "unknown"})),
        ],
    ).html()


def _source(it: GateResult, ink: Ink) -> str:
    """Return where a gate's figures are from: the trials, or a Prometheus and its query."""
    if not it.gate.query:
        return "the trials"
    return f'{ink(source_said(it))}<span class="message">{ink(query_said(it))}</span>'


def services(comparison: Comparison, ink: Ink) -> str:
    """Return the table of figures against targets, and why some are unknown."""
    rows = [*(_service_row(row, ink) for row in comparison.services), *_runtime(comparison)]
    if not rows:
        return note("No service was measured.")
    return Grid(
        "services",
        "What each service costs",
        [
            Column("service"),
            Column("figure"),
            *(Column(ink.plain(side.name), True) for side in comparison.sides),
            Column("ratio", True),
            Column("target"),
            Column("verdict"),
        ],
        rows,
        [
            Choice("every figure", frozenset({"met", "missed", "unknown", "none"}), True),
            Choice("missed and unknown", frozenset({"missed", "unknown"})),
            Choice("what has a target", frozenset({"met", "missed", "unknown"})),
        ],
    ).html()


def _service_row(row: ServiceRow, ink: Ink) -> Row:
    on_ratio = row.target is not None and row.target.of == "ratio"
    limit = row.target.limit if row.target else None
    verdict, state = "", "none"
    if row.judgement:
        state = row.judgement.verdict.value
        verdict = chip(*_VERDICTS[row.judgement.verdict])
        if row.judgement.reason:
            verdict += f'<span class="message">{ink(row.judgement.reason)}</span>'
    baseline, candidate = row.sides
    both = f" ({baseline} in both)" if baseline == candidate else ""
    return Row(
        [
            Cell(ink(row.service + both)),
            Cell(escape(row.figure)),
            Cell(escape(quantity(row.baseline, row.unit)) + _spread(row, 0), row.baseline),
            Cell(
                escape(quantity(row.candidate, row.unit, None if on_ratio else limit))
                + _spread(row, 1),
                row.candidate,
            ),
            Cell("")
            if row.unit == "share"
            else Cell(escape(times_between(row, limit if on_ratio else None)), row.ratio),
            Cell(escape(threshold(row.target, row.unit)) if row.target else ""),
            Cell(verdict),
        ],
        state,
    )


def _spread(row: ServiceRow, side: int) -> str:
    if row.estimate is None:
        return ""
    found = (row.estimate.baseline, row.estimate.candidate)[side]
    if found.n < 2:
        return ""
    return f'<span class="message">&plusmn; {escape(quantity(found.spread, row.unit))}</span>'


def _runtime(comparison: Comparison) -> Iterator[Row]:
    for row in comparison.runtime:
        yield Row(
            [
                Cell("(runtime)"),
                Cell(escape(row.figure)),
                Cell(escape(quantity(row.baseline, row.unit)), row.baseline),
                Cell(escape(quantity(row.candidate, row.unit)), row.candidate),
                Cell(times(row.ratio), row.ratio),
                Cell(""),
                Cell(""),
            ],
            "none",
        )
