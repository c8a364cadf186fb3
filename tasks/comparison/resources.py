"""What each service used while the suite ran, and whether a limit held it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..trials.record import Series, Trial
from .diff import Comparison, Summary
from .layout import Style
from .units import MISSING, quantity

RUNTIME = "(runtime)"


@dataclass(frozen=True)
class Used:
    """One service, or the runtime, in one mode, from the suite's start to its end."""

    service: str
    cpu_seconds: float | None
    memory_bytes: float | None
    """The most that a sample showed; so are threads and open files."""
    threads: float | None
    open_files: float | None
    network_bytes: float | None
    block_bytes: float | None
    throttled_seconds: float | None = None
    oom_kills: int | None = None


def used_in(trial: Trial) -> tuple[Used, ...]:
    """Return what the services and the runtime of a trial used; without samples, nothing."""
    found = [
        _used(name, figures.series, figures.throttled_seconds, figures.oom_kills)
        for name, figures in trial.services.items()
        if figures.series is not None
    ]
    if trial.runtime is not None and trial.runtime.series is not None:
        found.append(_used(RUNTIME, trial.runtime.series, None, None))
    return tuple(found)


def _used(service: str, series: Series, throttled: float | None, kills: int | None) -> Used:
    return Used(
        service=service,
        cpu_seconds=_grown(series.cpu_seconds),
        memory_bytes=_most(series.memory_bytes),
        threads=_most(series.threads),
        open_files=_most(series.open_files),
        network_bytes=_grown(series.network_bytes),
        block_bytes=_grown(series.block_bytes),
        throttled_seconds=throttled,
        oom_kills=kills,
    )


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _grown(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return known[-1] - known[0] if len(known) > 1 else None


def blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the table of both modes and what limits did; nothing without samples."""
    found = [(side, {one.service: one for one in _of(side)}) for side in comparison.sides]
    names = list(dict.fromkeys(name for _, used in found for name in used))
    # The runtime last, also where only one mode has a service.
    names.sort(key=lambda name: name == RUNTIME)
    rows = []
    for name in names:
        label = style.text(name)
        for side, used in found:
            if name in used:
                rows.append([label, style.text(side.name), *_cells(used[name])])
                label = ""
    if not rows:
        return
    yield style.heading("During the suite")
    yield style.table(
        ("service", "mode", "CPU", "memory", "threads", "files", "network", "block I/O"),
        rows,
        cut={0: "start"},
        right=frozenset(range(2, 8)),
    )
    limits = [line for side, used in found for line in _limits(side, used.values(), style)]
    if limits:
        yield "\n".join(limits)


def _of(side: Summary) -> tuple[Used, ...]:
    return used_in(side.trial) if side.trial else ()


def _cells(used: Used) -> list[str]:
    return [
        quantity(used.cpu_seconds, "seconds"),
        quantity(used.memory_bytes, "bytes"),
        quantity(used.threads, "count"),
        quantity(used.open_files, "count"),
        _kibibytes(used.network_bytes),
        _kibibytes(used.block_bytes),
    ]


def _kibibytes(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value / 1024:.0f} KiB" if value < 2**20 else quantity(value, "bytes")


def _limits(side: Summary, used: Iterable[Used], style: Style) -> Iterator[str]:
    for one in used:
        if one.throttled_seconds:
            held = quantity(one.throttled_seconds, "seconds")
            yield style.text(f"- {side.name}: {one.service} was throttled for {held}")
        if one.oom_kills:
            times = "once" if one.oom_kills == 1 else f"{one.oom_kills} times"
            yield style.text(f"- {side.name}: {one.service} was killed for memory {times}")
