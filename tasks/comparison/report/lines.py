"""Latency, memory and CPU over time: one small chart a service and figure, both sides in each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ...trials.record import Series
from ..diff import Comparison, Summary
from ..middle import Points, middle_line
from .elements import SIDES, Ink, legend, note
from .scales import Scale, round_top

MOST_POINTS = 240
"""Points of one line: a chart has no room for more."""
MOST_POINTS_OF_A_RUN = 80
"""Points of the thin line of one run of several."""
RUNTIME = "(runtime)"

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 164, 58, 348, 12, 140


@dataclass(frozen=True)
class Measure:
    """One figure over time: its title, its unit, its points from a series."""

    title: str
    unit: str
    points: Callable[[Series], Points]


@dataclass(frozen=True)
class Drawn:
    """What is drawn of one side: the line, and those of the runs where it is their median."""

    line: Points
    runs: Sequence[Points] = ()

    @property
    def all(self) -> Points:
        """Every point that has to have a place."""
        return [*self.line, *itertools.chain.from_iterable(self.runs)]


def _drawn(lines: Iterable[Points]) -> Drawn:
    known = [line for line in lines if line]
    if not known:
        return Drawn([])
    return Drawn(middle_line(known), known if len(known) > 1 else ())


def _memory(series: Series) -> Points:
    return _known(series, (None if it is None else it / 2**20 for it in series.memory_bytes))


def _cpu(series: Series) -> Points:
    """Return the share of one CPU that was used between each two samples."""
    totals = _known(series, series.cpu_seconds)
    return [
        (end, max(used - before, 0.0) / (end - start) * 100)
        for (start, before), (end, used) in itertools.pairwise(totals)
        if end > start
    ]


def _latency(series: Series) -> Points:
    return _known(series, (None if it is None else it * 1000 for it in series.latency_seconds))


_MEASURES = (
    Measure("Latency of the health probe", "ms", _latency),
    Measure("Memory", "MiB", _memory),
    Measure("CPU", "% of one CPU", _cpu),
)


def resource_charts(comparison: Comparison, ink: Ink) -> str:
    """Return the charts under one heading a figure, or why there are none."""
    sides = [_series(side) for side in comparison.sides]
    names = list(dict.fromkeys(name for side in sides for name in side))
    if not names:
        return note("No charts: neither trial sampled its services while the suite ran.")
    blocks = [legend(ink(side.name) for side in comparison.sides)]
    titles = [ink(side.name) for side in comparison.sides]
    for measure in _MEASURES:
        figures = []
        for name in names:
            lines = [_drawn(map(measure.points, side.get(name, ()))) for side in sides]
            if any(it.line for it in lines):
                figures.append(_figure(ink(name), measure, lines, titles))
        words = "".join(figures) or note("Not sampled on either side.")
        blocks.append(f'<h3>{measure.title} ({measure.unit})</h3><div class="charts">{words}</div>')
    silent = [t for t, side in zip(titles, sides, strict=True) if not side]
    if silent:
        blocks.append(f'<p class="note">Not sampled on {" and ".join(silent)}.</p>')
    return "".join(blocks)


def _series(side: Summary) -> dict[str, list[Series]]:
    """Return service -> the series of every run that has one; the runtime's stands last."""
    found: dict[str, list[Series]] = {}
    for run in side.runs:
        for name, figures in run.services.items():
            if figures.series is not None:
                found.setdefault(name, []).append(figures.series)
    runtime = [it.runtime.series for it in side.runs if it.runtime and it.runtime.series]
    return {**found, RUNTIME: runtime} if runtime else found


def _known(series: Series, values: Iterable[float | None]) -> Points:
    return [
        (at, value)
        for at, value in zip(series.at_seconds, values, strict=False)
        if value is not None
    ]


def _figure(name: str, measure: Measure, lines: list[Drawn], titles: list[str]) -> str:
    top, step = round_top(max(value for it in lines for _, value in it.all), 3)
    end = max(at for it in lines for at, _ in it.all)
    across, up = Scale(max(end, 1e-3), _LEFT, _RIGHT), Scale(top, _BOTTOM, _TOP)
    parts = []
    for tick in up.ticks(step):
        y = up.at(tick)
        parts.append(f'<path class="rule" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for at, anchor in ((0.0, "start"), (end, "end")):
        parts.append(
            f'<text x="{across.at(at):.1f}" y="{_BOTTOM + 18}" text-anchor="{anchor}">'
            f"{at:.1f} s</text>"
        )
    said = []
    for drawn, title, side in zip(lines, titles, SIDES, strict=True):
        if not drawn.line:
            continue
        for run in drawn.runs:
            path = _path(thinned(run, MOST_POINTS_OF_A_RUN), across, up)
            parts.append(f'<path class="line run {side}" d="{path}"/>')
        several = f", median of {len(drawn.runs)} runs" if drawn.runs else ""
        words = f"{title}{several}: {_range(drawn.line, measure.unit)}"
        said.append(words)
        path = _path(thinned(drawn.line), across, up)
        parts.append(f'<path class="line {side}" d="{path}"><title>{words}</title></path>')
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{measure.title} of {name}. {"; ".join(said)}">{"".join(parts)}</svg>'
        f'<p class="note">{"; ".join(said)}</p></figure>'
    )


def _path(line: Points, across: Scale, up: Scale) -> str:
    path = "L".join(f"{across.at(at):.1f} {up.at(it):.1f}" for at, it in line)
    # A single sample is a line of no length: a round cap makes it a dot.
    return f"M{path}" if len(line) > 1 else f"M{path}h0.1"


def _range(line: Points, unit: str) -> str:
    values = [value for _, value in line]
    mean = sum(values) / len(values)
    return escape(f"mean {mean:.1f}, most {max(values):.1f} {unit}")


def thinned(line: Points, most: int = MOST_POINTS) -> Points:
    """Return at most `most` points: of each stretch its lowest and its highest, in order.

    What a chart is looked at for are the peaks, which an average would hide.
    """
    if len(line) <= most:
        return line
    size = -(-len(line) // (most // 2))
    kept: Points = []
    for start in range(0, len(line), size):
        stretch = line[start : start + size]
        ends = {min(stretch, key=lambda it: it[1]), max(stretch, key=lambda it: it[1])}
        kept += sorted(ends)
    return kept
