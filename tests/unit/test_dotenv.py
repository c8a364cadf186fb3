"""Compose's dotenv grammar; each expectation was measured on Compose 2.26."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from tranship.envmap.dotenvfile import compose_dotenv
from tranship.errors import ComposeFileError
from tranship.stack import dotenv
from tranship.stack.interpolation import Given, Use

FILE = Path("x.env")
OUTER = {"A": Given("outer"), "EMPTY": Given("")}


def values(text: str) -> dict[str, str | None]:
    return {entry.name: entry.value for entry in dotenv.parse(text, OUTER, FILE)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X=1", {"X": "1"}),
        ("  X = 1  \n", {"X": "1"}),
        ("export X=1\nexport\tY=2\n", {"X": "1", "Y": "2"}),
        ("exported=1\n", {"exported": "1"}),
        ("export\n", {}),
        ("X: 1\n", {"X": "1"}),
        ("X=a:b=c\n", {"X": "a:b=c"}),
        ("X=\nY=\n", {"X": "", "Y": ""}),
        ("\ufeffX=1\r\nY=2\r\n", {"X": "1", "Y": "2"}),
        ("# c\n\n  # c\nX=1\n", {"X": "1"}),
        ("X=a#b\nY=a #b\nZ=a\t#b\n", {"X": "a#b", "Y": "a", "Z": "a\t#b"}),
        ("X= #c\n", {"X": "#c"}),
        ("X='a #b' # c\nY=1\n", {"X": "a #b", "Y": "1"}),
        ("X='it\\'s'\nY='a\\nb\\\\'\n", {"X": "it's", "Y": "a\\nb\\\\"}),
        ('X="a\\"b\\n\\t\\\\"\n', {"X": 'a"b\n\t\\'}),
        ('X="\\0101\\012\\0777\\0"\n', {"X": "A\\12\\777\\"}),
        ('X="\\x41\\c"\n', {"X": "\\x41\\c"}),
        ("X=a\\nb\n", {"X": "a\\nb"}),
        ("X='one\ntwo'\nY=\"one\n\ntwo\"", {"X": "one\ntwo", "Y": "one\n\ntwo"}),
        ("X=$A\nY='$A'\nZ=\"$A\"\n", {"X": "outer", "Y": "$A", "Z": "outer"}),
        ('X=$$A\nY="\\$A"\nZ=5$\n', {"X": "$A", "Y": "$A", "Z": "5$"}),
        ("X=${U:-d}${EMPTY-e}${A:+set}\n", {"X": "dset"}),
        ("A=own\nX=$A\n", {"A": "own", "X": "outer"}),
        ("B=own\nX=$B\n", {"B": "own", "X": "own"}),
        ("A\nU\n", {"A": "outer", "U": None}),
        ("X='a'Y\n", {"X": "a", "Y": None}),
        ("X='a' Y=b\n", {"X": "a", "Y": "b"}),
        ("A", {"": "A"}),
        ("A.B=1\nC-D=2\nE[0]=3\nÄ=4\n", {"A.B": "1", "C-D": "2", "E[0]": "3", "Ä": "4"}),
        ("X=größe 日本 🚢\u00a0\n", {"X": "größe 日本 🚢"}),
    ],
)
def test_reads_as_compose_does(text: str, expected: dict[str, str | None]) -> None:
    assert expected == values(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X=1\nA B=1\n", r"x\.env:2: the name 'A B' contains a space"),
        ('"A"=1\n', r"x\.env:1: unexpected '\"' in the variable name"),
        ("X=1\nY='a\n", r"x\.env:2: the value has no closing '"),
        ("\n\nX=${\n", r"x\.env:3: X: `\$\{` begins no valid reference"),
        ("X=${U:?say U}\n", r"x\.env:1: X: U is required: say U"),
        ("export ", r"x\.env:1: `export` of nothing"),
    ],
)
def test_names_the_line_of_what_compose_refuses(text: str, message: str) -> None:
    with pytest.raises(ComposeFileError, match=message):
        values(text)


def test_an_error_does_not_show_the_value() -> None:
    with pytest.raises(ComposeFileError) as caught:
        values("PASSWORD=s3cret${\n")
    assert "s3cret" not in str(caught.value)


def test_entries_have_their_text_line_and_uses() -> None:
    entries = dotenv.parse("\n# c\nX='one\ntwo' # c\nB=1\nY=\"$B-$A\" \nA\n", OUTER, FILE)

    assert [("X", "'one\ntwo'", 3), ("B", "1", 5), ("Y", '"$B-$A"', 6), ("A", None, 7)] == [
        (entry.name, entry.text, entry.line) for entry in entries
    ]
    assert (Use("B", "1", "env file", FILE, 5), Use("A", "outer", "shell")) == entries[2].uses
    assert (Use("A", "outer", "shell"),) == entries[3].uses


def test_the_last_of_a_name_is_what_a_file_gives() -> None:
    entries = dotenv.parse("X=1\nX=2\nU\n", OUTER, FILE)
    assert {"X": Given("2", "env file", FILE, 2)} == dotenv.given_by(entries, FILE)


def test_raw_files_keep_everything(tmp_path: Path) -> None:
    path = tmp_path / "raw.env"
    path.write_bytes(b"\xef\xbb\xbf# c\n\n  X='a' #b$A\nA\nU\r\n")
    entries = dotenv.read(path, OUTER, raw=True)
    assert [("X", "'a' #b$A", 3), ("A", "outer", 4), ("U", None, 5)] == [
        (entry.name, entry.value, entry.line) for entry in entries
    ]


def test_invalid_utf_8_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.env"
    path.write_bytes(b"X=1\nY=\xff\n")
    with pytest.raises(ComposeFileError, match=r"bad\.env:2: not valid UTF-8"):
        dotenv.read(path, {})


def test_what_is_written_for_compose_is_read_back() -> None:
    chance = random.Random(7)
    alphabet = "ab$${}\\\"'# \t\n\r=:é日🚢\x1b0n`!"
    written = {
        f"V{index}": "".join(chance.choices(alphabet, k=chance.randrange(12)))
        for index in range(2000)
    }
    assert written == values(compose_dotenv(written))


@pytest.mark.parametrize(
    ("text", "compose", "python_dotenv"),
    [
        ("A=x$y\n", "x", "x$y"),
        ("A=${B:+c}\n", "c", "${B:+c}"),
        ("A=a$$b\n", "a$b", "a$$b"),
        ('A="\\$b"\n', "$b", "\\$b"),
        ("A='${B}'\n", "${B}", "of B"),
        ("A='a\\\\b'\n", "a\\\\b", "a\\b"),
        ('A="\\0101"\n', "A", "\\0101"),
        ("A: x\n", "x", None),
        ("A= #x\n", "#x", ""),
        ("A=x\t#y\n", "x\t#y", "x"),
        ("A='x'y\n", "x", None),
        ('A="x" B=y\n', "x", None),
    ],
)
def test_python_dotenv_reads_otherwise(
    text: str, compose: str, python_dotenv: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # When this fails, the table in the module's docstring is out of date.
    from dotenv import dotenv_values

    monkeypatch.setenv("B", "of B")
    assert compose == dotenv.parse(text, {"B": Given("of B")}, FILE)[0].value
    assert python_dotenv == dotenv_values(stream=io.StringIO(text)).get("A")
