"""Waiting for services to answer: one thread asks each, the mode looks after the rest."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Mapping

from .health import Prober

INTERVAL_SECONDS = 0.03
"""Between two probes of one service: at 7 services this takes 5 % of one core."""


class Watch:
    """Asks services until each has answered once, and notes when."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._ready: queue.Queue[tuple[str, float]] = queue.Queue()
        self._details: dict[str, str] = {}

    def begin(self, service: str, prober: Prober) -> None:
        """Ask `service` from now on; the watch closes the prober."""
        thread = threading.Thread(
            target=self._ask, args=(service, prober), name=f"health-{service}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def next_ready(self, timeout: float) -> tuple[str, float] | None:
        """Return the next service that answered and when (epoch seconds), or None in time."""
        try:
            return self._ready.get(timeout=timeout)
        except queue.Empty:
            return None

    @property
    def last_answers(self) -> Mapping[str, str]:
        """Service -> what its last probe said."""
        return dict(self._details)

    def close(self) -> None:
        """End every thread."""
        self._ended.set()
        for thread in self._threads:
            # RuntimeError: a signal came while the thread was being started.
            with contextlib.suppress(RuntimeError):
                thread.join()

    def _ask(self, service: str, prober: Prober) -> None:
        try:
            while not self._ended.is_set():
                answer = prober.ask()
                self._details[service] = answer.detail
                if answer.healthy:
                    self._ready.put((service, time.time()))
                    return
                self._ended.wait(INTERVAL_SECONDS)
        finally:
            prober.close()
