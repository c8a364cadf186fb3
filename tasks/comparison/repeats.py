"""Several runs of one mode as one trial, and which tests say now this and now that."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..trials.record import Outcome, SuiteRun, TestOutcome, Trial
from .statistics import ENOUGH_RUNS

_RANK: dict[Outcome, int] = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}


@dataclass(frozen=True)
class RepeatedOutcome(TestOutcome):
    """One test over several runs of one mode; its own outcome is the worst of them."""

    outcomes: tuple[Outcome | None, ...] = ()
    """Run by run; None where a suite that ended by itself did not have the test."""
    messages: tuple[str, ...] = ()
    """What was said where it did not pass, each once."""


def history(test: TestOutcome) -> tuple[Outcome | None, ...]:
    """Return a test's outcomes, run by run."""
    return test.outcomes if isinstance(test, RepeatedOutcome) else (test.outcome,)


def messages(test: TestOutcome) -> tuple[str, ...]:
    """Return the different things that a test said where it ended so."""
    return test.messages if isinstance(test, RepeatedOutcome) else (test.message,)


def flaky(test: TestOutcome) -> bool:
    """Return whether a test differs within its one mode."""
    return len(set(history(test))) > 1


def enough(*tests: TestOutcome) -> bool:
    """Return whether each was seen often enough for a difference to be called stable."""
    return all(len(history(test)) >= ENOUGH_RUNS for test in tests)


@dataclass(frozen=True)
class Flaky:
    """A test that differs within one mode: no difference between the modes. None: not there."""

    baseline: TestOutcome | None
    candidate: TestOutcome | None

    @property
    def test(self) -> TestOutcome:
        """The test, on a side that has it."""
        found = self.baseline or self.candidate
        assert found is not None  # noqa: S101 - it is found by one of its sides
        return found

    @property
    def message(self) -> str:
        """What it said where it did not pass."""
        said = (test.message for test in (self.baseline, self.candidate) if test)
        return next(filter(None, said), "")


def tally(test: TestOutcome | None) -> str:
    """Return how often each outcome came, such as `passed 4 of 5, failed 1`."""
    if test is None:
        return ""
    seen = history(test)
    counted = [
        (seen.count(kind), kind or "missing")
        for kind in ("passed", "skipped", "failed", "error", None)
        if kind in seen
    ]
    first, *rest = (f"{kind} {count}" for count, kind in counted)
    return ", ".join([f"{first} of {len(seen)}", *rest])


def merged(runs: Sequence[Trial]) -> Trial | None:
    """Return the runs of one mode as one trial; None of none, and one as it is.

    Times are medians, each test has its worst outcome, and what failed in any run has failed.
    """
    if len(runs) < 2:
        return runs[0] if runs else None
    first = runs[0]
    return replace(
        first,
        startup_seconds=_median(run.startup_seconds for run in runs),
        suite=_suite([run.suite for run in runs if run.suite]),
        failure=next((run.failure for run in runs if run.failure), None),
        fingerprint=next((run.fingerprint for run in runs if run.fingerprint), {}),
    )


def _suite(suites: Sequence[SuiteRun]) -> SuiteRun | None:
    if not suites:
        return None
    hung = next((suite for suite in suites if suite.hung_in), suites[0])
    codes = [suite.exit_code for suite in suites]
    return replace(
        hung,
        # A crash (139) or pytest's own error goes before "a test failed".
        exit_code=None if None in codes else max(code for code in codes if code is not None),
        seconds=statistics.median(suite.seconds for suite in suites),
        tests=_tests(suites),
    )


def _tests(suites: Sequence[SuiteRun]) -> tuple[TestOutcome, ...]:
    """Return each test over all suites, in the order in which they first came."""
    # In a suite that was ended early, a test that is missing is unknown and no outcome.
    whole = [bool(it.tests) and it.hung_in is None and it.exit_code in (0, 1, 5) for it in suites]
    names = [[(test.classname, test.name) for test in suite.tests] for suite in suites]
    if all(it == names[0] for it in names):
        # Nearly always, and in a third of the time.
        columns = zip(*(suite.tests for suite in suites), strict=True)
        return tuple(_repeated(tests, [test.outcome for test in tests]) for tests in columns)
    seen: dict[tuple[str, str, int], dict[int, TestOutcome]] = {}
    for index, suite in enumerate(suites):
        count: dict[tuple[str, str], int] = {}
        for test in suite.tests:
            key = (test.classname, test.name)
            number = count[key] = count.get(key, 0) + 1
            seen.setdefault((*key, number), {})[index] = test
    return tuple(
        _repeated(
            [*found.values()],
            [
                found[index].outcome if index in found else None
                for index, complete in enumerate(whole)
                if index in found or complete
            ],
        )
        for found in seen.values()
    )


def _repeated(tests: Sequence[TestOutcome], outcomes: list[Outcome | None]) -> RepeatedOutcome:
    worst, alike = tests[0], tests
    if outcomes.count(worst.outcome) != len(tests):
        worst = max(tests, key=lambda test: _RANK[test.outcome])
        alike = [test for test in tests if test.outcome == worst.outcome]
    return RepeatedOutcome(
        worst.classname,
        worst.name,
        worst.outcome,
        statistics.median([test.seconds for test in tests]),
        worst.message,
        worst.details,
        tuple(outcomes),
        tuple(dict.fromkeys([test.message for test in alike])),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
