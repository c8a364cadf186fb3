"""Operations: what the steps have done for them, and by what words they ask for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from .triggers import Baseline, Reading

Which = Literal["source", "target", "beside"]
"""The arrangement that was up, the one that is to be, and that one on free ports."""
Remember = Callable[[dict[str, dict[str, Any]]], None]
"""Puts on the disk what must be set for frozen stores to take writes again."""


class Operations(Protocol):
    """Everything that a step can have done; each may be repeated."""

    in_place: bool
    """Whether source and target share services, so that they cannot be up side by side."""

    def preflight(self) -> Baseline:
        """Raise for whatever stands against the switch; return what the source measures."""

    def ask(self, without: Collection[str]) -> dict[str, str]:
        """Raise for what the checklist has not proved; return what was, of those to do without.

        By the item's id, how it stands.
        """

    def snapshot(self, name: str) -> str:
        """Keep the source's stores under a name, unless it is taken; return a sentence."""

    def prepare(self) -> None:
        """Pull and build what the target needs."""

    def choose_ports(self) -> dict[str, int]:
        """Return free ports for the target beside the source, by `service:port`."""

    def open_beside(self, *, replace: bool, ours: Collection[str]) -> str:
        """Start the target's stores beside the source; return a sentence.

        Raises UsageError when they hold something, without `replace`; but for `ours`, which an
        earlier switch left behind (`store on side`).
        """

    def close_beside(self) -> None:
        """Stop what runs of the target on free ports."""

    def halt(self, which: Which) -> None:
        """Stop the services that write."""

    def freeze(self, which: Which, remember: Remember) -> str:
        """Have the stores refuse writes; return a sentence."""

    def thaw(self, which: Which, records: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Have the stores that are recorded take writes again; return their records' keys."""

    def carry(self, source: Which, target: Which, *, compare: bool) -> str:
        """Have the second hold what the first does, proved; return a sentence.

        With `compare`, what is so already is left alone.
        """

    def opened(self, which: Which) -> AbstractContextManager[object]:
        """Have a side's stores run while the block does."""

    def up(self, which: Which) -> None:
        """Have all services run and answer."""

    def down(self, which: Which) -> None:
        """Stop everything; the data stays."""

    def ill(self, which: Which) -> tuple[str, ...]:
        """Return the services that do not answer."""

    def smoke(self, which: Which) -> str:
        """Run the smoke tests; return a sentence. Raises StackFailed when one fails."""

    def move_traffic(self, which: Which) -> str:
        """Run the project's own command for it, where there is one; return a sentence."""

    def reading(self) -> Reading | None:
        """Return what one look at the target sees; None: nothing can be told."""

    def evidence(self, folder: Path) -> None:
        """Keep the target's logs and what the two sides' fingerprints differ in."""

    def remove_data(self, which: Which) -> str:
        """Remove what a side holds that the other does not need; return a sentence."""
