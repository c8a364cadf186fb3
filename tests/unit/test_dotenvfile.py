"""Env files that give back exactly what went in; Compose's own reading is an engine test."""

from __future__ import annotations

import io

import pytest
from dotenv import dotenv_values
from tranship.envmap.dotenvfile import compose_dotenv, dotenv

VALUES = [
    "",
    " ",
    " both ends ",
    "plain",
    "two words",
    "corr3ct$battery",
    "$HOME ${HOME} $$ \\$",
    "a #b",
    "#",
    "it's",
    '"quoted"',
    "'single'",
    "both ' and \"",
    "back\\slash",
    "ends with \\",
    "\\'",
    '\\"',
    "\\n is no line end",
    "one\ntwo\n",
    "\n",
    "\r\n",
    "\ttab\r",
    "\a\b\f\v and \\a",
    "größe 日本 🚢",
    "\u2028\x85\xa0",
    "\ufeffmark",
    "a=b=c",
    "export X=1",
    "\x01\x1b[0m\x7f",
    "`id` $(id) %s {x}",
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_each_value_comes_back(value: str) -> None:
    assert {"A": value} == dotenv_values(
        stream=io.StringIO(dotenv({"A": value}), newline=None), interpolate=False
    )


def test_values_do_not_disturb_each_other() -> None:
    variables = {f"V{index}": value for index, value in enumerate(VALUES)}

    assert variables == dotenv_values(
        stream=io.StringIO(dotenv(variables), newline=None), interpolate=False
    )


def test_files_are_short_where_nothing_needs_more() -> None:
    assert "A='1'\nB='it\\'s'\nC=\"\\t\"\n" == dotenv({"A": "1", "B": "it's", "C": "\t"})
    assert 'A="1"\nB="\\$x \\"y\\" \\\\"\nC="a\\nb"\n' == compose_dotenv(
        {"A": "1", "B": '$x "y" \\', "C": "a\nb"}
    )
    assert ("", "") == (dotenv({}), compose_dotenv({}))
