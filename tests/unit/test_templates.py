from __future__ import annotations

from typing import Any

import pytest
from tranship.envmap.templates import Placeholder, Template, TemplateError, as_text, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain", ("plain",)),
        ("{a}", (Placeholder("a"),)),
        ("{ a.b }", (Placeholder("a.b"),)),
        ("{a|url}", (Placeholder("a", "url"),)),
        ("{a | json}", (Placeholder("a", "json"),)),
        (
            "postgresql://{u|url}@{db:5432.port}/x",
            ("postgresql://", Placeholder("u", "url"), "@", Placeholder("db:5432.port"), "/x"),
        ),
        ("{a}{b}", (Placeholder("a"), Placeholder("b"))),
        ("{{a}}", ("{a}",)),
        ("{{{a}}}", ("{", Placeholder("a"), "}")),
        ('{{"h":"{h}"}}', ('{"h":"', Placeholder("h"), '"}')),
        ("$5 100% #x 'q' \"d\" \n ü", ("$5 100% #x 'q' \"d\" \n ü",)),
        ("{{}}", ("{}",)),
    ],
)
def test_parts(text: str, parts: tuple[str | Placeholder, ...]) -> None:
    assert Template(text, parts) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a{", "a lone '{' at column 2; a literal one is written '{{'"),
        ("}", "a lone '}' at column 1; a literal one is written '}}'"),
        ("{a}}", "a lone '}' at column 4"),
        ("{a{b}", "a lone '{' at column 1"),
        ("{}", "an empty placeholder"),
        ("{ }", "an empty placeholder"),
        ("{|url}", "an empty placeholder"),
        ("{a|html}", "unknown filter 'html'; filters: url, json"),
        ("{a|}", "unknown filter ''"),
    ],
)
def test_what_is_not_well_formed(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parse(text)

    assert str(raised.value).startswith(message)


def test_a_sole_placeholder_is_known() -> None:
    assert Placeholder("a", "json") == parse("{a|json}").sole
    assert [None, None, None] == [parse(text).sole for text in ("{a}/", "{a}{b}", "{{a}}")]


def test_a_placeholder_is_shown_as_it_is_written() -> None:
    assert ["{a}", "{b|url}"] == [str(part) for part in parse("{a} and {b|url}").placeholders]


@pytest.mark.parametrize(
    ("value", "chosen", "expected"),
    [
        ("text", None, "text"),
        (0, None, "0"),
        (1.5, None, "1.5"),
        (True, None, "true"),
        (False, None, "false"),
        (None, None, ""),
        ([1, "a ü"], None, '[1,"a ü"]'),
        ({"a": None}, None, '{"a":null}'),
        ("text", "json", '"text"'),
        (None, "json", "null"),
        ("p@s:s/w %ü", "url", "p%40s%3As%2Fw%20%25%C3%BC"),
        ("a-b_c.d~e", "url", "a-b_c.d~e"),
        (None, "url", ""),
        ([1, 2], "url", "%5B1%2C2%5D"),
    ],
)
def test_settings_as_text(value: Any, chosen: str | None, expected: str) -> None:
    assert expected == as_text(value, chosen)
