"""The watch: the target is looked at for a while, and sent back when a trigger fires."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict

from ...errors import DataRefused, StackFailed, TranshipError
from .crossing import Crossing
from .journal import Entry
from .moments import now
from .triggers import Fired, Reading, judge

_LOCK_SECONDS = 600.0
"""How long the watch waits for another command that moves data, before it gives up."""

Alone = Callable[[], AbstractContextManager[None]]
"""Keeps other commands away; raises DataRefused when one is at work."""
Unchanged = Callable[[], bool]
"""Whether the journal on the disk is still what this process left there."""


def watch(crossing: Crossing, seconds: float, alone: Alone, unchanged: Unchanged) -> Fired | None:
    """Look until the time is over; return what fired, None when all stayed well.

    The lock is not held meanwhile, so that `inv migrate.rollback` can be given at any time.

    Raises TakenOver when another command went on with the switch.
    """
    journal = crossing.journal
    with alone():
        journal.steps.append(Entry("watch", now()))
        journal.write()
    fired = _look(crossing, seconds, unchanged)
    with held(alone, crossing.settings.interval, crossing.sleep):
        if not unchanged():
            raise TakenOver
        begun = journal.steps[-1]
        note = "All stayed well." if fired is None else ""
        failure = f"{fired.trigger}: {fired.why}" if fired is not None else ""
        journal.steps[-1] = Entry("watch", begun.began, now(), note, failure)
        if fired is None:
            journal.state = "moved"
        journal.write()
    return fired


class TakenOver(Exception):
    """Another command has gone on with this switch."""


@contextmanager
def held(alone: Alone, interval: float, sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock while the block runs, once whoever has it lets it go."""
    deadline = time.monotonic() + _LOCK_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(alone())
                break
            except DataRefused:
                if time.monotonic() > deadline:
                    raise
                sleep(interval)
        yield


def _look(crossing: Crossing, seconds: float, unchanged: Unchanged) -> Fired | None:
    limits, interval = crossing.settings.triggers, crossing.settings.interval
    readings: list[Reading | None] = []
    deadline = time.monotonic() + seconds
    if limits.smoke and crossing.settings.smoke and (failed := _smoke(crossing)) is not None:
        return failed
    while True:
        began = time.monotonic()
        reading = crossing.operations.reading()
        readings = [*readings, reading][-max(limits.checks, 1) :]
        if reading is not None:
            crossing.journal.last = asdict(reading)
        fired = judge(readings, crossing.baseline, limits)
        if fired is not None:
            return fired
        if not unchanged():
            raise TakenOver
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        crossing.say(f"watch: {left:.0f} s to go")
        crossing.sleep(max(0.0, min(left, interval - (time.monotonic() - began))))


def _smoke(crossing: Crossing) -> Fired | None:
    try:
        crossing.operations.smoke("target")
    except StackFailed as error:
        return Fired("smoke", str(error))
    except TranshipError:
        # They could not be run at all: what can be measured tells whether something is wrong.
        return None
    return None
