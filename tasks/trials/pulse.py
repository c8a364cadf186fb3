"""How fast each service answers while the suite runs: its health probe, asked once a second.

From this host on both sides, as the health samples before the suite, and by the small client
that dials the edges: httpx takes five times the CPU for the same question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from ..modes.base import Address
from ..stack.model import Service
from .dial import Target

INTERVAL_SECONDS = 1.0
"""Half as often as the rest is read: an answer costs the service what reading does not."""


class Pulse:
    """Asks the services that have a probe and an address, while the block runs.

    In a thread of its own: a service that does not answer delays no other figure.
    """

    def __init__(
        self, services: Iterable[Service] = (), addresses: Mapping[str, Address] | None = None
    ) -> None:
        known = addresses or {}
        self._targets = {
            service.name: Target(
                0,
                service.health.kind,
                known[service.name].host,
                known[service.name].port,
                service.health.path,
            )
            for service in services
            if service.health is not None and service.name in known
        }
        self._newest: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self.cost_seconds = 0.0
        """CPU that asking has taken here."""

    def __enter__(self) -> Pulse:
        if self._targets:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        if self._targets:
            self._thread.join()

    def take(self, service: str) -> float | None:
        """Return the seconds of the newest answer, once; None where there is no new one."""
        return self._newest.pop(service, None)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            began = time.thread_time()
            for name, target in self._targets.items():
                target.ask(True)
                if target.times:
                    self._newest[name] = target.times.pop()
                if self._ended.is_set():
                    break
            self.cost_seconds += time.thread_time() - began
            due = max(due + INTERVAL_SECONDS, time.monotonic())
            if self._ended.wait(due - time.monotonic()):
                break
        for target in self._targets.values():
            target.close()
