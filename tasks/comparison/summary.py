"""One side of a comparison in one row."""

from __future__ import annotations

from dataclasses import dataclass

from ..trials.record import SuiteRun, TestOutcome, Trial

FAILING = frozenset({"failed", "error"})


@dataclass(frozen=True)
class Summary:
    """One trial in one row. A missing trial has only its name."""

    name: str
    trial: Trial | None
    runs: tuple[Trial, ...] = ()
    """What the trial was made of, in order; one run is the trial itself."""

    @property
    def suite(self) -> SuiteRun | None:
        """The suite's run, where there was one."""
        return self.trial.suite if self.trial else None

    @property
    def tests(self) -> tuple[TestOutcome, ...]:
        """The suite's tests; none where it never ran."""
        return self.suite.tests if self.suite else ()

    @property
    def suite_seconds(self) -> float | None:
        """How long the suite took; None where it never ran."""
        return self.suite.seconds if self.suite else None

    @property
    def startup_seconds(self) -> float | None:
        """From the request to start until every service answered; None where unknown."""
        return self.trial.startup_seconds if self.trial else None

    @property
    def proves_nothing(self) -> bool:
        """Whether no test ran: none collected, or each one skipped."""
        return all(test.outcome == "skipped" for test in self.tests)

    @property
    def failing(self) -> int:
        """How many tests failed or ended in an error."""
        return sum(test.outcome in FAILING for test in self.tests)

    @property
    def hung(self) -> bool:
        """Whether the suite had to be ended at its time limit."""
        suite = self.suite
        return suite is not None and (suite.hung_in is not None or suite.exit_code is None)

    @property
    def unexplained_exit(self) -> int | None:
        """The exit code of pytest where the tests' outcomes do not account for it, else None.

        A suite that hung was interrupted (2) or killed, which says no more than that it hung.
        A coverage gate ends a suite in which all passed with 1; 3 and 4 are pytest's own
        errors and what is above 5 is a crash (pytest.ExitCode).
        """
        code = self.suite.exit_code if self.suite else None
        accounted = (
            self.hung
            or code in (None, 0)
            or (code in (1, 2) and self.failing > 0)
            or (code == 5 and self.proves_nothing)
        )
        return None if accounted else code
