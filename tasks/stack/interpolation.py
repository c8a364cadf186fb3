"""Compose's interpolation, with a trace of every name that it used and whence.

`$NAME`, `${NAME}`, and `${NAME` with `-`, `:-`, `?`, `:?`, `+` or `:+` and a word, which
may hold further ones; `$$` is a dollar. Any other dollar stays as it is, but `${` that
begins none of these is an error. Measured on Compose 2.26 (compose-go 2.4.8), and not all
of it is what one expects:

* `${NAME:+word}` of an empty NAME is empty, and `${NAME+word}` of an unset one too;
* the word is evaluated even where it is not used, so `${A:-${B:?}}` fails without B;
* a word ends at its line: with a newline inside it is an error;
* in a word, `{` counts as an opening brace, and hides the character that follows it.

Source: Compose specification, "Interpolation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ComposeFileError

Source = Literal["shell", "env file", "default", "unset"]


@dataclass(frozen=True)
class Given:
    """A value that a name has when something is interpolated, and where it was given."""

    value: str
    source: Source = "shell"
    file: Path | None = None
    line: int = 0


@dataclass(frozen=True)
class Use:
    """One name in an interpolated text.

    `source` is "default" where the word of `${NAME-word}` stands for the name, and then
    `value` is that word, evaluated; "unset" where nothing does, and `value` is None.
    """

    name: str
    value: str | None
    source: Source
    file: Path | None = None
    line: int = 0


def use_of(name: str, given: Given | None) -> Use:
    """Return the use of a name that has, or lacks, a value."""
    if given is None:
        return Use(name, None, "unset")
    return Use(name, given.value, given.source, given.file, given.line)


# Go's case-insensitive [a-z] folds to these two beyond ASCII, and to no others.
_NAME = "[A-Za-z_\u017f\u212a][A-Za-z0-9_\u017f\u212a]*"
_REFERENCE = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<bare>{_NAME})"
    rf"|\{{(?:(?P<name>{_NAME})(?:(?P<sign>:?[-+?])(?P<word>.*))?\}}|(?P<invalid>)))"
)
_BRACE = re.compile(r"\{.?|\}", re.DOTALL)


def interpolate(text: str, variables: Mapping[str, Given]) -> tuple[str, tuple[Use, ...]]:
    """Return the text as Compose makes it, and the names that it used, in their order.

    Raises ComposeFileError, without a place, where Compose refuses the text.
    """
    if "$" not in text:
        return text, ()
    uses: list[Use] = []
    try:
        return _replaced(text, variables, uses), tuple(uses)
    except RecursionError:
        raise ComposeFileError("references are nested too deeply") from None


def _replaced(text: str, variables: Mapping[str, Given], uses: list[Use]) -> str:
    parts = []
    position = 0
    while match := _REFERENCE.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        if match["invalid"] is not None:
            # The text itself is not shown: it may be a secret.
            raise ComposeFileError(
                "`${` begins no valid reference; write ${NAME}, or $$ for a dollar"
            )
        if match["escaped"]:
            parts.append("$")
        elif match["sign"]:
            # The pattern runs to the last brace of the line; the word may end before.
            end = _closing(text, match.start(), match.end())
            word = text[match.start("word") : end - 1]
            position = end
            parts.append(_conditional(match["name"], match["sign"], word, variables, uses))
        else:
            parts.append(_plain(match["bare"] or match["name"], variables, uses))
    parts.append(text[position:])
    return "".join(parts)


def _closing(text: str, start: int, end: int) -> int:
    """Return the place after the brace that closes the one at `start`, at most `end`."""
    depth = 0
    for brace in _BRACE.finditer(text, start, end):
        depth += -1 if brace[0] == "}" else 1
        if depth == 0:
            return brace.end()
    return end


def _plain(name: str, variables: Mapping[str, Given], uses: list[Use]) -> str:
    given = variables.get(name)
    uses.append(use_of(name, given))
    return given.value if given is not None else ""


def _conditional(
    name: str, sign: str, word: str, variables: Mapping[str, Given], uses: list[Use]
) -> str:
    given = variables.get(name)
    usable = given is not None and (sign[0] != ":" or given.value != "")
    inner: list[Use] = []
    evaluated = _replaced(word, variables, inner)
    kind = sign[-1]
    if kind == "?":
        if not usable:
            raise ComposeFileError(f"{name} is required: {evaluated or 'it has no value'}")
    elif (kind == "+") == usable:
        # The word's own value: a default, or the alternative of a name that is there.
        uses.append(use_of(name, given) if kind == "+" else Use(name, evaluated, "default"))
        uses.extend(inner)
        return evaluated
    uses.append(use_of(name, given))
    return given.value if given is not None else ""
