"""One trial by itself: its sentence and its exit code, and how a session ends with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tranship.comparison.alone import verdict
from tranship.errors import EnvironmentFailed, ExitCode, SettingsError
from tranship.trials.record import Failure, SuiteRun, TestOutcome, Trial


def trial(*outcomes: str, failure: Failure | None = None, **suite: Any) -> Trial:
    tests = tuple(
        TestOutcome("tests", f"test_{number}", outcome, 0.1)  # type: ignore[arg-type]
        for number, outcome in enumerate(outcomes)
    )
    run = SuiteRun(("pytest",), **{"exit_code": 0, "seconds": 2.0, "tests": tests, **suite})
    return Trial(
        id="a",
        mode="local",
        placement={},
        started="2026-05-01T10:00:00+00:00",
        project="p",
        suite=run,
        failure=failure,
    )


@pytest.mark.parametrize(
    ("found", "code", "sentence"),
    [
        (trial("passed", "passed", "skipped"), 0, "local: 2 passed, 1 skipped in 2.0 s."),
        (trial("passed", "failed", exit_code=1), 1, "local: 1 passed, 1 failed in 2.0 s."),
        (trial("passed", "error", exit_code=1), 1, "local: 1 passed, 1 error in 2.0 s."),
        (trial("passed", exit_code=1), 1, "pytest itself ended with 1."),
        (trial(exit_code=5), 5, "local: no tests in 2.0 s. No test passed: nothing is proved."),
        (trial(exit_code=4), 1, "local: no tests in 2.0 s. pytest itself ended with 4."),
        (trial("skipped"), 5, "No test passed: nothing is proved."),
        (
            trial("passed", hung_in="t.py::test_x", limit_seconds=60.0, exit_code=None),
            1,
            "local: the suite was ended after 60 s; it hung in t.py::test_x.",
        ),
        (trial("passed", hung_in="t.py::test_x"), 1, "was ended after its limit"),
        (trial(failure=Failure("start", "redis exited")), 4, "local failed at start: redis exited"),
        (Trial("a", "docker", {}, "2026", "p"), 4, "docker: the suite did not run."),
    ],
)
def test_verdicts(found: Trial, code: int, sentence: str) -> None:
    text, given = verdict(found)

    assert code == given
    assert sentence in text


class Ended(Exception):
    """What nox raises for a session that failed."""


def session() -> Any:
    def error(message: str) -> None:
        raise Ended(message)

    return SimpleNamespace(error=error)


def test_a_session_ends_well() -> None:
    from tranship import sessions

    assert sessions._finish(session(), ExitCode.SAME) is None


def test_a_session_whose_tests_differ_fails_as_nox_sessions_do() -> None:
    from tranship import sessions

    with pytest.raises(Ended, match="tests differ or fail"):
        sessions._finish(session(), ExitCode.TESTS_DIFFER)


@pytest.mark.parametrize("code", [2, 3, 4, 5, 130])
def test_other_codes_end_nox_with_them(code: int) -> None:
    from tranship import sessions

    with pytest.raises(SystemExit) as ended:
        sessions._finish(session(), ExitCode(code))

    assert code == ended.value.code


@pytest.mark.parametrize(
    ("error", "code"), [(SettingsError("wrong key"), 2), (EnvironmentFailed("no engine"), 4)]
)
def test_an_error_in_a_session_is_one_line_and_its_code(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    from tranship import sessions

    with pytest.raises(SystemExit) as ended, sessions._exit_codes(session()):
        raise error

    assert code == ended.value.code
    assert f"error: {error}\n" == capsys.readouterr().err


def test_a_verdict_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from tranship import sessions

    assert ExitCode.SAME == sessions._alone(trial("passed"))
    assert "local: 1 passed in 2.0 s.\n" == capsys.readouterr().out
