"""Ctrl-C and SIGTERM: they unwind the work, and they do not cut its cleaning up short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
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

    previous: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            previous[number] = signal.signal(number, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


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

    previous: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            previous[number] = signal.signal(number, hold)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt
