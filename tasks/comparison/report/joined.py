"""Every test of both sides with what the comparison says of it, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...trials.record import TestOutcome
from ..diff import Comparison, Pair
from ..joining import join

State = Literal["differs", "one-side", "flaky", "same-failure", "same"]

_GRAVITY: tuple[State, ...] = ("differs", "one-side", "flaky", "same-failure", "same")


@dataclass(frozen=True)
class JoinedTest:
    """One test on both sides; None where a side does not have it."""

    baseline: TestOutcome | None
    candidate: TestOutcome | None
    state: State

    @property
    def test(self) -> TestOutcome:
        """The test as it is named: by the baseline, where it has it."""
        found = self.baseline or self.candidate
        assert found is not None  # noqa: S101 - one of them is there, by how it is made
        return found

    @property
    def name(self) -> str:
        """Class and name, as the tables write them."""
        test = self.test
        return f"{test.classname}::{test.name}" if test.classname else test.name

    @property
    def pair(self) -> Pair | None:
        """Both sides, where there are two."""
        return Pair(self.baseline, self.candidate) if self.baseline and self.candidate else None


def joined_tests(comparison: Comparison) -> list[JoinedTest]:
    """Return every test; none where only one side has any, since nothing is compared then."""
    left, right = comparison.sides
    if not left.tests or not right.tests:
        return []
    # The comparison keeps the very objects of the trials: what is not listed there is the same.
    states: dict[int, State] = {id(pair.baseline): "differs" for pair in comparison.different}
    states |= {id(pair.baseline): "same-failure" for pair in comparison.same_failure}
    states |= {
        id(test): "flaky" for it in comparison.flaky for test in (it.baseline, it.candidate) if test
    }
    joined = join(left.tests, right.tests)
    found = [
        *(JoinedTest(one, other, states.get(id(one), "same")) for one, other in joined.pairs),
        *(JoinedTest(it, None, states.get(id(it), "one-side")) for it in joined.only_baseline),
        *(JoinedTest(None, it, states.get(id(it), "one-side")) for it in joined.only_candidate),
    ]
    return sorted(found, key=lambda it: _GRAVITY.index(it.state))
