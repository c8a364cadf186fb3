"""Two trials side by side: what differs, test by test and service by service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..trials.record import SuiteRun, TestOutcome, Trial
from .joining import join
from .messages import normalise
from .services import RuntimeRow, ServiceRow, runtime_rows, service_rows

NOISE_SECONDS = 0.001
"""pytest writes durations to the millisecond: a ratio of less than one says nothing."""
MOVERS = 10
INTERPRETER_KEYS = ("python", "python_build")

_FAILING = frozenset({"failed", "error"})


@dataclass(frozen=True)
class Pair:
    """One test on both sides."""

    baseline: TestOutcome
    candidate: TestOutcome

    @property
    def both_fail(self) -> bool:
        """Whether neither side lets the test pass."""
        return {self.baseline.outcome, self.candidate.outcome} <= _FAILING

    @property
    def change_seconds(self) -> float:
        """Candidate's duration minus the baseline's."""
        return self.candidate.seconds - self.baseline.seconds

    @property
    def ratio(self) -> float | None:
        """Candidate's duration by the baseline's; None where one is below the noise."""
        if min(self.baseline.seconds, self.candidate.seconds) < NOISE_SECONDS:
            return None
        return self.candidate.seconds / self.baseline.seconds


@dataclass(frozen=True)
class Summary:
    """One trial in one row. A missing trial has only its name."""

    name: str
    trial: Trial | None

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
        return sum(test.outcome in _FAILING for test in self.tests)

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


@dataclass(frozen=True)
class FingerprintDifference:
    """One thing that the suite saw differently; None where a side does not say."""

    key: str
    baseline: str | None
    candidate: str | None


@dataclass(frozen=True)
class Comparison:
    """Two trials side by side. Swapping them mirrors every part."""

    baseline: Summary
    candidate: Summary
    different: tuple[Pair, ...] = ()
    """Outcomes differ, or both sides fail and say different things."""
    same_failure: tuple[Pair, ...] = ()
    same: int = 0
    """Tests that pass, or are skipped, on both sides."""
    only_baseline: tuple[TestOutcome, ...] = ()
    only_candidate: tuple[TestOutcome, ...] = ()
    movers: tuple[Pair, ...] = ()
    services: tuple[ServiceRow, ...] = ()
    runtime: tuple[RuntimeRow, ...] = ()
    fingerprint: tuple[FingerprintDifference, ...] = ()

    @property
    def sides(self) -> tuple[Summary, Summary]:
        """Both sides, the baseline first."""
        return self.baseline, self.candidate

    @property
    def interpreters(self) -> tuple[FingerprintDifference, ...]:
        """Differences of the interpreter itself, which no ratio of times survives."""
        return tuple(it for it in self.fingerprint if it.key in INTERPRETER_KEYS)


def compare(
    baseline: Trial | None,
    candidate: Trial | None,
    *,
    modes: tuple[str, str] = ("local", "docker"),
    movers: int = MOVERS,
) -> Comparison:
    """Return the comparison; a side that is None is a trial that is missing.

    `modes` names the sides that are missing, and `movers` is how many of the tests whose
    duration changed most are kept.
    """
    names = (baseline.mode if baseline else modes[0], candidate.mode if candidate else modes[1])
    if names[0] == names[1]:
        names = (f"{names[0]} (baseline)", f"{names[1]} (candidate)")
    left, right = Summary(names[0], baseline), Summary(names[1], candidate)
    services = service_rows(baseline, candidate, names)
    runtime = runtime_rows(baseline, candidate)
    fingerprint = _fingerprint(baseline, candidate)
    if not left.tests or not right.tests:
        # Every test of the other side would be listed as missing here: one line says it.
        return Comparison(left, right, services=services, runtime=runtime, fingerprint=fingerprint)
    joined = join(left.tests, right.tests)
    pairs = [Pair(*pair) for pair in joined.pairs]
    known = {name for trial in (baseline, candidate) if trial for name in trial.placement}
    different = tuple(pair for pair in pairs if _differs(pair, known))
    agreeing = [pair for pair in pairs if not _differs(pair, known)]
    same_failure = tuple(pair for pair in agreeing if pair.both_fail)
    return Comparison(
        left,
        right,
        different=different,
        same_failure=same_failure,
        same=len(agreeing) - len(same_failure),
        only_baseline=joined.only_baseline,
        only_candidate=joined.only_candidate,
        movers=_movers(pairs, movers),
        services=services,
        runtime=runtime,
        fingerprint=fingerprint,
    )


def _differs(pair: Pair, services: Iterable[str]) -> bool:
    if pair.baseline.outcome != pair.candidate.outcome:
        return True
    return pair.both_fail and (
        normalise(pair.baseline.message, services) != normalise(pair.candidate.message, services)
    )


def _movers(pairs: Iterable[Pair], count: int) -> tuple[Pair, ...]:
    moved = [
        pair
        for pair in pairs
        # Rounded as pytest does, or 0.011 - 0.010 would be less than a millisecond.
        if round(abs(pair.change_seconds), 6) >= NOISE_SECONDS
        # What was skipped took no time, which is no change of speed.
        and "skipped" not in (pair.baseline.outcome, pair.candidate.outcome)
    ]
    moved.sort(key=lambda it: (-abs(it.change_seconds), it.baseline.name, it.baseline.classname))
    return tuple(moved[:count])


def _fingerprint(
    baseline: Trial | None, candidate: Trial | None
) -> tuple[FingerprintDifference, ...]:
    left = baseline.fingerprint if baseline else {}
    right = candidate.fingerprint if candidate else {}
    if not left or not right:
        return ()
    return tuple(
        FingerprintDifference(key, left.get(key), right.get(key))
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    )
