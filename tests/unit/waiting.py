"""Waiting for what another process or thread does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_GIVE_UP_SECONDS = 60.0


def until(reached: Callable[[], object], what: str) -> None:
    """Return when `reached()` is true; fail a test that would hang otherwise."""
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < deadline, f"never came: {what}"
        pause.wait(0.005)
