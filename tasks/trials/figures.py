"""The figures of a trial: what services and the runtime cost, and what calls between them take.

Times are seconds, memory is bytes. A figure that could not be measured is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["local", "docker"]
EdgeKind = Literal["http", "postgres", "redis", "tcp"]
EdgeVia = Literal["direct", "published"]

ENOUGH_FOR_P99 = 50
"""Answers below which a 99th percentile is the slowest of them and nothing more."""


@dataclass(frozen=True)
class HealthSamples:
    """Health probes sent from the host, the same way to both sides."""

    samples: int
    passed: int
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None
    """None with fewer than ENOUGH_FOR_P99 answers."""

    @property
    def rate(self) -> float | None:
        """Share of the probes that passed; None without samples."""
        return self.passed / self.samples if self.samples else None


@dataclass(frozen=True)
class Series:
    """What a service used while the suite ran: every column has one value for each time.

    Counters (CPU, network, block) hold what was used before the suite, and go on over
    restarts. None where this host cannot tell.
    """

    at_seconds: tuple[float, ...] = ()
    """From the start of the suite."""
    memory_bytes: tuple[int | None, ...] = ()
    cpu_seconds: tuple[float | None, ...] = ()
    threads: tuple[int | None, ...] = ()
    open_files: tuple[int | None, ...] = ()
    network_bytes: tuple[int | None, ...] = ()
    """Received and sent; only of a service with a network namespace of its own."""
    block_bytes: tuple[int | None, ...] = ()
    """Read from and written to block devices."""
    latency_seconds: tuple[float | None, ...] = ()
    """What the health probe took; None where it was not asked, or did not answer in health."""


@dataclass(frozen=True)
class ServiceFigures:
    """What one service cost."""

    side: Side
    startup_seconds: float | None = None
    """From the request to start the stack until this service answered its probe."""
    own_startup_seconds: float | None = None
    """From the start of the service's own process until it answered its probe."""
    memory_bytes: int | None = None
    """Anonymous resident memory of the process tree at the end of the suite."""
    memory_method: str | None = None
    cpu_seconds: float | None = None
    """CPU time from the process's start to the end of the suite."""
    cpu_method: str | None = None
    health: HealthSamples | None = None
    offset_seconds: float | None = None
    """From the request to start the stack until this service's own process began."""
    waited_for: tuple[str, ...] = ()
    """The services of the stack that it waits for (`depends_on`)."""
    series: Series | None = None
    throttled_seconds: float | None = None
    """How long its CPU limit held it back; None where the kernel does not count it."""
    oom_kills: int | None = None
    """How many of its processes the kernel killed for memory; None where it does not say."""


@dataclass(frozen=True)
class RuntimeShare:
    """The mode's own processes: shims and proxies, or the supervisor."""

    processes: int
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    series: Series | None = None


@dataclass(frozen=True)
class EdgeLatency:
    """What reaching one service costs from where its consumers run."""

    consumer: str
    target: str
    kind: EdgeKind
    via: EdgeVia
    """`direct`: as the consumer dials; `published`: from this host by the published port."""
    samples: int
    failed: int
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None


@dataclass(frozen=True)
class Queried:
    """What a Prometheus said of the time that the suite ran, to the query of a gate."""

    query: str
    """As the gate has it, with its placeholders."""
    asked: str = ""
    """As it was asked; empty where it never was."""
    at: str = ""
    """The moment that was asked of, the end of the suite: UTC, ISO 8601, by this host's clock."""
    source: str = ""
    """The URL, without name and password."""
    value: float | None = None
    """Finite; None where there is none."""
    fault: str = ""
    """Why there is no value, and the mend; empty where there is one."""
    clock_seconds: float = 0.0
    """How far the clock of Prometheus was ahead of this host's, where that was above a second."""
