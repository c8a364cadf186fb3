"""Readings: what one look at a running stack tells, in milliseconds and without changing it."""

from __future__ import annotations

from types import TracebackType

from ...errors import TranshipError
from ...modes.health import Prober
from ...stack.engine import engine_errors
from .arrangement import Arrangement
from .triggers import Baseline, Reading, percentile

_PROBES = 20
"""For the baseline: enough that the 95th percentile is not the worst of them."""


class Reader:
    """Looks at one arrangement again and again."""

    def __init__(self, here: Arrangement) -> None:
        self._here = here
        self._probers: dict[str, Prober] = {}
        self._counts: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the probes' connections."""
        for prober in self._probers.values():
            prober.close()
        self._probers.clear()

    def read(self) -> Reading | None:
        """Look once; None when whoever runs the services does not answer."""
        try:
            with engine_errors("Looking at the stack"):
                restarts = dict(self._here.restarts())
                memory = self._memory()
                self._connect()
        except (TranshipError, OSError):
            self.close()
            return None
        self._count(restarts)
        healthy = {name: name in restarts for name in self._here.mode.sides}
        for name in list(healthy):
            if not healthy[name] and self._here.project.stack.expected_to_exit(name):
                del healthy[name]
        latency = {}
        for name, prober in self._probers.items():
            answer = prober.ask()
            healthy[name] = answer.healthy
            if answer.healthy:
                latency[name] = answer.seconds
        return Reading(healthy, latency, memory, dict(self._counts))

    def baseline(self) -> Baseline:
        """Return what the stack measures now, in a few probes of each service."""
        with engine_errors("Measuring the stack"):
            self._connect()
            memory = self._memory()
        measured: dict[str, list[float]] = {}
        for _ in range(_PROBES):
            for name, prober in self._probers.items():
                answer = prober.ask()
                if answer.healthy:
                    measured.setdefault(name, []).append(answer.seconds)
        return Baseline({name: percentile(values) for name, values in measured.items()}, memory)

    def _connect(self) -> None:
        if self._probers:
            return
        addresses = self._here.mode.addresses()
        for service in self._here.mode.services:
            address = addresses.get(service.name)
            if service.health is not None and address is not None:
                self._probers[service.name] = Prober(service.health, address)

    def _memory(self) -> dict[str, int]:
        found = {}
        for process in self._here.mode.processes():
            size = process.cgroup.memory_bytes() if process.cgroup is not None else None
            if size is None and process.pid is not None:
                size = _resident(process.pid)
            if size is not None:
                found[process.service] = size
        return found

    def _count(self, marks: dict[str, int]) -> None:
        """Count starts: the engine's counter went up, or a process has another id."""
        for name, mark in marks.items():
            before = self._last.get(name)
            if before is not None and before != mark:
                by = mark - before if self._here.mode.sides.get(name) == "docker" else 1
                self._counts[name] = self._counts.get(name, 0) + max(1, by)
        self._last.update(marks)


def _resident(pid: int) -> int | None:
    import psutil

    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
        return sum(int(process.memory_info().rss) for process in tree)
    except psutil.Error:
        return None
