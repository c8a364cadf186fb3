"""The one test that is bisected: which it is, on which side it fails, what ran before it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tranship.comparison.bisect.bench import interpreter_folder
from tranship.comparison.bisect.chosen import chosen, ran_before
from tranship.comparison.diff import Comparison, compare
from tranship.errors import UsageError
from tranship.settings import LocalSettings, Settings
from tranship.trials.record import SuiteRun, TestOutcome, Trial


def trial(mode: str, *tests: tuple[str, str], hung_in: str | None = None) -> Trial:
    entries = tuple(
        TestOutcome("checks.test_a", name, outcome, 0.1, f"{mode} says")  # type: ignore[arg-type]
        for name, outcome in tests
    )
    suite = SuiteRun(("pytest",), 1, 1.0, entries, hung_in)
    return Trial(id=mode, mode=mode, placement={}, started="", project="", suite=suite)


def compared(local: Trial, docker: Trial) -> Comparison:
    return compare(local, docker)


TWO = compared(
    trial("local", ("test_x", "passed"), ("test_x2", "failed"), ("test_same", "passed")),
    trial("docker", ("test_x", "failed"), ("test_x2", "passed"), ("test_same", "passed")),
)


@pytest.mark.parametrize(
    ("word", "name", "failing"),
    [
        ("test_x2", "test_x2", 0),
        ("test_x", "test_x", 1),
        ("checks.test_a::test_x", "test_x", 1),
        ("checks/test_a.py::test_x2", "test_x2", 0),
        ("x2", "test_x2", 0),
    ],
)
def test_a_test_is_chosen_by_a_part_of_its_name_and_by_all_of_it(
    word: str, name: str, failing: int
) -> None:
    found = chosen(TWO, word)

    assert (f"checks.test_a::{name}", failing) == (found.name, found.failing)
    assert f"{('local', 'docker')[failing]} says" == found.message


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("test_same", "No test that differs between local and docker has 'test_same'"),
        ("test_", "2 tests have 'test_' in their names; name one: checks.test_a::test_x, "),
    ],
)
def test_it_has_to_be_one_that_differs(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(TWO, word)


def test_a_test_that_fails_on_both_sides_has_nothing_to_take_over() -> None:
    both = compared(trial("local", ("test_x", "failed")), trial("docker", ("test_x", "failed")))

    with pytest.raises(UsageError, match="fails on both local and docker"):
        chosen(both, "test_x")


def test_what_is_skipped_on_one_side_alone_is_looked_into_there() -> None:
    found = chosen(
        compared(trial("local", ("test_x", "skipped")), trial("docker", ("test_x", "passed"))),
        "test_x",
    )

    assert 0 == found.failing


def test_the_test_in_which_a_suite_hung_is_in_no_report_and_is_found() -> None:
    hung = trial("docker", ("test_first", "passed"), hung_in="checks/test_a.py::test_x")
    local = trial("local", ("test_first", "passed"), ("test_x", "passed"))

    found = chosen(compared(local, hung), "test_x")

    assert ("checks.test_a::test_x", 1) == (found.name, found.failing)
    assert found.outcome(0) == found.outcome(1), "the side that has none is asked as the other"


def test_what_ran_before_it_is_in_the_order_of_the_record() -> None:
    record = trial("local", ("test_b", "passed"), ("test_a", "passed"), ("test_x", "failed"))

    before = ran_before(record, TestOutcome("checks.test_a", "test_x", "failed", 0.1))

    assert ["test_b", "test_a"] == [it.name for it in before]
    assert () == ran_before(record, TestOutcome("checks.test_a", "test_new", "failed", 0.1))
    assert () == ran_before(None, TestOutcome("checks.test_a", "test_x", "failed", 0.1))


def test_the_interpreter_is_the_records_then_the_projects_then_this_one(tmp_path: Path) -> None:
    (tmp_path / "python").touch()
    settings = Settings(root=tmp_path, local=LocalSettings(python=Path("own/bin/python")))

    assert tmp_path == interpreter_folder(settings, str(tmp_path / "python3"))
    assert tmp_path / "own/bin" == interpreter_folder(settings, "/gone/bin/python")
    assert Path(sys.executable).parent == interpreter_folder(Settings(root=tmp_path), "")
