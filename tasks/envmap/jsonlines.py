"""JSON with the line of every key, and errors that name it.

The standard library's parser says where a syntax error is, but not where a value was; this
walks the text once more after it has been found valid, so it needs no grammar of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..errors import SettingsError

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_object(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the object in a JSON file, and the line of each dotted key path.

    A byte order mark at the start is accepted. Raises SettingsError naming file, line and
    key for invalid UTF-8 or JSON, a repeated key, or a top level that is no object.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not valid UTF-8. Save it as UTF-8.") from error
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}:{error.lineno}:{error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: nested too deeply.") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: the top level must be an object, {{...}}.")
    return document, _lines(text, path)


def _lines(text: str, path: Path) -> dict[str, int]:
    lines: dict[str, int] = {}
    # One entry per open container: the key of the object's member at hand, or a list's index.
    stack: list[str | int] = []
    expects_key = False
    line, position = 1, 0
    for match in _WORD.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        word = match[0]
        if word in "{[":
            stack.append("" if word == "{" else 0)
            expects_key = word == "{"
        elif word in "}]":
            stack.pop()
            expects_key = False
        elif word == ",":
            last = stack[-1]
            expects_key = isinstance(last, str)
            stack[-1] = last if isinstance(last, str) else last + 1
        elif word == ":":
            expects_key = False
        elif expects_key:
            stack[-1] = json.loads(word)
            key = ".".join(str(part) for part in stack)
            if key in lines:
                raise SettingsError(
                    f"{path}:{line}: the key {key!r} stands here again; it was given on "
                    f"line {lines[key]}. Remove one."
                )
            lines[key] = line
    return lines
