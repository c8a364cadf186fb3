"""An item of the checklist, what a probe found of it, and the evidence that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["proved", "failed", "unknown", "not needed"]
STATUSES: tuple[Status, ...] = ("proved", "failed", "unknown", "not needed")
PHASES: Mapping[int, str] = {
    1: "local stable",
    2: "Docker tuned",
    3: "mixed",
    4: "production",
}
TARGETS = ("local", "docker", "hybrid")
"""Where a switch may go, as far as items tell them apart."""
SECTIONS = ("environment", "function", "tests", "performance", "targets", "people")
"""The sections of Tranship's own items, in their order; a project's own come after."""


@dataclass(frozen=True)
class Item:
    """One thing to prove. One of `probe`, `command`, `recorded` and `manual` says how."""

    id: str
    section: str
    title: str
    phase: int
    probe: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """A program of the project's own; exit code 0 proves the item."""
    recorded: str | None = None
    """Another command, which writes the evidence down itself."""
    manual: bool = False
    needed: tuple[str, ...] = ()
    """The targets of a switch that asks for it."""
    waived: str = ""
    """Why the project does without it."""


@dataclass(frozen=True)
class Outcome:
    """What one look at an item found."""

    status: Status
    seen: str
    blind: bool = False
    """Whether it could not look at all (nothing runs, no record): earlier evidence holds on."""
    at: str | None = None
    """When that was so, where it was not just now: a record's time."""
    by: str | None = None
    """The command that measured it, where it was not the checklist itself."""


@dataclass(frozen=True)
class Evidence:
    """What was seen of an item, kept on disk. `at` is UTC, ISO 8601."""

    status: Status
    seen: str
    at: str
    by: str
    """The command, or for a manual item the person."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The stack's files then: path -> the beginning of its SHA-256. Empty: none matter."""
    manual: bool = False


@dataclass(frozen=True)
class Assessed:
    """An item and how it stands now."""

    item: Item
    status: Status
    seen: str
    """What was seen, or why nothing is known."""
    proof: str
    """The command that would prove it."""
    at: str | None = None
    by: str | None = None

    @property
    def proved(self) -> bool:
        """Whether the item stands in no phase's way."""
        return self.status in ("proved", "not needed")

    @property
    def word(self) -> str:
        """The status for people: what was confirmed by hand is never called proved."""
        return "confirmed" if self.item.manual and self.status == "proved" else self.status


def proved(reason: str, **more: str | None) -> Outcome:
    """Return that an item is proved."""
    return Outcome("proved", reason, **more)  # type: ignore[arg-type]


def failed(reason: str, **more: str | None) -> Outcome:
    """Return that an item is not as it should be."""
    return Outcome("failed", reason, **more)  # type: ignore[arg-type]


def unknown(reason: str, **more: str | None) -> Outcome:
    """Return that a look decided nothing."""
    return Outcome("unknown", reason, **more)  # type: ignore[arg-type]


def not_seen(reason: str) -> Outcome:
    """Return that there was nothing to look at."""
    return Outcome("unknown", reason, blind=True)


def not_needed(reason: str) -> Outcome:
    """Return that this stack has nothing of the kind."""
    return Outcome("not needed", reason)
