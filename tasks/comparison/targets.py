"""The performance targets, and whether a pair of figures meets one.

A figure that was not measured, or was not measured alike, leaves the target unknown. It
never meets it: a threshold that passes on no samples hides the very run that went wrong.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

MINIMUM_SAMPLES = 20
"""Health probes below which a 95th percentile is the slowest sample and nothing more."""

Figure = Literal[
    "start-up",
    "own start-up",
    "memory",
    "CPU",
    "health p50",
    "health p95",
    "health p99",
    "health rate",
    "processes",
    "query",
]
Unit = Literal["seconds", "bytes", "share", "count", "number"]
Relation = Literal["<=", ">=", "==", "<", ">"]

_HOLDS: Mapping[Relation, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


class Verdict(Enum):
    """Whether a target is met."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judgement:
    """A verdict; the reason says why it is unknown, and is empty otherwise."""

    verdict: Verdict
    reason: str = ""
    beyond: bool = False
    """Whether the figure is beyond its limit, in too few runs to tell that from noise."""
    unread: bool = False
    """Whether its source, a Prometheus, did not say the figure."""


@dataclass(frozen=True)
class Target:
    """One threshold on one figure of a service."""

    figure: Figure
    of: Literal["ratio", "candidate"]
    """On candidate divided by baseline, or on the candidate's own figure."""
    relation: Relation
    limit: float

    def holds(self, value: float) -> bool:
        """Return whether the value is on the right side of the limit."""
        return _HOLDS[self.relation](value, self.limit)


@dataclass(frozen=True)
class Measured:
    """One figure on one side. `method` and `samples` are None where they do not matter."""

    value: float | None
    method: str | None = None
    samples: int | None = None
    least: int = MINIMUM_SAMPLES
    """Samples that the figure takes to say anything."""
    interval: tuple[float, float] | None = None
    """Of several runs; None for one run, of which nothing but the figure is known."""


TARGETS: tuple[Target, ...] = (
    Target("start-up", "ratio", "<", 1.5),
    Target("memory", "ratio", "<", 1.2),
    Target("CPU", "ratio", "<", 1.1),
    Target("health p95", "candidate", "<", 0.100),
    Target("health rate", "candidate", ">", 0.99),
)

BY_METHOD: frozenset[Figure] = frozenset({"memory", "CPU"})
"""Figures that compare only when both sides were measured by the same method."""


def target_for(figure: Figure) -> Target | None:
    """Return the target on this figure, or None where there is none."""
    return next((target for target in TARGETS if target.figure == figure), None)


def ratio(baseline: Measured | None, candidate: Measured | None) -> float | None:
    """Return candidate / baseline; None where either is missing or not above zero."""
    below = baseline.value if baseline else None
    above = candidate.value if candidate else None
    if below is None or above is None or not (_real(below) and _real(above)):
        return None
    return above / below


def judge(
    target: Target,
    baseline: Measured | None,
    candidate: Measured | None,
    *,
    names: tuple[str, str] = ("the baseline", "the candidate"),
    interval: tuple[float, float] | None = None,
    straddles: str = "the interval straddles the limit",
    noise: str = "",
) -> Judgement:
    """Return whether the figures meet the target. `names` are the two sides, for the reason.

    `interval` is where the ratio lies after several runs. A limit within it, or within the
    candidate's own, leaves the target unknown, by the reason `straddles`. `noise` is the reason
    why a figure beyond its limit may be noise; without it the target is missed.
    """
    if target.of == "ratio":
        reason = _pair_doubt(target, baseline, candidate, names)
        value = ratio(baseline, candidate)
    else:
        reason = _side_doubt(candidate, names[1])
        value = candidate.value if candidate else None
        interval = candidate.interval if candidate else None
    if reason or value is None:
        return Judgement(Verdict.UNKNOWN, reason)
    holds = target.holds(value)
    if interval is not None and any(target.holds(end) != holds for end in interval):
        return Judgement(Verdict.UNKNOWN, straddles)
    if not holds and noise:
        return Judgement(Verdict.UNKNOWN, noise, beyond=True)
    return Judgement(Verdict.MET if holds else Verdict.MISSED)


def _pair_doubt(
    target: Target,
    baseline: Measured | None,
    candidate: Measured | None,
    names: tuple[str, str],
) -> str:
    doubts = (_side_doubt(baseline, names[0]), _side_doubt(candidate, names[1]))
    if doubts[0] or doubts[1]:
        return doubts[0] or doubts[1]
    for measured, name in ((baseline, names[0]), (candidate, names[1])):
        if measured and not _real(measured.value):
            # No figure of a trial is below zero; what a query gives may be.
            below = target.figure == "query" and measured.value != 0
            return f"{'below zero' if below else 'zero'} on {name}"
    if target.figure in BY_METHOD and baseline and candidate:
        if baseline.method is None or candidate.method is None:
            return "measuring method not recorded"
        if baseline.method != candidate.method:
            return f"measured by {baseline.method} and by {candidate.method}"
    return ""


def _side_doubt(measured: Measured | None, name: str) -> str:
    if measured is None:
        return f"no such service on {name}"
    if measured.samples is not None and measured.samples < measured.least:
        return f"{measured.samples} of at least {measured.least} samples on {name}"
    if measured.value is None or not math.isfinite(measured.value):
        return f"not measured on {name}"
    return ""


def _real(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0
