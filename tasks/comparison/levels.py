"""The service level while the suite ran: requests sent, those that were lost, the longest gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..trials.record import ServiceLevel, Trial
from .diff import Comparison, Summary
from .layout import Style
from .units import MISSING, quantity


def levels_of(runs: Sequence[Trial]) -> tuple[ServiceLevel, ...]:
    """Return each service's level over all runs: sums, and the longest gap of any."""
    found: dict[str, ServiceLevel] = {}
    for level in (level for run in runs for level in run.levels):
        known = found.get(level.service)
        found[level.service] = level if known is None else _together(known, level)
    return tuple(found.values())


def _together(first: ServiceLevel, second: ServiceLevel) -> ServiceLevel:
    return replace(
        first,
        requests=first.requests + second.requests,
        lost=first.lost + second.lost,
        longest_gap_seconds=max(first.longest_gap_seconds, second.longest_gap_seconds),
        replaced=first.replaced + second.replaced,
    )


def blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the table of both sides' levels; nothing where no requests were counted."""
    rows = [
        [
            style.text(level.service),
            style.text(side.name),
            str(level.requests) if level.requests else MISSING,
            str(level.lost) if level.requests else MISSING,
            quantity(level.longest_gap_seconds, "seconds") if level.lost else MISSING,
            str(level.replaced),
        ]
        for side in comparison.sides
        for level in levels_of(side.runs)
    ]
    if rows:
        yield style.heading("Service level during the suite")
        yield style.table(
            ("service", "mode", "requests", "lost", "longest gap", "tasks replaced"),
            rows,
            cut={0: "start"},
            right=frozenset({2, 3, 4, 5}),
        )


def lost(side: Summary) -> list[str]:
    """Return a phrase of what was lost on a side: of the service with the longest gap."""
    found = [level for level in levels_of(side.runs) if level.lost]
    worst = sorted(found, key=lambda level: level.longest_gap_seconds)[-1:]
    return [
        f"{level.lost} of {level.requests} requests to {level.service} lost on {side.name}, "
        f"longest gap {quantity(level.longest_gap_seconds, 'seconds')}"
        for level in worst
    ]
