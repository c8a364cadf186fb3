"""Measurements of running services: health latency, memory, CPU."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..modes.base import Address, ServiceProcess
from ..modes.health import Prober
from ..stack.model import Service
from .figures import ENOUGH_FOR_P99
from .record import HealthSamples, RuntimeShare

HEALTH_SAMPLES = 50
_WARM_UP = 3


def health_samples(
    services: Iterable[Service], addresses: Mapping[str, Address], samples: int = HEALTH_SAMPLES
) -> dict[str, HealthSamples]:
    """Probe every service that has a probe and an address, one after the other.

    A few probes go before that are not counted: the first opens connections and caches.
    """
    found = {}
    for service in services:
        address = addresses.get(service.name)
        if service.health is None or address is None:
            continue
        prober = Prober(service.health, address)
        try:
            for _ in range(_WARM_UP):
                prober.ask()
            answers = [prober.ask() for _ in range(samples)]
        finally:
            prober.close()
        times = [answer.seconds for answer in answers if answer.healthy]
        enough = len(times) > 1
        found[service.name] = HealthSamples(
            samples=len(answers),
            passed=len(times),
            p50_seconds=statistics.median(times) if enough else None,
            p95_seconds=statistics.quantiles(times, n=20)[-1] if enough else None,
            p99_seconds=_p99(times),
        )
    return found


def _p99(times: Sequence[float]) -> float | None:
    if len(times) < ENOUGH_FOR_P99:
        return None
    # Inclusive: the other method goes beyond the slowest answer where there are so few.
    return statistics.quantiles(times, n=100, method="inclusive")[98]


@dataclass(frozen=True)
class Usage:
    """What one service used up to now."""

    memory_bytes: int | None
    cpu_seconds: float | None
    method: str | None


def usage(process: ServiceProcess) -> Usage:
    """Return a service's memory and CPU: from its control group, else its process tree."""
    group = process.cgroup
    if group is not None:
        return Usage(group.memory_bytes(), group.cpu_seconds(), group.method)
    if process.pid is None:
        return Usage(None, None, None)
    return _tree(process.pid)


def _tree(pid: int) -> Usage:
    import psutil

    memory, cpu = 0, 0.0
    try:
        root = psutil.Process(pid)
        for member in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error), member.oneshot():
                memory += member.memory_info().rss
                times = member.cpu_times()
                cpu += times.user + times.system
    except psutil.Error:
        return Usage(None, None, None)
    return Usage(memory, cpu, "psutil rss")


def runtime_share(pids: Iterable[int]) -> RuntimeShare:
    """Return what the mode's own processes use: resident memory and CPU seconds so far."""
    import psutil

    count, memory, cpu = 0, 0, 0.0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                memory += process.memory_info().rss
                times = process.cpu_times()
                cpu += times.user + times.system
                count += 1
    return RuntimeShare(count, memory if count else None, cpu if count else None)
