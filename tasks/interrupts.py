"""Ctrl-C and SIGTERM: they unwind the work, and they do not cut its cleaning up short."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import RunInterrupted


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that cleaning up happens.

    Outside the main thread, where Python allows no handlers, nothing changes.
    """

    def interrupt(number: int, _frame: object) -> None:
        raise RunInterrupted(f"Ended by {signal.Signals(number).name}.")

    with _handled(interrupt, signal.SIGTERM, signal.SIGHUP):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Hold back Ctrl-C, SIGTERM and SIGHUP until the block is done; a second one ends it.

    For cleaning up: people press Ctrl-C again when nothing seems to happen, and what they
    cut short then would be left behind. Outside the main thread nothing changes.
    """
    caught: list[int] = []

    def hold(number: int, _frame: object) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt

    with _handled(hold, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield
    if caught:
        raise KeyboardInterrupt


@contextmanager
def _handled(handler: Callable[[int, object], None], *numbers: signal.Signals) -> Iterator[None]:
    """Let `handler` answer these signals; outside the main thread, leave them as they are."""
    previous: dict[signal.Signals, Any] = {}
    try:
        for number in numbers:
            previous[number] = signal.signal(number, handler)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
