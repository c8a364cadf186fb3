"""What a command line selects: services by name, and numbers with a unit.

Invoke makes a value of the type of its argument's default, and shows a traceback when that
raises anything but its own Exit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

from invoke.exceptions import Exit

from .errors import ExitCode

ENVIRONMENT = "The layer: development, test, production. Default: [tool.tranship] environment."
"""The help of `--environment`, which most tasks have."""


class Seconds(float):
    """A number of seconds that is not negative."""

    def __new__(cls, value: float | str = 0.0) -> Self:
        """Return the number; raises Exit for a word that is none."""
        try:
            made = super().__new__(cls, value)
        except ValueError:
            made = super().__new__(cls, -1.0)
        if not (math.isfinite(made) and made >= 0):
            raise Exit(f"{value!r} is not a number of seconds.", int(ExitCode.USAGE))
        return made


class Lines(int):
    """A number of lines that is not negative."""

    def __new__(cls, value: int | str = 0) -> Self:
        """Return the number; raises Exit for a word that is none."""
        try:
            made = super().__new__(cls, value)
        except ValueError:
            made = super().__new__(cls, -1)
        if made < 0:
            raise Exit(f"{value!r} is not a number of lines.", int(ExitCode.USAGE))
        return made


class Count(int):
    """A number from 1."""

    def __new__(cls, value: int | str = 1) -> Self:
        """Return the number; raises Exit for a word that is none."""
        try:
            made = super().__new__(cls, value)
        except ValueError:
            made = super().__new__(cls, 0)
        if made < 1:
            raise Exit(f"{value!r} is not a number from 1.", int(ExitCode.USAGE))
        return made


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names of repeated `--service` options; each may be a comma list."""
    return tuple(
        dict.fromkeys(
            name for value in values for part in value.split(",") if (name := part.strip())
        )
    )
