#!/usr/bin/env python3
"""Draw a record of `inv swarm.autoscale --record` as an SVG: load, tasks and p95 over time."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from tranship.comparison.report.scales import Scale, round_top, step_for

_WIDTH, _LEFT, _RIGHT, _HEIGHT, _GAP, _TOP = 760, 56, 744, 110, 48, 28
_STYLE = """
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: 600 }
.rule { stroke: #d0d7de; fill: none }
.line { stroke: #0b6bcb; stroke-width: 2; fill: none }
.target { stroke: #b35900; stroke-dasharray: 4 3; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .rule { stroke: #3d444d } .line { stroke: #6cb6ff }
.target { stroke: #f0a050 }
}
"""
"""Both of a page's colours: the picture has no background of its own."""
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One figure over the time that all panels share."""

    title: str
    points: Points
    steps: bool = False
    """Whether a value holds until the next one."""
    target: float | None = None


def read(path: Path, service: str = "") -> list[dict[str, Any]]:
    """Return the looks at one service, with the seconds since the first as `at`."""
    looks = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    service = service or looks[0]["service"]
    own = [look for look in looks if look["service"] == service]
    began = datetime.fromisoformat(own[0]["time"])
    for look in own:
        look["at"] = (datetime.fromisoformat(look["time"]) - began).total_seconds()
    return own


def panels(looks: Sequence[dict[str, Any]]) -> Iterator[Panel]:
    """Yield what is drawn; a time of which a figure is not known has no point."""

    def course(value: Callable[[dict[str, Any]], float | None]) -> Points:
        found = ((look["at"], value(look)) for look in looks)
        return [(at, number) for at, number in found if number is not None]

    def served(look: dict[str, Any]) -> float | None:
        each = look["figures"].get("requests")
        return None if each is None else each * look["replicas"]

    def p95(look: dict[str, Any]) -> float | None:
        seconds = look["figures"].get("p95")
        return None if seconds is None else seconds * 1000

    first = looks[0]
    yield Panel("requests served a second", course(served))
    if first["figure"] == "requests":
        each = course(lambda look: look["figures"].get("requests"))
        yield Panel("requests a task a second, and the target", each, target=first["target"])
    yield Panel("tasks", course(lambda look: look["replicas"]), steps=True)
    target = first["target"] * 1000 if first["figure"] == "p95" else None
    yield Panel("p95 in ms", course(p95), target=target)


def drawn(looks: Sequence[dict[str, Any]]) -> str:
    """Return the SVG."""
    end = looks[-1]["at"]
    shown = list(panels(looks))
    across = Scale(end, _LEFT, _RIGHT)
    parts = []
    for number, panel in enumerate(shown):
        parts += _panel(panel, across, _TOP + number * (_HEIGHT + _GAP))
    bottom = _TOP + len(shown) * (_HEIGHT + _GAP) - _GAP
    for tick in across.ticks(step_for(end / 60, 8) * 60):
        parts.append(
            f'<text x="{across.at(tick):.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{tick:g} s</text>"
        )
    size = f"{_WIDTH} {bottom + 30}"
    said = escape(f"{looks[0]['service']} over {end:.0f} s: {', '.join(it.title for it in shown)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" '
        f'aria-label="{said}"><style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(panel: Panel, across: Scale, top: float) -> Iterator[str]:
    greatest = max((value for _, value in panel.points), default=0.0)
    most, step = round_top(max(greatest, panel.target or 0.0), 4)
    up = Scale(most, top + _HEIGHT, top)
    yield f'<text class="title" x="{_LEFT}" y="{top - 10}">{escape(panel.title)}</text>'
    for tick in up.ticks(step):
        y = up.at(tick)
        yield f'<path class="rule" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    if panel.target is not None:
        yield f'<path class="target" d="M{_LEFT} {up.at(panel.target):.1f}H{_RIGHT}"/>'
    if panel.points:
        yield f'<path class="line" d="{_path(panel, across, up)}"/>'


def _path(panel: Panel, across: Scale, up: Scale) -> str:
    (first, value), *rest = panel.points
    found = f"M{across.at(first):.1f} {up.at(value):.1f}"
    for at, now in rest:
        x, y = f"{across.at(at):.1f}", f"{up.at(now):.1f}"
        found += f"H{x}V{y}" if panel.steps else f"L{x} {y}"
    return found


def main(argv: Sequence[str]) -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path, help="what --record wrote")
    parser.add_argument("picture", type=Path, help="the SVG to write")
    parser.add_argument("--service", default="", help="the service; default: the first one")
    chosen = parser.parse_args(argv)
    chosen.picture.write_text(drawn(read(chosen.record, chosen.service)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
