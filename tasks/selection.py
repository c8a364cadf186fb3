"""Service names from a command line."""

from __future__ import annotations

from collections.abc import Iterable


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names of repeated `--service` options; each may be a comma list."""
    return tuple(
        dict.fromkeys(
            name for value in values for part in value.split(",") if (name := part.strip())
        )
    )
