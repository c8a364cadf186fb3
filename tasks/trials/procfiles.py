"""What the kernel's /proc files say of one process, read directly: a few microseconds each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Reading:
    """One process at one moment. None where this user may not look."""

    resident_bytes: int
    cpu_seconds: float
    threads: int
    open_files: int | None
    block_bytes: int | None


def read(pid: int) -> Reading | None:
    """Return what a process uses; None when it is gone."""
    folder = f"{PROC}/{pid}"
    try:
        # The name may hold spaces and brackets: what counts comes after the last one.
        # Fields by proc(5), the first one here being the third there.
        fields = _text(f"{folder}/stat").rpartition(")")[2].split()
        return Reading(
            resident_bytes=int(fields[21]) * _PAGE,
            cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
            threads=int(fields[17]),
            open_files=_open_files(folder),
            block_bytes=_block_bytes(folder),
        )
    except (OSError, IndexError, ValueError):
        return None


def tree(pid: int) -> tuple[int, ...]:
    """Return a process and its descendants: what a control group would hold."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        with suppress(OSError):
            for thread in os.listdir(f"{PROC}/{current}/task"):  # noqa: PTH208 - twice as fast
                listed = _text(f"{PROC}/{current}/task/{thread}/children")
                waiting += [int(child) for child in listed.split()]
    return tuple(found)


def network_bytes(pid: int) -> int | None:
    """Return what was received and sent in the network namespace of a process.

    None where it shares this host's, whose figures are everybody's.
    """
    try:
        if os.readlink(f"{PROC}/{pid}/ns/net") == os.readlink(f"{PROC}/self/ns/net"):  # noqa: PTH115
            return None
        lines = _text(f"{PROC}/{pid}/net/dev").splitlines()[2:]
        return _sum_of_interfaces(lines)
    except (OSError, IndexError, ValueError):
        return None


def _sum_of_interfaces(lines: Iterable[str]) -> int:
    total = 0
    for line in lines:
        name, _, figures = line.partition(":")
        if name.strip() != "lo":
            columns = figures.split()
            total += int(columns[0]) + int(columns[8])
    return total


def _open_files(folder: str) -> int | None:
    try:
        return len(os.listdir(f"{folder}/fd"))  # noqa: PTH208 - twice as fast
    except OSError:
        return None


def _block_bytes(folder: str) -> int | None:
    try:
        figures = dict(line.split(": ") for line in _text(f"{folder}/io").splitlines())
        return int(figures["read_bytes"]) + int(figures["write_bytes"])
    except (OSError, KeyError, ValueError):
        return None


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - the hot path
        return stream.read()
