"""Latency as spans: the median and what the slowest calls take, on both sides."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ...trials.record import Trial
from ..diff import Comparison
from ..middle import median
from ..units import quantity
from .elements import SIDES, Cell, Column, Grid, Ink, Row, folded, legend, note
from .scales import Decades, decades

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 960, 366, 880, 10, 34


@dataclass(frozen=True)
class Spread:
    """What one kind of call takes on one side, in seconds."""

    p50: float
    p95: float | None
    p99: float | None
    samples: int
    failed: int
    runs: tuple[float, ...] = ()
    """The median of each run, where these are the medians of several."""

    @property
    def slowest(self) -> float:
        """The highest percentile that is known."""
        return max(it for it in (self.p50, self.p95, self.p99) if it is not None)


def latency_chart(comparison: Comparison, ink: Ink) -> str:
    """Return the chart with its words, or why there is none."""
    names, sides = _spreads((comparison.baseline.runs, comparison.candidate.runs))
    if not names:
        return note("No chart: neither trial measured a latency.")
    titles = [ink(side.name) for side in comparison.sides]
    words = (
        "The dot is the median, the tick the 95th percentile, the end of the line the highest "
        "percentile known. The scale is logarithmic: the same distance is the same ratio."
    )
    if not any(side.trial and side.trial.edges for side in comparison.sides):
        words += " No call between services was measured: these are the health probes alone."
    return (
        f'{legend(titles)}<figure class="wide">{_drawing(names, sides, titles, ink)}</figure>'
        + note(words)
        + folded("The figures", _grid(names, sides, [s.name for s in comparison.sides], ink))
    )


def _spreads(
    runs: tuple[Sequence[Trial], Sequence[Trial]],
) -> tuple[list[str], list[dict[str, Spread]]]:
    """Return the names of all calls in the chart's order, and each side's spreads by them.

    A target's ways stand together, whichever side has them; the health probes stand last.
    """
    names: list[str] = []
    edges = [_edges(side) for side in runs]
    found: list[dict[str, Spread]] = [{}, {}]
    for route in sorted({route for side in edges for route in side}):
        consumers = list(dict.fromkeys(name for side in edges for name in side.get(route, {})))
        # What is measured once for all consumers of a target is one line of the chart.
        alike = all(len(set(side.get(route, {}).values())) <= 1 for side in edges)
        for group in [consumers] if alike else [[name] for name in consumers]:
            name = _call(group, route)
            names.append(name)
            for index, side in enumerate(edges):
                spreads = side.get(route, {})
                known = [spreads[it] for it in group if it in spreads]
                if known:
                    found[index][name] = known[0]
    probes = [_probes(side) for side in runs]
    names += dict.fromkeys(name for side in probes for name in side)
    return names, [{**calls, **health} for calls, health in zip(found, probes, strict=True)]


Route = tuple[str, str, str]
"""Target, kind, and how it was reached."""


def _edges(runs: Sequence[Trial]) -> dict[Route, dict[str, Spread]]:
    each: dict[Route, dict[str, list[Spread]]] = {}
    for edge in (edge for run in runs for edge in run.edges):
        if edge.p50_seconds is not None:
            route = (edge.target, edge.kind, edge.via)
            each.setdefault(route, {}).setdefault(edge.consumer, []).append(
                Spread(
                    edge.p50_seconds, edge.p95_seconds, edge.p99_seconds, edge.samples, edge.failed
                )
            )
    return {
        route: {name: _together(spreads) for name, spreads in found.items()}
        for route, found in each.items()
    }


def _together(spreads: Sequence[Spread]) -> Spread:
    """Return the spreads of several runs as one."""
    if len(spreads) == 1:
        return spreads[0]
    medians = [it.p50 for it in spreads]
    return Spread(
        p50=statistics.median(medians),
        p95=median(it.p95 for it in spreads),
        p99=median(it.p99 for it in spreads),
        samples=sum(it.samples for it in spreads),
        failed=sum(it.failed for it in spreads),
        runs=tuple(medians),
    )


def _call(consumers: list[str], route: Route) -> str:
    who = consumers[0] if len(consumers) == 1 else f"{len(consumers)} consumers"
    target, kind, how = route
    return f"{who} \N{RIGHTWARDS ARROW} {target} ({kind}, {how})"


def _probes(runs: Sequence[Trial]) -> dict[str, Spread]:
    each: dict[str, list[Spread]] = {}
    for name, figures in (item for run in runs for item in run.services.items()):
        health = figures.health
        if health and health.p50_seconds is not None:
            failed = health.samples - health.passed
            each.setdefault(f"health probe of {name}", []).append(
                Spread(
                    health.p50_seconds,
                    health.p95_seconds,
                    health.p99_seconds,
                    health.samples,
                    failed,
                )
            )
    return {name: _together(spreads) for name, spreads in each.items()}


def _drawing(names: list[str], sides: list[dict[str, Spread]], titles: list[str], ink: Ink) -> str:
    known = [
        value
        for spreads in sides
        for it in spreads.values()
        for value in (it.p50, it.slowest, *it.runs)
    ]
    scale = decades(known, _LEFT, _RIGHT)
    bottom = _TOP + len(names) * _ROW
    parts = [*_axis(scale, bottom)]
    for row, name in enumerate(names):
        y = _TOP + row * _ROW + _ROW / 2
        short = name if len(name) <= 54 else f"{name[:53]}\N{HORIZONTAL ELLIPSIS}"
        parts.append(
            f'<text class="name" x="{_LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">'
            f"{ink(short)}</text>"
        )
        for index, (spreads, title) in enumerate(zip(sides, titles, strict=True)):
            if name in spreads:
                words = f"{ink(name)}, {title}"
                parts.append(_mark(spreads[name], y - 6 + 12 * index, SIDES[index], scale, words))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {bottom + 24}" role="img" '
        f'aria-label="Latency; the figures stand below">{"".join(parts)}</svg>'
    )


def _axis(scale: Decades, bottom: float) -> Iterator[str]:
    for tick in scale.ticks():
        x = scale.at(tick)
        label = f"{tick:g} s" if tick >= 1 else f"{tick * 1000:g} ms"
        yield f'<path class="rule" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'


def _mark(spread: Spread, y: float, side: str, scale: Decades, words: str) -> str:
    middle, end = scale.at(spread.p50), scale.at(spread.slowest)
    dots = "".join(
        f'<circle class="bar run {side}" cx="{scale.at(it):.1f}" cy="{y:.1f}" r="2.5"/>'
        for it in spread.runs
    )
    tick = ""
    if spread.p95 is not None:
        x = scale.at(spread.p95)
        tick = f'<path class="span {side}" d="M{x:.1f} {y - 4:.1f}V{y + 4:.1f}"/>'
    p50, p95, p99 = (escape(quantity(it, "seconds")) for it in (spread.p50, spread.p95, spread.p99))
    return (
        f"<g><title>{words}: p50 {p50}, p95 {p95}, p99 {p99}, "
        f"{spread.failed} of {spread.samples} failed</title>"
        f'<path class="span {side}" d="M{middle:.1f} {y:.1f}H{end:.1f}"/>{tick}'
        f'{dots}<circle class="bar {side}" cx="{middle:.1f}" cy="{y:.1f}" r="4.5"/></g>'
    )


def _grid(names: list[str], sides: list[dict[str, Spread]], titles: list[str], ink: Ink) -> str:
    columns = [
        Column("call"),
        *(Column(ink.plain(f"{t} {p}"), True) for t in titles for p in ("p50", "p95", "p99")),
    ]
    rows = []
    for name in names:
        cells = [Cell(ink(name))]
        for spreads in sides:
            it = spreads.get(name)
            for value in (it.p50, it.p95, it.p99) if it else (None, None, None):
                cells.append(Cell(escape(quantity(value, "seconds")), value))
        rows.append(Row(cells))
    return Grid("latency", "Latency figures", columns, rows).html()
