"""What services use while the suite runs, read from control groups and /proc twice a second.

Both sides are read in the same way. A container's counters start again at zero when it
restarts, a local service's group goes on: the parts are added up to the same figure, less
what a container used in the last half second before it restarted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..modes.base import ServiceProcess
from ..modes.cgroups import Cgroup
from . import procfiles
from .pulse import Pulse
from .record import Series

INTERVAL_SECONDS = 0.5
_COLUMNS = ("memory", "cpu", "threads", "open_files", "network", "block", "latency")

Figure = int | float | None


@dataclass
class Counter:
    """A figure that only grows, over the restarts of what counts it."""

    _before: float = 0
    _last: float | None = None

    def add(self, now: float | None) -> float | None:
        """Take a reading and return the sum; None until there is one."""
        if now is not None:
            if self._last is not None and now < self._last:
                self._before += self._last
            self._last = now
        return self.total

    @property
    def total(self) -> float | None:
        """The sum of all parts."""
        return None if self._last is None else self._before + self._last


@dataclass
class _Watched:
    """One service, or the runtime: its processes, and what was read of them."""

    group: Cgroup | None = None
    root: int | None = None
    pids: tuple[int, ...] = ()
    """Where there is neither group nor root: exactly these."""
    cpu: Counter = field(default_factory=Counter)
    network: Counter = field(default_factory=Counter)
    throttled: Counter = field(default_factory=Counter)
    oom_kills: Counter = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    columns: dict[str, list[Figure]] = field(
        default_factory=lambda: {name: [] for name in _COLUMNS}
    )
    _seen: dict[int, tuple[float, int | None]] = field(default_factory=dict)

    def read(self, at: float, latency: float | None = None) -> None:
        """Take one sample."""
        pids = self._members()
        readings = {pid: found for pid in pids if (found := procfiles.read(pid)) is not None}
        for pid, found in readings.items():
            # What a process that has ended used stays in the sum.
            self._seen[pid] = (found.cpu_seconds, found.block_bytes)
        alive = readings.values()
        blocks = [block for _, block in self._seen.values()]
        row: dict[str, Figure] = {
            "threads": sum(one.threads for one in alive) if readings else None,
            "open_files": _sum(one.open_files for one in alive),
            "block": _sum(blocks),
            "latency": latency,
        }
        if self.group is not None:
            row["memory"] = self.group.memory_bytes()
            row["cpu"] = self.cpu.add(self.group.cpu_seconds())
            self.throttled.add(self.group.throttled_seconds())
            self.oom_kills.add(self.group.oom_kills())
        else:
            row["memory"] = _sum(one.resident_bytes for one in alive)
            row["cpu"] = sum(cpu for cpu, _ in self._seen.values()) if self._seen else None
        network = None if self.pids or not pids else procfiles.network_bytes(pids[0])
        row["network"] = _whole(self.network.add(network))
        self.at.append(at)
        for name, column in self.columns.items():
            column.append(row[name])

    def series(self) -> Series:
        """Return what was read."""
        columns = {name: tuple(column) for name, column in self.columns.items()}
        return Series(
            at_seconds=tuple(self.at),
            memory_bytes=_whole_numbers(columns["memory"]),
            cpu_seconds=columns["cpu"],
            threads=_whole_numbers(columns["threads"]),
            open_files=_whole_numbers(columns["open_files"]),
            network_bytes=_whole_numbers(columns["network"]),
            block_bytes=_whole_numbers(columns["block"]),
            latency_seconds=columns["latency"],
        )

    def _members(self) -> tuple[int, ...]:
        if self.group is not None:
            return self.group.pids()
        return procfiles.tree(self.root) if self.root is not None else self.pids


class Sampler:
    """Samples the services, and the runtime's own processes, while the block runs."""

    def __init__(
        self,
        processes: Iterable[ServiceProcess],
        runtime: Iterable[int] = (),
        pulse: Pulse | None = None,
    ) -> None:
        self._services = {
            item.service: _Watched(item.cgroup, None if item.cgroup else item.pid)
            for item in processes
            if item.cgroup is not None or item.pid is not None
        }
        self._runtime = _Watched(pids=tuple(runtime))
        self._pulse = pulse or Pulse()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._began = 0.0
        self.cost_seconds = 0.0
        """CPU that sampling itself has taken."""
        self._seconds = 0.0

    def __enter__(self) -> Sampler:
        self._began = time.monotonic()
        self._pulse.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._pulse.__exit__()
        self._ended.set()
        self._thread.join()
        self.cost_seconds += self._pulse.cost_seconds
        self._seconds = time.monotonic() - self._began

    @property
    def share(self) -> float:
        """Which share of one core sampling has taken, between 0 and 1."""
        return self.cost_seconds / self._seconds if self._seconds else 0.0

    def cpu_seconds(self, service: str) -> float | None:
        """Return the CPU seconds of a service's group over its restarts; None without one."""
        watched = self._services.get(service)
        return None if watched is None else watched.cpu.total

    def throttled_seconds(self, service: str) -> float | None:
        """Return how long a service was held back by its CPU limit; None if unknown."""
        watched = self._services.get(service)
        return None if watched is None else watched.throttled.total

    def oom_kills(self, service: str) -> int | None:
        """Return how many of a service's processes were killed for memory; None if unknown."""
        watched = self._services.get(service)
        return None if watched is None else _whole(watched.oom_kills.total)

    def series(self, service: str) -> Series | None:
        """Return a service's samples; None where it could not be watched."""
        watched = self._services.get(service)
        return None if watched is None else watched.series()

    def runtime_series(self) -> Series | None:
        """Return the samples of the runtime's own processes; None where there are none."""
        return self._runtime.series() if self._runtime.pids else None

    def _run(self) -> None:
        ended = False
        while not ended:
            self._read()
            # The last sample is taken when the block has ended.
            ended = self._ended.wait(INTERVAL_SECONDS)
        self._read()

    def _read(self) -> None:
        began = time.thread_time()
        at = round(time.monotonic() - self._began, 3)
        for name, watched in self._services.items():
            watched.read(at, self._pulse.take(name))
        if self._runtime.pids:
            self._runtime.read(at)
        self.cost_seconds += time.thread_time() - began


def _sum(values: Iterable[int | None]) -> int | None:
    """Return the sum; None where one is unknown: a part would pass for the whole."""
    total: int | None = None
    for value in values:
        if value is None:
            return None
        total = (total or 0) + value
    return total


def _whole(value: Figure) -> int | None:
    return None if value is None else int(value)


def _whole_numbers(values: Iterable[Figure]) -> tuple[int | None, ...]:
    return tuple(_whole(value) for value in values)
