"""Service-to-service latency: what each edge of the stack costs on either side.

One row for each target and the consumers that share a measurement; the published port is a
column of its own, so that the engine's proxy stands beside the direct way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..trials.record import EdgeLatency, Trial
from .diff import Comparison
from .layout import Style
from .units import MISSING, quantity, times

Edges = dict[tuple[str, str, str], EdgeLatency]
Measured = tuple[EdgeLatency | None, EdgeLatency | None, EdgeLatency | None]


@dataclass(frozen=True)
class EdgeRow:
    """What one target costs the consumers that reach it in the same way."""

    target: str
    kind: str
    consumers: tuple[str, ...]
    baseline: EdgeLatency | None
    candidate: EdgeLatency | None
    published: EdgeLatency | None
    """Through the published port, in the candidate where that has one, else in the baseline."""

    @property
    def ratio(self) -> float | None:
        """Candidate's median by the baseline's, both direct."""
        here, there = _median(self.baseline), _median(self.candidate)
        return there / here if here and there is not None else None

    @property
    def proxy_seconds(self) -> float | None:
        """What the published port adds to the candidate's direct median; None if unknown."""
        direct, published = _median(self.candidate), _median(self.published)
        return None if direct is None or published is None else published - direct


def edge_rows(baseline: Trial | None, candidate: Trial | None) -> tuple[EdgeRow, ...]:
    """Return a row for each target, or more where its consumers reach it in different ways."""
    left, right = _by_edge(baseline), _by_edge(candidate)
    groups: dict[tuple[str, Measured], list[str]] = {}
    for consumer, target, via in dict.fromkeys((*left, *right)):
        if via == "direct":
            key = (target, _measured(left, right, consumer, target))
            groups.setdefault(key, []).append(consumer)
    return tuple(
        EdgeRow(
            target=target,
            kind=next(edge.kind for edge in measured if edge is not None),
            consumers=tuple(sorted(consumers)),
            baseline=measured[0],
            candidate=measured[1],
            published=measured[2],
        )
        for (target, measured), consumers in groups.items()
    )


def _by_edge(trial: Trial | None) -> Edges:
    edges = trial.edges if trial else ()
    return {(edge.consumer, edge.target, edge.via): edge for edge in edges}


def _measured(left: Edges, right: Edges, consumer: str, target: str) -> Measured:
    direct, published = (consumer, target, "direct"), (consumer, target, "published")
    return (
        _anonymous(left.get(direct)),
        _anonymous(right.get(direct)),
        _anonymous(right.get(published) or left.get(published)),
    )


def _anonymous(edge: EdgeLatency | None) -> EdgeLatency | None:
    # Consumers that share a measurement then share a row.
    return None if edge is None else replace(edge, consumer="")


def _median(edge: EdgeLatency | None) -> float | None:
    return None if edge is None else edge.p50_seconds


def blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the table of edges, what the proxy costs, and what failed; nothing without edges."""
    rows = edge_rows(*(side.trial for side in comparison.sides))
    if not rows:
        return
    names = [style.text(side.name) for side in comparison.sides]
    yield style.heading("Calls between services (p50 / p95 / p99 in ms)")
    yield style.table(
        ("target", "kind", "consumers", *names, "p50 ratio", "published"),
        [_cells(row, style) for row in rows],
        cut={0: "start", 2: "start"},
        right=frozenset({3, 4, 5, 6}),
    )
    cheapest = min(
        (row for row in rows if row.proxy_seconds is not None),
        key=lambda row: _median(row.candidate) or 0.0,
        default=None,
    )
    if cheapest is not None and cheapest.proxy_seconds is not None:
        yield style.text(
            f"The published port adds {quantity(max(0.0, cheapest.proxy_seconds), 'seconds')} "
            f"to the median of {cheapest.target}, the cheapest call: the engine's proxy."
        )
    failures = list(_failures(comparison, style))
    if failures:
        yield "\n".join(failures)


def _cells(row: EdgeRow, style: Style) -> list[str]:
    return [
        style.text(row.target),
        row.kind,
        style.text(", ".join(row.consumers)),
        _times(row.baseline),
        _times(row.candidate),
        times(row.ratio),
        _times(row.published),
    ]


def _times(edge: EdgeLatency | None) -> str:
    if edge is None:
        return MISSING
    found = (edge.p50_seconds, edge.p95_seconds, edge.p99_seconds)
    # Two digits: a call to Redis takes a tenth of a millisecond.
    return " / ".join(MISSING if it is None else f"{it * 1000:.2f}" for it in found)


def _failures(comparison: Comparison, style: Style) -> Iterator[str]:
    for side in comparison.sides:
        edges = side.trial.edges if side.trial else ()
        failed = {(edge.target, edge.via): edge for edge in edges if edge.failed}
        for edge in failed.values():
            yield style.text(
                f"- {side.name}: {edge.failed} of {edge.samples} calls to {edge.target} "
                f"({edge.via}) failed"
            )
