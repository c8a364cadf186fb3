"""Which figures moved for sure, and which runs were unlike the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from . import statistics
from .services import ServiceRow


@dataclass(frozen=True)
class Odd:
    """A run that was unlike the others of its mode, in one figure of one service."""

    row: ServiceRow
    side: int
    """0 for the baseline, 1 for the candidate."""
    run: int
    """From 1."""
    slow_first: bool


def moved_rows(rows: Sequence[ServiceRow]) -> tuple[ServiceRow, ...]:
    """Return one row for each figure that differs for sure between the sides."""
    once = _once(rows)
    found = statistics.moved([row.values for row in once])
    return tuple(row for row, sure in zip(once, found, strict=True) if sure)


def odd_runs(rows: Sequence[ServiceRow]) -> Iterator[Odd]:
    """Yield the outliers of every figure, those of a slow first run marked."""
    for row in _once(rows):
        if row.estimate is None:
            continue
        for side, found in enumerate((row.estimate.baseline, row.estimate.candidate)):
            for index in found.outliers:
                yield Odd(row, side, index + 1, index == 0 and found.slow_first)


def _once(rows: Iterable[ServiceRow]) -> list[ServiceRow]:
    # A figure has a row for each of its gates.
    return list({(row.service, row.figure): row for row in rows}.values())
