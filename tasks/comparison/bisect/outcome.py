"""What became of a test in one run of pytest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...trials.record import SuiteRun, TestOutcome
from .items import Item

PASSED = "passed"
TIMED_OUT = "timed out"
NOT_RUN = "not run"
"""pytest did not come to run the test."""


@dataclass(frozen=True)
class Outcome:
    """What became of one test in one probe."""

    word: str
    """passed, failed, skipped, error; or what ended the suite: timed out, killed, not run."""
    seconds: float
    message: str = ""


def outcome_of(done: SuiteRun, wanted: Item, seconds: float, said: str = "") -> Outcome:
    """Return what a run of the suite says of one test; `said` is its last line."""
    if done.hung_in is not None:
        return Outcome(TIMED_OUT, seconds, f"still ran after {done.limit_seconds:g} s")
    found = _entries(done.tests, wanted)
    if found and not (wanted.whole_file and done.exit_code):
        # A failing teardown is a second entry of the same test.
        worst = next((test for test in found if test.outcome in ("failed", "error")), found[0])
        return Outcome(worst.outcome, seconds, worst.message)
    if done.exit_code is None:
        return Outcome("killed", seconds)
    first = next((test for test in done.tests if test.outcome in ("failed", "error")), None)
    if first is not None:
        return Outcome("error", seconds, first.message)
    return Outcome(NOT_RUN, seconds, said or f"pytest ended with {done.exit_code}")


def _entries(tests: Sequence[TestOutcome], wanted: Item) -> list[TestOutcome]:
    """Return what the report says of a test; of every one of a whole file."""
    if wanted.whole_file:
        return list(tests)
    found = [test for test in tests if wanted.is_of(test)]
    alike = [test for test in tests if test.name == wanted.name]
    # From another working folder pytest may name the same file otherwise.
    return found or (alike if len({test.classname for test in alike}) == 1 else [])
