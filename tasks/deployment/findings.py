"""What another place to run does not say as the compose file does, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not carried over, or is done in another way there."""

    service: str
    what: str
    lost: bool = True
    """Whether it is lost; else it is only another's matter, or another way of the same."""


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Return one line for each different finding, those that are lost first."""
    grouped: dict[tuple[bool, str], list[str]] = {}
    for item in findings:
        grouped.setdefault((not item.lost, item.what), []).append(item.service)
    return [
        f"{'note' if noted else 'not carried over'}: {', '.join(dict.fromkeys(names))}: {what}"
        for (noted, what), names in sorted(grouped.items(), key=lambda it: it[0][0])
    ]


def lost(lines: Iterable[str]) -> int:
    """Return how many of these lines tell of something that is not carried over."""
    return sum(line.startswith("not carried over") for line in lines)
