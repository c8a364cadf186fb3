"""Every test of both sides with what the comparison says of it, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...trials.record import TestOutcome
from ..diff import Comparison, Pair

State = Literal["differs", "one-side", "flaky", "same-failure", "same"]


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
    named = {
        *(id(pair.baseline) for pair in (*comparison.different, *comparison.same_failure)),
        *(id(it.baseline) for it in comparison.flaky),
    }
    return [
        *(JoinedTest(it.baseline, it.candidate, "differs") for it in comparison.different),
        *(JoinedTest(it, None, "one-side") for it in comparison.only_baseline),
        *(JoinedTest(None, it, "one-side") for it in comparison.only_candidate),
        *(JoinedTest(it.baseline, it.candidate, "flaky") for it in comparison.flaky),
        *(JoinedTest(it.baseline, it.candidate, "same-failure") for it in comparison.same_failure),
        *(
            JoinedTest(it.baseline, it.candidate, "same")
            for it in comparison.pairs
            if id(it.baseline) not in named
        ),
    ]
