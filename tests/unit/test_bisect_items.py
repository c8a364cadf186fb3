"""Tests as pytest is asked for them and as its report names them, both ways."""

from __future__ import annotations

import pytest
from tranship.comparison.bisect.items import Item, found_in, item_of, normalised
from tranship.trials.record import TestOutcome


def outcome(classname: str, name: str) -> TestOutcome:
    return TestOutcome(classname, name, "failed", 0.1)


@pytest.mark.parametrize(
    ("file", "rest", "classname", "name"),
    [
        ("tests/test_a.py", "test_x", "tests.test_a", "test_x"),
        ("tests/test_a.py", "TestB::test_x", "tests.test_a.TestB", "test_x"),
        ("test_a.py", "test_x[a/b.py::c]", "test_a", "test_x[a/b.py::c]"),
        ("test_a.py", "test_x[[1]]", "test_a", "test_x[[1]]"),
    ],
)
def test_an_item_has_the_names_of_the_report(
    file: str, rest: str, classname: str, name: str
) -> None:
    found = item_of(file, file, rest)

    assert Item(f"{file}::{rest}", classname, name) == found
    assert found.is_of(outcome(classname, name))
    assert normalised(found.argument) == found.shown


def test_the_argument_counts_from_the_working_folder_and_the_names_from_pytests_root() -> None:
    found = item_of("test_a.py", "sub/test_a.py", "test_x")

    assert ("test_a.py::test_x", "sub.test_a") == (found.argument, found.classname)
    assert "test_a.py" == found.file


def test_what_is_no_node_id_stays() -> None:
    assert "test_x" == normalised("test_x")
    assert "checks.test_a::test_x" == normalised("checks.test_a::test_x")


ITEMS = (item_of("checks/test_a.py", "checks/test_a.py", "test_x"),)


def test_a_test_is_found_by_both_its_names() -> None:
    assert ITEMS[0] == found_in(ITEMS, outcome("checks.test_a", "test_x"))
    assert found_in(ITEMS, outcome("checks.test_a", "test_y")) is None


@pytest.mark.parametrize("name", ["checks.test_a", "test_a"])
def test_a_file_that_cannot_be_imported_is_asked_for_as_a_whole(name: str) -> None:
    found = found_in(ITEMS, outcome("", name))

    assert Item("checks/test_a.py", "", name, whole_file=True) == found
