"""One trial by itself: its sentence and its exit code."""

from __future__ import annotations

from ..errors import ExitCode
from ..trials.record import Trial

_NO_TESTS_COLLECTED = 5  # pytest.ExitCode


def verdict(trial: Trial) -> tuple[str, ExitCode]:
    """Return what became of the suite in one mode, and the exit code."""
    if trial.failure is not None:
        where = f"{trial.mode} failed at {trial.failure.stage}"
        return f"{where}: {trial.failure.message}", ExitCode.ENVIRONMENT
    suite = trial.suite
    if suite is None:
        return f"{trial.mode}: the suite did not run.", ExitCode.ENVIRONMENT
    if suite.hung_in is not None:
        limit = f"{suite.limit_seconds:g} s" if suite.limit_seconds is not None else "its limit"
        return (
            f"{trial.mode}: the suite was ended after {limit}; it hung in {suite.hung_in}.",
            ExitCode.TESTS_DIFFER,
        )
    counts = ", ".join(
        f"{suite.count(outcome)} {outcome}"
        for outcome in ("passed", "failed", "skipped", "error")
        if suite.count(outcome)
    )
    text = f"{trial.mode}: {counts or 'no tests'} in {suite.seconds:.1f} s."
    if suite.count("failed") or suite.count("error"):
        return text, ExitCode.TESTS_DIFFER
    if not suite.tests and suite.exit_code not in (None, 0, _NO_TESTS_COLLECTED):
        # It never came to running any: pytest is missing, or its arguments are wrong.
        return f"{text} pytest itself ended with {suite.exit_code}.", ExitCode.TESTS_DIFFER
    if not suite.count("passed"):
        return f"{text} No test passed: nothing is proved.", ExitCode.INCONCLUSIVE
    if suite.exit_code:
        return f"{text} pytest itself ended with {suite.exit_code}.", ExitCode.TESTS_DIFFER
    return text, ExitCode.SAME
