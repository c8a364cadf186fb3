"""Table (e): what each service costs on either side, against the targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from .diff import Comparison
from .gating import times_between
from .layout import Style
from .services import ServiceRow
from .statistics import Estimate
from .targets import Verdict
from .units import quantity, threshold, times

_SYMBOLS = {
    Verdict.MET: ("\N{CHECK MARK}", "+"),
    Verdict.MISSED: ("\N{BALLOT X}", "x"),
    Verdict.UNKNOWN: ("?", "?"),
}


def service_blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the table of services, then why targets are unknown; one line without any."""
    rows: list[list[str]] = []
    previous = ""
    for row in comparison.services:
        label = "" if row.service == previous else _label(row)
        rows.append(_service_row(row, style.text(label), style))
        previous = row.service
    for index, share in enumerate(comparison.runtime):
        figures = (quantity(value, share.unit) for value in (share.baseline, share.candidate))
        label = "(runtime)" if index == 0 else ""
        rows.append([label, share.figure, *figures, times(share.ratio), "", ""])
    if not rows:
        yield "No service was measured."
        return
    names = (style.text(side.name) for side in comparison.sides)
    yield style.heading("Services")
    yield style.table(
        ("service", "figure", *names, "ratio", "target", "verdict"),
        rows,
        cut={0: "start"},
        right=frozenset({2, 3, 4}),
    )
    yield from _reasons(comparison, style)


def _label(row: ServiceRow) -> str:
    baseline, candidate = row.sides
    # Then the ratio is the machine's noise, and says nothing of the move.
    return f"{row.service} ({baseline} in both)" if baseline == candidate else row.service


def _service_row(row: ServiceRow, label: str, style: Style) -> list[str]:
    limit = row.target.limit if row.target else None
    on_ratio = row.target is not None and row.target.of == "ratio"
    verdict = ""
    if row.judgement:
        symbol = _SYMBOLS[row.judgement.verdict][0 if style.unicode else 1]
        verdict = f"{symbol} {row.judgement.verdict.value}"
    return [
        label,
        row.figure,
        quantity(row.baseline, row.unit) + _spread(row, 0, style),
        quantity(row.candidate, row.unit, None if on_ratio else limit) + _spread(row, 1, style),
        # A share of 100 % by one of 99 % is a ratio that nobody asks for.
        "" if row.unit == "share" else times_between(row, limit if on_ratio else None),
        threshold(row.target, row.unit) if row.target else "",
        verdict,
    ]


def _spread(row: ServiceRow, side: int, style: Style) -> str:
    if row.estimate is None or row.unit == "share":
        return ""
    found: Estimate = (row.estimate.baseline, row.estimate.candidate)[side]
    sign = "\N{PLUS-MINUS SIGN}" if style.unicode else "+/-"
    return f" {sign} {quantity(found.spread, row.unit)}" if found.n > 1 else ""


def _reasons(comparison: Comparison, style: Style) -> Iterator[str]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in comparison.services:
        if row.judgement and row.unknown:
            found[row.judgement.reason, row.figure].append(row.service)
    if found:
        yield "\n".join(
            style.text(f"- unknown: {figure} of {', '.join(services)}: {reason}")
            for (reason, figure), services in found.items()
        )
