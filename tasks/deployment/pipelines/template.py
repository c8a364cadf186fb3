"""Text with places to fill: the pipelines stay readable as the YAML that they are.

`@name@` alone on a line takes a block, indented as the place is, and vanishes with an empty
one; within a line it takes a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files

_PLACE = re.compile(r"@([a-z]+)@")


def filled(name: str, values: Mapping[str, str]) -> str:
    """Return the template of this package with its places filled, without doubled blank lines."""
    text = files(__package__).joinpath(f"{name}.template").read_text(encoding="utf-8")
    return re.sub(r"\n{3,}", "\n\n", _blocks(text, values)).strip("\n") + "\n"


def _blocks(text: str, values: Mapping[str, str]) -> str:
    found: list[str] = []
    for line in text.split("\n"):
        place = _PLACE.fullmatch(line.strip())
        if place is None:
            # What is filled in is not looked at again: it may be the project's own words.
            found.append(_PLACE.sub(lambda match: values[match[1]], line))
            continue
        indent = line[: len(line) - len(line.lstrip())]
        block = values[place[1]].strip("\n")
        found += [f"{indent}{part}" if part else "" for part in block.split("\n") if block]
    return "\n".join(found)


def quoted(text: str) -> str:
    """Return text as a YAML scalar that nothing in it can leave: JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)


def listed(words: tuple[str, ...] | list[str]) -> str:
    """Return words as a YAML list of one line."""
    return f"[{', '.join(map(quoted, words))}]"


def script(lines: tuple[str, ...] | list[str]) -> str:
    """Return shell lines as a YAML list, each of which is text whatever is in it."""
    return "\n".join(f"- {quoted(line)}" for line in lines)
