"""Compose's interpolation; each expectation was measured on Compose 2.26."""

from __future__ import annotations

from pathlib import Path

import pytest
from tranship.errors import ComposeFileError
from tranship.stack.interpolation import Given, Use, interpolate

FILE = Path(".env")
VARIABLES = {
    "A": Given("a"),
    "E": Given(""),
    "D": Given("d$A", "env file", FILE, 3),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A ${A} $A.x $Ax", "a a a.x "),
        ("$$A $${A} $$$A $", "$A ${A} $a $"),
        ("$1 $ $-", "$1 $ $-"),
        ("${E:-w} ${E-w} ${U:-w} ${U-w} ${A:-w}", "w  w w a"),
        ("${E:+w} ${E+w} ${U:+w} ${U+w} ${A:+w}", " w   w"),
        ("${A:?m} ${E?m}", "a "),
        ("${U:-${U2:-${A}}}", "a"),
        ("${U:-a-b:-c?d}", "a-b:-c?d"),
        ("${U:-$$x}", "$x"),
        ("${U:-a}-${U:-b}", "a-b"),
        ("${U:-{}}", "{}"),
        ("${U:-{a}}", "{a}"),
        ("$D", "d$A"),
        ("{$A}", "{a}"),
        ("%A% `A` \\$A", "%A% `A` \\a"),
        ("one\n${U:-two}\n", "one\ntwo\n"),
    ],
)
def test_replaces_as_compose_does(text: str, expected: str) -> None:
    assert expected == interpolate(text, VARIABLES)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "begins no valid reference"),
        ("${}", "begins no valid reference"),
        ("${1}", "begins no valid reference"),
        ("${A", "begins no valid reference"),
        ("${A.b}", "begins no valid reference"),
        ("${A:x}", "begins no valid reference"),
        ("${U:-a\nb}", "begins no valid reference"),
        ("${U:-${A}", "begins no valid reference"),
        ("${U:?say $A}", "U is required: say a"),
        ("${U?}", "U is required: it has no value"),
        ("${E:?m}", "E is required: m"),
        ("${A:-${U:?m}}", "U is required: m"),
        ("${U:-" * 5000 + "}" * 5000, "nested too deeply"),
    ],
)
def test_refuses_as_compose_does(text: str, message: str) -> None:
    with pytest.raises(ComposeFileError, match=message):
        interpolate(text, VARIABLES)


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("$$A", ()),
        ("$D", (Use("D", "d$A", "env file", FILE, 3),)),
        ("$A$U", (Use("A", "a", "shell"), Use("U", None, "unset"))),
        ("${U:-w}", (Use("U", "w", "default"),)),
        ("${E:-w}", (Use("E", "w", "default"),)),
        ("${E-w}", (Use("E", "", "shell"),)),
        ("${U:-$A}", (Use("U", "a", "default"), Use("A", "a", "shell"))),
        ("${A:-$U}", (Use("A", "a", "shell"),)),
        ("${A:+$D}", (Use("A", "a", "shell"), Use("D", "d$A", "env file", FILE, 3))),
        ("${U:+$D}", (Use("U", None, "unset"),)),
        ("${A:?$U}", (Use("A", "a", "shell"),)),
    ],
)
def test_traces_the_names_that_were_used(text: str, uses: tuple[Use, ...]) -> None:
    assert uses == interpolate(text, VARIABLES)[1]


def test_many_references_in_one_line_are_quick() -> None:
    assert "x" * 2000 == interpolate("${U:-x}" * 2000, {})[0]
