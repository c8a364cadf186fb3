from __future__ import annotations

import re

import pytest
from invoke.exceptions import Exit
from tranship import errors
from tranship.errors import ExitCode, TranshipError, UnknownServiceError, near
from tranship.selection import Count, Lines, Seconds, names


def tree(base: type[TranshipError]) -> list[type[TranshipError]]:
    return [base, *(found for child in base.__subclasses__() for found in tree(child))]


@pytest.mark.parametrize(
    ("base", "code"),
    [
        (errors.UsageError, ExitCode.USAGE),
        (errors.EnvironmentFailed, ExitCode.ENVIRONMENT),
        (errors.RunInterrupted, ExitCode.INTERRUPTED),
    ],
)
def test_a_branch_of_the_tree_has_one_exit_code(base: type[TranshipError], code: int) -> None:
    assert {code} == {kind.exit_code for kind in tree(base)}


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    drawn = [*re.findall(r"([A-Z]\w+)\s{2,}\S", errors.__doc__ or ""), "TranshipError"]

    assert {kind.__name__ for kind in tree(TranshipError)} == set(drawn)


def test_exit_codes_are_what_scripts_rely_on() -> None:
    expected = {
        "SAME": 0,
        "TESTS_DIFFER": 1,
        "USAGE": 2,
        "GATE_FAILED": 3,
        "ENVIRONMENT": 4,
        "INCONCLUSIVE": 5,
        "INTERRUPTED": 130,
    }

    assert expected == {code.name: code.value for code in ExitCode}


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("postgre", ["redis", "postgres"], " (did you mean 'postgres'?)"),
        ("x", ["redis", "postgres"], ""),
        ("x", [], ""),
    ],
)
def test_near(name: str, known: list[str], expected: str) -> None:
    assert expected == near(name, known)


def test_an_unknown_service_is_named_with_those_there_are() -> None:
    error = UnknownServiceError("redsi", ["redis", "api"])

    expected = (
        "No service named 'redsi' in the stack (did you mean 'redis'?). Services: api, redis."
    )
    assert expected == str(error)
    assert "Services: none." in str(UnknownServiceError("x", []))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ()),
        (["a"], ("a",)),
        (["a,b", "c"], ("a", "b", "c")),
        ([" b , a,", "b"], ("b", "a")),
    ],
)
def test_service_names_of_a_command_line(values: list[str], expected: tuple[str, ...]) -> None:
    assert expected == names(values)


@pytest.mark.parametrize(
    ("made", "expected"),
    [(Seconds(), 0.0), (Seconds("1.5"), 1.5), (Lines(), 0), (Lines("7"), 7), (Count("2"), 2)],
)
def test_numbers_of_a_command_line(made: float, expected: float) -> None:
    assert expected == made


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((Seconds, text) for text in ("soon", "-1", "nan", "inf", "")),
        *((Lines, text) for text in ("all", "-1", "1.5")),
    ],
)
def test_what_is_no_number_is_wrong_usage(kind: type[Seconds | Lines], text: str) -> None:
    with pytest.raises(Exit) as raised:
        kind(text)

    unit = kind.__name__.lower()
    assert (f"{text!r} is not a number of {unit}.", 2) == (raised.value.message, raised.value.code)


@pytest.mark.parametrize("text", ["all", "0", "1.5", "-1"])
def test_a_count_is_a_number_from_one(text: str) -> None:
    with pytest.raises(Exit) as raised:
        Count(text)

    assert (f"{text!r} is not a number from 1.", 2) == (raised.value.message, raised.value.code)
