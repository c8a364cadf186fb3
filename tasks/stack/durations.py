"""Durations as Compose writes them."""

from __future__ import annotations

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def duration(text: object) -> float | None:
    """Return the seconds of a Compose duration such as `1m30s`; None for none.

    Source: Compose specification, "Specifying durations".
    """
    if text is None:
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)", str(text))
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None
