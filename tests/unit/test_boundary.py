"""Errors and signals on their way to an exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.program import Program
from tranship.boundary import shown_cleanly, task
from tranship.errors import EnvironmentFailed, RunInterrupted, SettingsError, TranshipError
from tranship.interrupts import deferred, terminated_as_interrupt

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers_are_as_before() -> Iterator[None]:
    """Whatever a test does, the handlers that were there are there again."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert before == [signal.getsignal(number) for number in SIGNALS]


def program(body: Callable[[], object]) -> Program:
    @task(help={"word": "Any word."})
    def run(c: Context, word: str = "") -> None:
        """Run the body."""
        body()

    return Program(namespace=Collection(run), version="0")


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (raising(SettingsError("wrong key")), 2, "wrong key"),
        (raising(EnvironmentFailed("no engine")), 4, "no engine"),
        (raising(TranshipError("other")), 1, "other"),
        (raising(RunInterrupted("stopped")), 130, "stopped"),
        (raising(KeyboardInterrupt()), 130, "Interrupted."),
        (lambda: signal.raise_signal(signal.SIGINT), 130, "Interrupted."),
        (lambda: signal.raise_signal(signal.SIGTERM), 130, "Ended by SIGTERM."),
        (lambda: signal.raise_signal(signal.SIGHUP), 130, "Ended by SIGHUP."),
    ],
)
def test_an_error_is_one_message_and_its_exit_code(
    inv: Any, body: Callable[[], object], code: int, message: str
) -> None:
    assert (code, "", f"{message}\n") == inv(program(body), "run")


def test_a_task_that_ends_well_exits_with_0(inv: Any) -> None:
    assert (0, "", "") == inv(program(lambda: None), "run", "--word", "x")


def test_a_mistake_of_ours_keeps_its_traceback(inv: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        inv(program(lambda: 1 / 0), "run")


def test_the_decorated_task_keeps_its_name_and_its_help() -> None:
    made = program(lambda: None).namespace["run"]

    assert ("run", "Run the body.") == (made.name, made.__doc__)


def test_outside_the_main_thread_nothing_is_handled() -> None:
    done: list[str] = []

    def work() -> None:
        with shown_cleanly(), terminated_as_interrupt(), deferred():
            done.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert ["work"] == done


def test_sigterm_unwinds_the_block_and_its_cleaning_up_happens() -> None:
    steps = []

    @terminated_as_interrupt()
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            steps.append("went on")
        finally:
            steps.append("cleaned")

    with pytest.raises(RunInterrupted):
        work()

    assert ["cleaned"] == steps


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_waits_for_the_cleaning_up(number: signal.Signals) -> None:
    steps = []

    @deferred()
    def clean() -> None:
        signal.raise_signal(number)
        steps.append("cleaned")

    with pytest.raises(KeyboardInterrupt):
        clean()

    assert ["cleaned"] == steps


def test_a_second_signal_ends_the_cleaning_up() -> None:
    steps = []

    @deferred()
    def clean() -> None:
        signal.raise_signal(signal.SIGINT)
        steps.append("half")
        signal.raise_signal(signal.SIGTERM)
        steps.append("whole")

    with pytest.raises(KeyboardInterrupt):
        clean()

    assert ["half"] == steps


def test_an_error_of_the_cleaning_up_passes() -> None:
    with pytest.raises(EnvironmentFailed, match="engine gone"), deferred():
        raise EnvironmentFailed("engine gone")


def test_cleaning_up_that_nobody_interrupts_ends_quietly() -> None:
    steps = []
    with deferred():
        steps.append("cleaned")

    assert ["cleaned"] == steps
