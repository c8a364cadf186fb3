"""The critical path of a start: when each service began, what it waited for, what decided.

A service begins once those that it waits for are ready, so the last one to be ready leads
back, one dependency at a time, to the chain that made the total what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..trials.record import ServiceFigures, Side, Trial
from .diff import Comparison
from .layout import Style
from .units import MISSING, quantity

_SLACK_SECONDS = 0.05
"""A probe may answer this much later than the dependent saw: between two probes of ours."""


@dataclass(frozen=True)
class Step:
    """One service of a start. Times are seconds from the request to start."""

    service: str
    side: Side
    waited_for: tuple[str, ...]
    offset: float | None
    """When its own process began."""
    own: float | None
    """From then until it answered."""
    ready: float
    decided: bool
    """Whether it is a link of the chain that decided the total."""
    gap: float | None = None
    """From the end of the link before (else from the request) to its process's begin."""


@dataclass(frozen=True)
class Start:
    """The start of one mode: its steps in the order in which they began, and the chain."""

    steps: tuple[Step, ...]
    chain: tuple[str, ...]

    @property
    def total(self) -> float:
        """When the last service was ready."""
        return max((step.ready for step in self.steps), default=0.0)

    @property
    def links(self) -> tuple[Step, ...]:
        """The steps of the chain, in its order."""
        by_name = {step.service: step for step in self.steps}
        return tuple(by_name[name] for name in self.chain)

    @property
    def own(self) -> float | None:
        """What of the total the services of the chain took themselves; None where unknown."""
        parts = [step.own for step in self.links]
        known = [part for part in parts if part is not None]
        return sum(known) if known and len(known) == len(parts) else None


def start_of(trial: Trial) -> Start:
    """Return how the services of a trial started; those that never were ready are left out."""
    ready = {
        name: figures.startup_seconds
        for name, figures in trial.services.items()
        if figures.startup_seconds is not None
    }
    chain = _chain(trial, ready)
    before = dict(zip(chain[1:], chain, strict=False))
    steps = [
        _step(name, trial.services[name], ready, name in chain, ready.get(before.get(name, "")))
        for name in ready
    ]
    steps.sort(key=lambda step: (step.ready if step.offset is None else step.offset, step.ready))
    return Start(tuple(steps), chain)


def _chain(trial: Trial, ready: dict[str, float]) -> tuple[str, ...]:
    if not ready:
        return ()
    current: str | None = max(ready, key=lambda name: (ready[name], name))
    chain: list[str] = []
    # A record may hold any names: one that leads back to itself ends the chain.
    while current is not None and current not in chain:
        chain.append(current)
        current = _waited_longest(trial.services[current], ready)
    return tuple(reversed(chain))


def _waited_longest(figures: ServiceFigures, ready: dict[str, float]) -> str | None:
    """Return the dependency that was ready last before this service began."""
    began = figures.offset_seconds
    before = [
        name
        for name in figures.waited_for
        # One that it need not wait for until ready (`service_started`) may answer later.
        if name in ready and (began is None or ready[name] <= began + _SLACK_SECONDS)
    ]
    return max(before, key=lambda name: (ready[name], name), default=None)


def _step(
    name: str,
    figures: ServiceFigures,
    ready: dict[str, float],
    decided: bool,
    before: float | None,
) -> Step:
    offset = figures.offset_seconds
    gap = max(0.0, offset - (before or 0.0)) if decided and offset is not None else None
    return Step(
        service=name,
        side=figures.side,
        waited_for=figures.waited_for,
        offset=offset,
        own=figures.own_startup_seconds,
        ready=ready[name],
        decided=decided,
        gap=gap,
    )


def blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield for each mode the table of its start and the chain that decided the total.

    Records of version 1 have no offsets, and give nothing.
    """
    for side in comparison.sides:
        start = start_of(side.trial) if side.trial else Start((), ())
        if any(step.offset is not None for step in start.steps):
            yield style.heading(style.text(f"Start-up of {side.name}"))
            yield style.table(
                ("", "service", "waited for", "began at", "own start", "ready at"),
                [_row(step, style) for step in start.steps],
                cut={1: "start", 2: "start"},
                right=frozenset({3, 4, 5}),
            )
            yield style.text(_sentence(start))


def _row(step: Step, style: Style) -> list[str]:
    mark = ("\N{BLACK RIGHT-POINTING SMALL TRIANGLE}" if style.unicode else ">") * step.decided
    return [
        mark,
        style.text(step.service),
        style.text(", ".join(step.waited_for)) or MISSING,
        quantity(step.offset, "seconds"),
        quantity(step.own, "seconds"),
        quantity(step.ready, "seconds"),
    ]


def _sentence(start: Start) -> str:
    text = f"{' -> '.join(start.chain)} decided the total of {quantity(start.total, 'seconds')}"
    if start.own is None:
        return f"{text}."
    rest = quantity(max(0.0, start.total - start.own), "seconds")
    return (
        f"{text}: {quantity(start.own, 'seconds')} in their own starts, "
        f"{rest} before and between them."
    )
