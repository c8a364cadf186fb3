"""Delta debugging: the smallest part of a set of changes that still has an effect."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def minimal(items: Sequence[Item], flips: Callable[[tuple[Item, ...]], bool]) -> tuple[Item, ...]:
    """Return a part of `items` that flips, of which none can be left out.

    All of `items` flip, and none of them do not: the caller has tried both. No set is tried
    twice. Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
    2002, the algorithm `ddmin`; at most about n squared sets are tried, and 2 log n for one item.
    """
    known: dict[frozenset[Item], bool] = {}

    def tried(part: tuple[Item, ...]) -> bool:
        key = frozenset(part)
        if key not in known:
            known[key] = flips(part)
        return known[key]

    found, pieces = tuple(items), 2
    while len(found) > 1:
        parts = _split(found, pieces)
        part = next((part for part in parts if tried(part)), None)
        if part is not None:
            found, pieces = part, 2
            continue
        # Of two parts each is what the other leaves.
        rests = (_without(found, part) for part in parts) if pieces > 2 else ()
        rest = next((rest for rest in rests if tried(rest)), None)
        if rest is not None:
            found, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(found):
            pieces = min(len(found), pieces * 2)
        else:
            break
    return found


def _split(items: tuple[Item, ...], pieces: int) -> list[tuple[Item, ...]]:
    """Return the items in so many parts of nearly one size, in their order."""
    ends = [round(len(items) * number / pieces) for number in range(pieces + 1)]
    return [items[begin:end] for begin, end in itertools.pairwise(ends)]


def _without(items: tuple[Item, ...], part: tuple[Item, ...]) -> tuple[Item, ...]:
    left = set(part)
    return tuple(item for item in items if item not in left)
