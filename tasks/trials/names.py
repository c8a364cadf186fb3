"""What a mode is called on record: its own name, or with `@2` where it is compared with itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(?P<mode>.+)@[2-9]\d*")


def numbered(modes: Iterable[str]) -> list[str]:
    """Return names that differ: of two equal modes the second one is `local@2`.

    A service's name has no `@`, so that no other mode is called so.
    """
    names: list[str] = []
    count: dict[str, int] = {}
    for mode in modes:
        number = count[mode] = count.get(mode, 0) + 1
        names.append(mode if number == 1 else f"{mode}@{number}")
    return names


def mode_of(name: str) -> str:
    """Return the mode that a name on record means: `local@2` is `local` once more."""
    match = _NUMBERED.fullmatch(name)
    return match["mode"] if match else name
