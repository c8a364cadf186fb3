r"""Compose's own reading of `.env` files and of `env_file`s.

python-dotenv reads and writes the files that are the user's own; what Compose makes of a
file is another matter, and only its own grammar says it. Measured on Compose 2.26
(compose-go 2.4.8) against python-dotenv 1.2, the file's text and what each reads:

    text             Compose             python-dotenv
    A=x$y            x                   x$y         $NAME expands, not only ${NAME}
    A=${B:+c}        c, if B is there    ${B:+c}     all forms of interpolation
    A=a$$b           a$b                 a$$b
    A="\$b"          $b                  \$b
    A='${B}'         ${B}                B's value   never inside single quotes
    A='a\\b'         a\\b                a\b         ... which know \' alone
    A="\0101"        A                   \0101       octal escapes, of three digits
    A: x             x                   no A at all
    A= #x            #x                  empty       a comment needs text and a space
    A=x<tab>#y       x<tab>#y            x           ... and a tab is none
    A='x'y           x, and a name y     no A at all
    A="x" B=y        x, and B is y       no A at all
    A B=1            refused             no A at all
    A                the shell's, or an  None
                     earlier file's
    A, and no line   a variable without  None
    end after it     a name, of value A

In an `env_file`, `$NAME` looks first in the service's earlier env_files, then in the shell
and in Compose's env files, and only then at the lines above in the same file.
"""

from __future__ import annotations

import re
import unicodedata
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ComposeFileError
from . import textfile
from .interpolation import Given, Use, interpolate, use_of


@dataclass(frozen=True)
class Entry:
    """One variable of a dotenv file; of those with one name, the last one holds."""

    name: str
    text: str | None
    """As written, with its quotes and without a comment; None for a name alone."""
    value: str | None
    """What Compose makes of it; None: a name alone that nothing gives a value, left out."""
    line: int
    uses: tuple[Use, ...] = ()


def read(path: Path, variables: Mapping[str, Given], *, raw: bool = False) -> tuple[Entry, ...]:
    """Return the entries of a file, in its order.

    `variables` are what Compose finds before the file's own lines. `raw` is the env_file
    format of that name. Raises ComposeFileError with file and line for what Compose refuses.
    """
    text = textfile.read(path)
    return parse_raw(text, variables, path) if raw else parse(text, variables, path)


def given_by(entries: tuple[Entry, ...], path: Path) -> dict[str, Given]:
    """Return the values that the entries of a file leave, each with its line."""
    return {
        entry.name: Given(entry.value, "env file", path, entry.line)
        for entry in entries
        if entry.value is not None
    }


def parse(text: str, variables: Mapping[str, Given], path: Path) -> tuple[Entry, ...]:
    """Return the entries of a dotenv text; `path` is for origins and messages."""
    return _Reader(text, variables, path).entries()


def parse_raw(text: str, variables: Mapping[str, Given], path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file of `format: raw`, which keeps quotes, `$` and `#`.

    Compose knows it since 2.30, and the 2.26 that the rest is measured on does not: this
    follows the documentation of `docker run --env-file`, whose format it is.
    """
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        written = line.lstrip(_SPACES).removesuffix("\r")
        if not written or written[0] == "#":
            continue
        name, sign, value = written.partition("=")
        if not name or set(name) & set(_SPACES):
            raise ComposeFileError(f"{path}:{number}: {name!r} cannot be a variable's name.")
        if sign:
            found.append(Entry(name, value, value, number))
        else:
            given = variables.get(name)
            value_given = given.value if given is not None else None
            found.append(Entry(name, None, value_given, number, (use_of(name, given),)))
    return tuple(found)


# Go's unicode.IsSpace; Python's str.isspace has four control characters more.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_BLANK = re.compile(f"[{_SPACES}]*")
_TRAILING = re.compile(f"[{_SPACES}]+\\Z")
_INDENT = re.compile("[\t\v\f\r \x85\xa0]*")
_EXPORT = re.compile(r"export(?=[\t\n\f\r ])")
_NAME_END = re.compile("[=:\n]")
_NAME_EXTRA = frozenset("_.-[]\t\v\f\r \x85\xa0")
_QUOTED = {
    "'": re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL),
    '"': re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL),
}
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE = re.compile(r'\\(?:(?P<octal>0[0-9]{0,3})|(?P<letter>[abcfnrtv$"\\]))')
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    # A literal dollar, in the spelling that the interpolation after this understands.
    "$": "$$",
}


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, Given], path: Path) -> None:
        self._text = text.removeprefix("\ufeff")
        self._path = path
        self._own: dict[str, Given] = {}
        self._outer = variables
        self._variables = ChainMap[str, Given](dict(variables), self._own)
        self._position = 0
        self._counted = 0
        self._line = 1

    def entries(self) -> tuple[Entry, ...]:
        found = []
        while self._next_statement():
            entry = self._entry()
            if entry.value is not None:
                self._own[entry.name] = Given(entry.value, "env file", self._path, entry.line)
            if entry.name or entry.value is not None:
                found.append(entry)
        return tuple(found)

    def _next_statement(self) -> bool:
        while True:
            self._skip(_BLANK)
            if self._position == len(self._text):
                return False
            if self._text[self._position] != "#":
                return True
            end = self._text.find("\n", self._position)
            self._position = len(self._text) if end < 0 else end

    def _entry(self) -> Entry:
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = self._position
        line = self._line
        if exported := _EXPORT.match(self._text, self._position):
            self._position = exported.end()
            self._skip(_INDENT)
            if self._position == len(self._text):
                raise ComposeFileError(
                    f"{self._path}:{line}: `export` of nothing. Name a variable."
                )
        name, alone = self._name(line)
        self._skip(_INDENT)
        if alone:
            given = self._outer.get(name)
            value = given.value if given is not None else None
            return Entry(name, None, value, line, (use_of(name, given),))
        quote = self._text[self._position : self._position + 1]
        written, value = self._quoted(quote, line) if quote in _QUOTED else self._unquoted()
        if quote == "'":
            return Entry(name, written, value, line)
        try:
            value, uses = interpolate(value, self._variables)
        except ComposeFileError as error:
            raise ComposeFileError(f"{self._path}:{line}: {name}: {error}.") from error
        return Entry(name, written, value, line, uses)

    def _name(self, line: int) -> tuple[str, bool]:
        """Return the name at the position, and whether it stands alone on its line."""
        end = _NAME_END.search(self._text, self._position)
        stop = end.start() if end else len(self._text)
        written = self._text[self._position : stop]
        for character in written:
            if character not in _NAME_EXTRA and unicodedata.category(character)[0] not in "LN":
                raise ComposeFileError(
                    f"{self._path}:{line}: unexpected {character!r} in the variable name "
                    f"{written!r}."
                )
        if end is None:
            # Compose's own mistake: the last line's name becomes the value of a nameless one.
            return "", False
        name = _TRAILING.sub("", written)
        if " " in name:
            raise ComposeFileError(f"{self._path}:{line}: the name {name!r} contains a space.")
        self._position = end.end()
        return name, end[0] == "\n"

    def _unquoted(self) -> tuple[str, str]:
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        value = self._text[self._position : end].partition(" #")[0]
        self._position = min(end + 1, len(self._text))
        value = _TRAILING.sub("", value)
        return value, value

    def _quoted(self, quote: str, line: int) -> tuple[str, str]:
        match = _QUOTED[quote].match(self._text, self._position)
        if match is None:
            raise ComposeFileError(
                f"{self._path}:{line}: the value has no closing {quote}. Add it."
            )
        self._position = match.end()
        value = _PAIR.sub(lambda pair: quote if pair[1] == quote else pair[0], match[1])
        return match[0], _ESCAPE.sub(_unescaped, value) if quote == '"' else value

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._position)
        self._position = match.end() if match else self._position


def _unescaped(match: re.Match[str]) -> str:
    octal = match["octal"]
    if octal is None:
        return _LETTERS.get(match["letter"], match[0])
    digits = octal[1:]
    valid = len(digits) == 3 and not set(digits) & set("89") and int(digits, 8) < 256
    # An invalid one loses its zero.
    return chr(int(digits, 8)) if valid else f"\\{digits}"
