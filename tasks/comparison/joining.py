"""Which test of one trial is which test of the other.

Tests are joined on JUnit's classname and name. The classname is the module's path from
pytest's root folder, so a suite that runs in /app/tests in a container and in the
repository on the host gives `stack.test_orders` there and `tests.stack.test_orders` here:
what finds no equal is joined where one name ends in the other, if only one test does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
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
        groups[test.classname, test.name].append(index)
    return dict(groups)


def _by_suffix(left: list[Key], right: list[Key]) -> dict[Key, Key]:
    forward = {key: [other for other in right if _alike(key, other)] for key in left}
    claims: dict[Key, int] = defaultdict(int)
    for others in forward.values():
        for other in others:
            claims[other] += 1
    return {
        key: others[0]
        for key, others in forward.items()
        if len(others) == 1 and claims[others[0]] == 1
    }


def _alike(key: Key, other: Key) -> bool:
    (classname, name), (other_classname, other_name) = key, other
    if not classname and not other_classname:
        # A module that could not be imported: pytest puts its dotted path into the name.
        return _ends(name, other_name)
    return name == other_name and _ends(classname, other_classname)


def _ends(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return one.endswith(f".{other}") or other.endswith(f".{one}")
