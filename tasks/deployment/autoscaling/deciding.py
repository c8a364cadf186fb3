"""How many tasks a service is to have: a rule of what is known, and nothing else.

The rule is that of Kubernetes' HorizontalPodAutoscaler: ceil(tasks * figure / target), nothing
within a tolerance, and down only to the highest wish of a time (its stabilization window).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .policy import Policy

_ROUNDING = 1e-9
"""4.9 / 0.7 is a little above 7, which is no reason for an eighth task."""
_MANY = 1_000_000
WITHOUT_FIGURES = frozenset({"missing", "busy", "off"})
"""Kinds of a decision whose reasons have no figure that moves."""


@dataclass(frozen=True)
class State:
    """What the engine says of a service."""

    replicas: int
    changed: float = 0.0
    """When anything of the service was last changed, in seconds since the epoch."""
    blocked: str = ""
    """Why it must not be touched now; empty: it may."""


@dataclass(frozen=True)
class Sample:
    """The figure at one time; None where there is none, and why."""

    at: float
    value: float | None
    why: str = ""


@dataclass(frozen=True)
class Decision:
    """How many tasks there are to be, and why."""

    replicas: int
    kind: str
    """up, down, near, limit, cool-down, held, missing, busy, off."""
    reason: str
    wish: int | None = None
    """What the rule alone says, within the limits; None without a figure."""

    @property
    def changes(self) -> bool:
        """Whether the count is to be changed."""
        return self.kind in {"up", "down"}

    @property
    def topic(self) -> str:
        """What is the same for as long as nothing new is to be said."""
        return f"{self.kind}: {self.reason}" if self.kind in WITHOUT_FIGURES else self.kind


def free_wish(value: float, replicas: int, policy: Policy) -> int:
    """Return the tasks that the rule wishes without its limits."""
    if abs(value / policy.target - 1) <= policy.tolerance + _ROUNDING:
        return replicas
    # There is no ceiling of infinity.
    return math.ceil(min(replicas * (value / policy.target), _MANY) - _ROUNDING)


def wished(value: float | None, replicas: int, policy: Policy) -> int:
    """Return the wish within the limits; without a figure, what there is."""
    wish = replicas if value is None else free_wish(value, replicas, policy)
    return min(max(wish, policy.minimum), policy.maximum)


def decide(state: State, samples: Sequence[Sample], policy: Policy, now: float) -> Decision:
    """Return the decision; `samples` are those of the policy's hold, the newest last.

    A time of which nothing is known counts as one that needed what there is.
    """
    tasks = state.replicas
    if state.blocked:
        return Decision(tasks, "busy", state.blocked)
    if tasks == 0:
        return Decision(tasks, "off", "it has no tasks: it was switched off")
    newest = samples[-1] if samples else Sample(now, None, "no sample")
    if newest.value is None:
        return Decision(tasks, "missing", newest.why or "no sample")
    if abs(now - newest.at) > policy.max_age:
        return Decision(tasks, "missing", f"the newest sample is over {policy.max_age:g} s old")
    wish = wished(newest.value, tasks, policy)
    said = f"{policy.figure} {newest.value:.4g}, target {policy.target:g}"
    if wish > tasks:
        return _up(state, wish, policy, now, said)
    if wish < tasks:
        return _down(state, samples, wish, policy, now, said)
    free = free_wish(newest.value, tasks, policy)
    if free != tasks:
        limit = "max" if free > tasks else "min"
        return Decision(tasks, "limit", f"{said}: at {limit}, {tasks}", wish)
    return Decision(tasks, "near", f"{said}: enough", wish)


def _up(state: State, wish: int, policy: Policy, now: float, said: str) -> Decision:
    tasks = state.replicas
    if (left := policy.up_cooldown - (now - state.changed)) > 0:
        return Decision(tasks, "cool-down", f"{said}: {wish} wished, in {left:.0f} s", wish)
    to = min(wish, tasks + policy.step) if policy.step else wish
    return Decision(to, "up", said, wish)


def _down(
    state: State, samples: Sequence[Sample], wish: int, policy: Policy, now: float, said: str
) -> Decision:
    tasks = state.replicas
    if (left := policy.down_cooldown - (now - state.changed)) > 0:
        return Decision(tasks, "cool-down", f"{said}: {wish} wished, in {left:.0f} s", wish)
    since = now - policy.hold
    if samples[0].at > since:
        return Decision(
            tasks, "held", f"{said}: {wish} wished, not yet for {policy.hold:g} s", wish
        )
    within = [sample for sample in samples if sample.at >= since]
    most, at = max((wished(it.value, tasks, policy), it.at) for it in within)
    if most >= tasks:
        ago = f"{most} needed {now - at:.0f} s ago"
        return Decision(tasks, "held", f"{said}: {wish} wished, {ago}", wish)
    to = max(most, tasks - policy.step) if policy.step else most
    return Decision(to, "down", said, wish)
