"""Which test of one trial is which test of the other.

Tests are joined on JUnit's classname and name. The classname is the module's path from
pytest's root folder, so a suite that runs in /app/tests in a container and in the
repository on the host gives `stack.test_orders` there and `tests.stack.test_orders` here:
what finds no equal is joined where one name ends in the other, if only one test does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..trials.record import TestOutcome

Key = tuple[str, str]


@dataclass(frozen=True)
class Joined:
    """Pairs in the baseline's order, and what is on one side only."""

    pairs: tuple[tuple[TestOutcome, TestOutcome], ...]
    only_baseline: tuple[TestOutcome, ...]
    only_candidate: tuple[TestOutcome, ...]


def join(baseline: Sequence[TestOutcome], candidate: Sequence[TestOutcome]) -> Joined:
    """Return both suites joined.

    Tests that share a classname and a name are joined in the order of their reports.
    """
    if [*map(_key, baseline)] == [*map(_key, candidate)]:
        return Joined(tuple(zip(baseline, candidate, strict=True)), (), ())
    left, right = _by_key(baseline), _by_key(candidate)
    partner = {key: key for key in left if key in right}
    partner.update(
        _by_suffix(
            [key for key in left if key not in right],
            [key for key in right if key not in left],
        )
    )
    indexes = sorted(
        pair
        for key, other in partner.items()
        for pair in zip(left[key], right[other], strict=False)
    )
    ours = {index for index, _ in indexes}
    theirs = {index for _, index in indexes}
    return Joined(
        pairs=tuple((baseline[index], candidate[other]) for index, other in indexes),
        only_baseline=tuple(test for i, test in enumerate(baseline) if i not in ours),
        only_candidate=tuple(test for i, test in enumerate(candidate) if i not in theirs),
    )


def _by_key(tests: Sequence[TestOutcome]) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = defaultdict(list)
    for index, test in enumerate(tests):
        groups[_key(test)].append(index)
    return dict(groups)


def _key(test: TestOutcome) -> Key:
    return test.classname, test.name


def _by_suffix(left: list[Key], right: list[Key]) -> dict[Key, Key]:
    """Return which key of the left is which of the right, where only one ends in the other.

    By two indexes: to try every pair takes hours where a suite has 50,000 tests.
    """
    whole = {_split(other): other for other in right}
    endings: dict[_Split, list[Key]] = defaultdict(list)
    for split, other in whole.items():
        for ending in _endings(split):
            endings[ending].append(other)
    forward = {}
    claims: dict[Key, int] = defaultdict(int)
    for key in left:
        split = _split(key)
        longer = endings.get(split, [])
        shorter = [whole[ending] for ending in _endings(split) if ending in whole]
        forward[key] = [*longer, *shorter]
        for other in forward[key]:
            claims[other] += 1
    return {
        key: others[0]
        for key, others in forward.items()
        if len(others) == 1 and claims[others[0]] == 1
    }


_Split = tuple[str | None, str]
"""A test's name, and the dotted path that a root folder may make shorter."""


def _split(key: Key) -> _Split:
    classname, name = key
    # A module that could not be imported: pytest puts its dotted path into the name.
    return (name, classname) if classname else (None, name)


def _endings(split: _Split) -> Iterator[_Split]:
    """Yield the path's endings after each dot, without the whole path."""
    name, path = split
    while "." in path:
        path = path.partition(".")[2]
        if path:
            yield name, path
