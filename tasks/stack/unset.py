"""A variable that the compose files ask for and nobody gives: where to give it a value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_REQUIRED = re.compile(r"required variable (?P<name>\w+) is missing|(?P<ours>\w+) is required: ")


def where_to_set(said: str, files: Iterable[Path], pass_env: Iterable[str]) -> str:
    """Return what to add to the words of a missing variable; empty for other words.

    `files` are the compose files, `pass_env` the variables of this shell that Compose gets to see.
    """
    match = _REQUIRED.search(said)
    if match is None:
        return ""
    name = match["name"] or match["ours"]
    beside = next(iter(files)).parent / ".env"
    stop = "" if said.endswith(".") else "."
    if name in os.environ and name not in pass_env:
        return (
            f"{stop} This shell has a {name}, which no run gets to see: write it into {beside}, "
            "or name it in [tool.tranship] pass-env"
        )
    return f"{stop} Write it into {beside}"
