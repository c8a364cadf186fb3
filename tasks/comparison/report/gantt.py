"""Start-up as a Gantt chart: when each service's process began, and when it answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ...trials.record import Trial
from ..critical import Start, Step, start_of
from ..diff import Comparison
from ..middle import middle_start
from ..units import quantity
from .elements import SIDES, Ink, folded, legend, note
from .scales import Scale, round_top

_WIDTH, _LEFT, _RIGHT, _TOP = 960, 210, 880, 8
_BAR, _GAP = 15, 12


@dataclass(frozen=True)
class Span:
    """One service's start-up on one side, in seconds from the request to start."""

    began: float
    answered: float
    deciding: bool
    runs: tuple[float, ...] = ()
    """When it answered in each run, where the span is their median."""


def startup_chart(comparison: Comparison, ink: Ink) -> str:
    """Return the chart with its words, or why there is none."""
    middles = [middle_start(side.runs) for side in comparison.sides]
    starts = [start_of(trial) if trial else Start((), ()) for trial in middles]
    sides = [_spans(start, side.runs) for start, side in zip(starts, comparison.sides, strict=True)]
    names = list(dict.fromkeys(name for spans in sides for name in spans))
    if not names:
        return note("No chart: neither trial says when its services answered.")
    names.sort(key=lambda name: next(s[name].answered for s in sides if name in s))
    titles = [ink(side.name) for side in comparison.sides]
    chains = "".join(
        f"<li>{title}: {' &rarr; '.join(map(ink, start.chain))}</li>"
        for title, start in zip(titles, starts, strict=True)
        if start.chain
    )
    words = (
        "Each bar runs from the start of the service's own process until it answered its probe; "
        "the dots before it are the wait since the request to start. Solid bars are the chain that "
        "decided the total, pale ones delayed nobody:"
    )
    return (
        f'{legend(titles)}<figure class="wide">{_drawing(names, sides, titles, ink)}</figure>'
        f"{note(words)}<ul>{chains}</ul>" + folded("The figures", _table(names, sides, titles, ink))
    )


def _spans(start: Start, runs: Sequence[Trial]) -> dict[str, Span]:
    return {
        step.service: Span(_began(step), step.ready, step.decided, _answers(step.service, runs))
        for step in start.steps
    }


def _answers(service: str, runs: Sequence[Trial]) -> tuple[float, ...]:
    figures = (run.services.get(service) for run in runs) if len(runs) > 1 else ()
    return tuple(it.startup_seconds for it in figures if it and it.startup_seconds is not None)


def _began(step: Step) -> float:
    if step.offset is not None:
        return min(max(step.offset, 0.0), step.ready)
    # Records of version 1 do not say; both of their durations end with the answer.
    return max(step.ready - (step.own or step.ready), 0.0)


def _drawing(names: list[str], sides: list[dict[str, Span]], titles: list[str], ink: Ink) -> str:
    greatest = max(
        it for spans in sides for span in spans.values() for it in (span.answered, *span.runs)
    )
    top, step = round_top(greatest, 8)
    scale = Scale(top, _LEFT, _RIGHT)
    height = _TOP + len(names) * (2 * _BAR + _GAP) + 24
    parts = [*_axis(scale, step, height - 20)]
    for row, name in enumerate(names):
        y = _TOP + row * (2 * _BAR + _GAP)
        parts.append(
            f'<text class="name" x="{_LEFT - 12}" y="{y + _BAR + 4}" text-anchor="end">'
            f"{ink(_short(name))}</text>"
        )
        for index, (spans, title) in enumerate(zip(sides, titles, strict=True)):
            if name in spans:
                words = f"{ink(name)}, {title}"
                parts.append(_bar(spans[name], y + index * _BAR, SIDES[index], scale, words))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Start-up of each service; the figures stand below">{"".join(parts)}</svg>'
    )


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}\N{HORIZONTAL ELLIPSIS}"


def _axis(scale: Scale, step: float, bottom: float) -> Iterator[str]:
    for tick in scale.ticks(step):
        x = scale.at(tick)
        yield f'<path class="rule" d="M{x:.1f} {_TOP - 6}V{bottom:.1f}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 15:.1f}" text-anchor="middle">{tick:g} s</text>'


def _bar(span: Span, y: float, side: str, scale: Scale, words: str) -> str:
    left, right = scale.at(span.began), scale.at(span.answered)
    middle = y + (_BAR - 3) / 2
    chained = "" if span.deciding else " pale"
    beyond = max(map(scale.at, (span.answered, *span.runs))) + 6
    took = quantity(span.answered - span.began, "seconds")
    return (
        f"<g><title>{words}: began after {escape(quantity(span.began, 'seconds'))}, "
        f"answered after {escape(quantity(span.answered, 'seconds'))} "
        f"(its own {escape(took)})</title>"
        f'<path class="wait {side}" d="M{scale.start:.1f} {middle:.1f}H{left:.1f}"/>'
        f'<rect class="bar {side}{chained}" x="{left:.1f}" y="{y}" rx="2" '
        f'width="{max(right - left, 2):.1f}" height="{_BAR - 3}"/>'
        f"{_ticks(span, y, scale)}"
        f'<text class="value" x="{beyond:.1f}" y="{middle + 4:.1f}">'
        f"{escape(quantity(span.answered, 'seconds'))}</text></g>"
    )


def _ticks(span: Span, y: float, scale: Scale) -> str:
    return "".join(
        f'<path class="run" d="M{scale.at(it):.1f} {y - 1:.1f}V{y + _BAR - 2:.1f}"/>'
        for it in span.runs
    )


def _table(names: list[str], sides: list[dict[str, Span]], titles: list[str], ink: Ink) -> str:
    head = "".join(
        f'<th class="plain" scope="col">{title} {word}</th>'
        for title in titles
        for word in ("began", "answered")
    )
    rows = []
    for name in names:
        cells = []
        for spans in sides:
            span = spans.get(name)
            cells += [quantity(span.began if span else None, "seconds")]
            cells += [quantity(span.answered if span else None, "seconds")]
        figures = "".join(f'<td class="figure">{escape(cell)}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{ink(name)}</th>{figures}</tr>')
    return (
        f'<table><thead><tr><th class="plain" scope="col">service</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
