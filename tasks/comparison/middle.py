"""What stands in the middle of several runs, where a chart shows each of them."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..trials.record import Trial

Points = list[tuple[float, float]]
"""Times and values, in order."""


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def middle_start(runs: Sequence[Trial]) -> Trial | None:
    """Return a trial whose services began and answered at the median of the runs."""
    if len(runs) < 2:
        return runs[0] if runs else None
    services = {}
    for name in dict.fromkeys(name for run in runs for name in run.services):
        found = [run.services[name] for run in runs if name in run.services]
        services[name] = replace(
            found[0],
            startup_seconds=median(it.startup_seconds for it in found),
            own_startup_seconds=median(it.own_startup_seconds for it in found),
            offset_seconds=median(it.offset_seconds for it in found),
        )
    return replace(runs[0], services=services)


def middle_line(lines: Sequence[Points]) -> Points:
    """Return the median of several lines, stretch by stretch, as long as half of them go on.

    A stretch is as long as from one point of a line to its next, most often.
    """
    if len(lines) == 1:
        return lines[0]
    gaps = [b - a for line in lines for (a, _), (b, _) in itertools.pairwise(line) if b > a]
    width = statistics.median(gaps) if gaps else 1.0
    stretches: dict[int, dict[int, tuple[float, float]]] = defaultdict(dict)
    for number, line in enumerate(lines):
        for at, value in line:
            stretches[round(at / width)][number] = (at, value)
    return [
        (
            statistics.median(at for at, _ in found.values()),
            statistics.median(value for _, value in found.values()),
        )
        for _, found in sorted(stretches.items())
        if 2 * len(found) >= len(lines)
    ]
