"""A test whose outcome depends on what ran before it: the smallest set of tests that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .ddmin import minimal
from .items import Item

_LONGEST = 100_000
"""Characters of arguments that one run gets: systems take about ten times as many."""


@dataclass(frozen=True)
class Dependence:
    """What was found about the order."""

    after: tuple[Item, ...]
    """The tests after which the outcome is another one; empty where it is not found."""
    before: int
    """How many tests ran before it."""


def dependence(before: Sequence[Item], differs: Callable[[tuple[Item, ...]], bool]) -> Dependence:
    """Return the smallest set of the tests before after which the outcome differs.

    `differs` runs some of them, in their order, and then the test.
    """
    known = _last(before)
    if not known or not differs(known):
        return Dependence((), len(known))
    # Whole files first: most tests have nothing to do with it, and files are few.
    files = tuple(dict.fromkeys(item.file for item in known))

    def of_files(chosen: tuple[str, ...]) -> tuple[Item, ...]:
        return tuple(item for item in known if item.file in chosen)

    chosen = minimal(files, lambda part: differs(of_files(part)))
    return Dependence(minimal(of_files(chosen), differs), len(known))


def _last(before: Sequence[Item]) -> tuple[Item, ...]:
    """Return as many of the tests just before as one command line can name."""
    found: list[Item] = []
    length = 0
    for item in reversed(before):
        length += len(item.argument) + 1
        if length > _LONGEST:
            break
        found.append(item)
    return tuple(reversed(found))
