from __future__ import annotations

from pathlib import Path

import pytest
from tranship.envmap.jsonlines import read_object
from tranship.errors import SettingsError


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "base.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_key_has_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{\n  "database": {\n    "user": "a",\n\n    "port": 5432\n  },\n'
        '  "text": "braces {, [ and \\"quotes\\": \\\\",\n  "debug": true, "none": null\n}\n',
    )

    document, lines = read_object(path)

    assert {
        "database": {"user": "a", "port": 5432},
        "text": 'braces {, [ and "quotes": \\',
        "debug": True,
        "none": None,
    } == document
    assert {
        "database": 2,
        "database.user": 3,
        "database.port": 5,
        "text": 7,
        "debug": 8,
        "none": 8,
    } == lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {}),
        ('{"a":1}', {"a": 1}),
        ('\n\n{"a":\n{"b"\n:1}}', {"a": 3, "a.b": 4}),
        ('{"a": 1,\r\n"b": 2}', {"a": 1, "b": 2}),
        ('{"größe": 1,\n"\\u0061": 2}', {"größe": 1, "a": 2}),
        ('{"a": [1, [2],\n {"b": 1}],\n"c": 1}', {"a": 1, "a.2.b": 2, "c": 3}),
        ('{"a": "x\\ny",\n"b": ""}', {"a": 1, "b": 2}),
    ],
)
def test_lines_of_other_forms(tmp_path: Path, text: str, expected: dict[str, int]) -> None:
    assert expected == read_object(written(tmp_path, text))[1]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert ({"a": 1}, {"a": 1}) == read_object(written(tmp_path, b'\xef\xbb\xbf{"a": 1}'))


BAD = [
    (b'{\n"a": "\xff"}', ":2: not valid UTF-8. Save it as UTF-8."),
    ("", ":1:1: Expecting value."),
    ('{\n"a": 1,\n}', ":3:1: "),
    ('{"a": tru}', ":1:7: Expecting value."),
    ("{'a': 1}", ":1:2: Expecting property name"),
    ("[1]", ": the top level must be an object, {...}."),
    ('"a"', ": the top level must be an object, {...}."),
    ("null", ": the top level must be an object, {...}."),
    ("[" * 200_000, ": nested too deeply."),
    (
        '{"a": 1,\n"b": 2,\n"a": 3}',
        ":3: the key 'a' stands here again; it was given on line 1. Remove one.",
    ),
    (
        '{"a": {"b": 1,\n"b": 1}}',
        ":2: the key 'a.b' stands here again; it was given on line 1. Remove one.",
    ),
    (
        '{"a": [{"b": 1}, {"b": 1,\n"b": 1}]}',
        ":2: the key 'a.1.b' stands here again; it was given on line 1. Remove one.",
    ),
    (
        '{"a": {"b": 1},\n"a.b": 2}',
        ":2: the key 'a.b' stands here again; it was given on line 1. Remove one.",
    ),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=lambda value: repr(value)[:20])
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, content)

    with pytest.raises(SettingsError) as raised:
        read_object(path)

    assert str(raised.value).startswith(f"{path}{message}")
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"base\.json: cannot be read \(No such file"):
        read_object(tmp_path / "base.json")
