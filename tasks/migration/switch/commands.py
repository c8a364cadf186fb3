"""What the tasks of `migrate` do that concern a switch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from ... import console
from ...envmap.project import open_project
from ...errors import (
    EnvironmentFailed,
    RunInterrupted,
    StackFailed,
    TranshipError,
    UsageError,
)
from ...interrupts import deferred
from ...modes.base import silent
from ...settings import Settings
from ..data import records
from ..data.site import Tell
from . import hybrid
from . import journal as journals
from .asked import require_known
from .back import go_back
from .crossing import Crossing
from .journal import Journal, JournalUnreadable
from .latest import Note, at, last, latest, left_behind, required
from .own import OwnOperations
from .steps import StepFailed, forward
from .triggers import Fired
from .watching import TakenOver, held, watch


@dataclass
class Switching:
    """The switch of one checkout."""

    settings: Settings
    tell: Tell = silent
    note: Note = silent
    """Told what must not go by unseen."""
    suite_root: Path | None = None
    _last: Crossing | None = field(default=None, init=False)

    def switch(
        self, to: str, *, replacing: bool = False, without: Sequence[str] = (), asks: bool = True
    ) -> Journal:
        """Move everything to another arrangement, up to where the watch begins.

        `asks` is whether the checklist is asked, and `without` are the items to do without.

        Raises UsageError where it cannot begin, and StackFailed when it went back; the
        message says what is the case then.
        """
        with self._alone():
            before = latest(self.settings, self.note)
            if before is not None and not before.over:
                raise UsageError(
                    f"A switch from {before.source} to {before.target} is under way ({at(before)}"
                    "). Go on with it: inv migrate.switch --resume. Back: inv migrate.rollback"
                )
            source = hybrid.current(open_project(self.settings), self.tell)
            if source.name == to:
                raise UsageError(f"{to} is what is up already.")
            hybrid.sides_named(source.project, to)
            require_known(self.settings, to, without)
            ours = before is not None and to == left_behind(before)
            options = {
                "replace": replacing or ours,
                "replacing": replacing,
                "without": [*without],
                "asks": asks,
            }
            made = journals.new(self.settings, source.name, to, options)
            if before is not None:
                # What was left refusing writes is known by the journal alone.
                made.frozen = dict(before.frozen)
            crossing = self._crossing(made)
            made.in_place = crossing.operations.in_place
            made.ports = crossing.operations.choose_ports()
            try:
                self._forward(crossing)
            except _NotBegun as error:
                # Nothing was touched: the journal of the switch before counts again.
                if before is not None:
                    before.write()
                else:
                    for path in (made.path, journals.previous(made.path)):
                        path.unlink(missing_ok=True)
                raise error.error from error
        return made

    def resume(self) -> Journal:
        """Go on with a switch that was cut short, up to where the watch begins."""
        with self._alone():
            found = required(self.settings, self.note)
            if found.state == "going back":
                raise UsageError("It is on its way back. Finish that: inv migrate.rollback")
            if found.over:
                raise UsageError(f"Nothing is under way: the last switch is {found.state}.")
            self._forward(self._crossing(found), resumed=True)
        return found

    def watch(self, found: Journal, seconds: float) -> None:
        """Watch the target.

        Raises StackFailed when a trigger fired and it went back.
        """
        crossing = self._crossing(found)
        try:
            fired = watch(crossing, seconds, self._alone, partial(self._unchanged, found))
        except TakenOver as error:
            raise EnvironmentFailed(
                "Another command has gone on with this switch. What is the case: inv migrate.status"
            ) from error
        if fired is None:
            return
        self.note(f"{fired.trigger}: {fired.why} Going back to {found.source}.")
        with held(self._alone, crossing.settings.interval, crossing.sleep), deferred():
            self._back(crossing, fired)
        raise StackFailed(
            f"{fired.trigger}: {fired.why}\nEverything is back on {found.source}, with what was "
            f"written since the switch. Writes were refused for {found.refused_seconds:.1f} s in "
            f"all. Report: {console.path(found.report)}"
        )

    def rollback(self, reason: str, *, bring: bool = True) -> Journal:
        """Go back to where the switch came from.

        Raises UsageError when there is no way back.
        """
        with self._alone():
            found = required(self.settings, self.note)
            if found.state in {"back", "finished"}:
                raise UsageError(f"There is nothing to go back from: {last(found)}")
            fired = None
            if found.state != "going back":
                fired = Fired("a person", reason or "asked for by inv migrate.rollback.")
            go_back(self._crossing(found), fired, bring=bring)
        return found

    def finish(self) -> tuple[Journal, str]:
        """Remove the data that is kept for the way back; there is none after that."""
        with self._alone():
            found = self.finishable()
            crossing = self._crossing(found)
            note = crossing.operations.remove_data("source" if found.state == "moved" else "target")
            found.state = "finished"
            found.frozen = {}
            found.write()
        return found, note

    def finishable(self) -> Journal:
        """Return the journal of a switch whose old side can be removed.

        Raises UsageError for one that is under way, or over and done with.
        """
        found = required(self.settings, self.note)
        if not found.over:
            raise UsageError(f"A switch is under way ({at(found)}). What now: inv migrate.status")
        if found.state == "finished":
            raise UsageError("The last switch is finished already: its old side is removed.")
        return found

    def _forward(self, crossing: Crossing, *, resumed: bool = False) -> None:
        try:
            forward(crossing)
        except StepFailed as failed:
            journal = crossing.journal
            if not resumed and journal.entry("freeze") is None:
                if journal.entry("beside") is not None:
                    with deferred(), suppress(TranshipError):
                        crossing.operations.close_beside()
                raise _NotBegun(failed.__cause__ or failed) from failed
            with deferred():
                self._give_up(crossing, failed, journal)

    def _give_up(self, crossing: Crossing, failed: StepFailed, journal: Journal) -> NoReturn:
        why = f"the step {failed.step} failed: {failed}"
        self.note(f"{why}\nGoing back to {journal.source}.")
        try:
            self._back(crossing, Fired(f"step {failed.step}", why))
        except TranshipError as error:
            raise StackFailed(
                f"{why}\nThe way back failed too: {error}\nWhat is the case: inv migrate.status. "
                "When that is mended: inv migrate.rollback"
            ) from failed
        if isinstance(failed.__cause__, (KeyboardInterrupt, RunInterrupted)):
            raise failed.__cause__
        raise StackFailed(
            f"The step {failed.step} failed: {failed}\nEverything is on {journal.source} again, "
            f"with all data. Report: {console.path(journal.report)}"
        ) from failed

    def _back(self, crossing: Crossing, fired: Fired) -> None:
        go_back(crossing, fired)

    def _alone(self) -> AbstractContextManager[None]:
        return records.alone(self.settings)

    def _unchanged(self, found: Journal) -> bool:
        """Return whether the journal on the disk is still the one that is being watched."""
        try:
            there = journals.read(self.settings)
        except JournalUnreadable:
            return True
        return there is not None and (there.id, there.state) == (found.id, found.state)

    def _crossing(self, found: Journal) -> Crossing:
        """Return the crossing of a journal; what it has opened once stays open."""
        if self._last is None or self._last.journal is not found:
            operations = self._operations(found)
            self._last = Crossing(found, operations, self.settings.migrate)
        self._last.say = self.tell
        return self._last

    def _operations(self, found: Journal) -> OwnOperations:
        settings = self.settings.in_environment(found.environment)
        return OwnOperations(
            settings, found.source, found.target, found.ports, self.tell, self.suite_root
        )


class _NotBegun(Exception):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def with_interval(settings: Settings, interval: float) -> Settings:
    """Return the settings with another interval; 0 keeps theirs."""
    if interval <= 0:
        return settings
    return replace(settings, migrate=replace(settings.migrate, interval=interval))
