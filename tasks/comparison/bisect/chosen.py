"""The one test that is looked into: which it is, and what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import UsageError
from ...trials.record import TestOutcome, Trial
from ..diff import Comparison
from ..explained import Both, differing, test_name
from ..summary import FAILING
from .items import normalised


@dataclass(frozen=True)
class Chosen:
    """A differing test, by the side on which it fails and the one on which it does not."""

    name: str
    message: str
    failing: int
    """0 where the baseline is the failing side, else 1."""
    outcomes: Both
    """As the baseline and the candidate have it."""

    def outcome(self, side: int) -> TestOutcome:
        """Return the test as one side names it, or as the other does where that has none."""
        found = self.outcomes[side] or self.outcomes[1 - side]
        assert found is not None  # noqa: S101 - one of the two always has it
        return found


def chosen(comparison: Comparison, test: str) -> Chosen:
    """Return the one differing test that `test` is a part of the name of.

    Raises UsageError when none or several are, or when it fails on both sides.
    """
    both = [
        *differing(comparison),
        *((it.baseline, it.candidate) for it in comparison.flaky),
        *_hung(comparison),
    ]
    wanted = normalised(test)
    found = [it for it in both if wanted in _name(it)]
    exact = [it for it in found if wanted in (_name(it), _name(it).rpartition("::")[2])]
    found = exact if len(exact) == 1 else found
    sides = " and ".join(side.name for side in comparison.sides)
    if not found:
        names = ", ".join(_name(it) for it in both[:10])
        raise UsageError(
            f"No test that differs between {sides} has {test!r} in its name. "
            + (f"These differ: {names}." if names else "None differs.")
        )
    if len(found) > 1:
        names = ", ".join(_name(it) for it in found[:10])
        raise UsageError(f"{len(found)} tests have {test!r} in their names; name one: {names}.")
    outcomes = found[0]
    failing = [test is not None and test.outcome in FAILING for test in outcomes]
    if all(failing) and outcomes not in [(it.baseline, it.candidate) for it in comparison.flaky]:
        raise UsageError(
            f"{_name(outcomes)} fails on both {sides}, and says different things: there is no "
            "side on which it passes to take anything from."
        )
    if not any(failing):
        failing = [test is None or test.outcome != "passed" for test in outcomes]
    side = 1 if failing[1] else 0
    said = outcomes[side]
    return Chosen(_name(outcomes), said.message if said else "", side, outcomes)


def _hung(comparison: Comparison) -> Iterator[Both]:
    """Yield the test in which a side's suite hung: its report has none of it."""
    for number, side in enumerate(comparison.sides):
        suite = side.trial.suite if side.trial is not None else None
        other = comparison.sides[1 - number].tests
        if suite is not None and suite.hung_in is not None:
            name = normalised(suite.hung_in)
            for test in other:
                if test_name(test) == name:
                    yield (None, test) if number == 0 else (test, None)


def _name(both: Both) -> str:
    return test_name(both[0] or both[1])


def ran_before(trial: Trial | None, test: TestOutcome) -> tuple[TestOutcome, ...]:
    """Return the tests that ran before one on record; none where it is not on record."""
    tests = trial.suite.tests if trial is not None and trial.suite is not None else ()
    names = [(it.classname, it.name) for it in tests]
    key = (test.classname, test.name)
    return tests[: names.index(key)] if key in names else ()
