"""Figures as people read them. A figure that was not measured is a dash."""

from __future__ import annotations

from .targets import Target, Unit

MISSING = "-"


def quantity(value: float | None, unit: Unit, limit: float | None = None) -> str:
    """Return the figure with its unit.

    With a limit, as many digits as it takes for the text to stand on the same side of the
    limit as the figure: 1.4996 against 1.5 is not `1.50`.
    """
    if value is None:
        return MISSING
    if unit == "count":
        return f"{value:.0f}"
    if unit == "number":
        return _significant(value, limit)
    if unit == "bytes":
        return _mebibytes(value)
    if unit == "share":
        # One failed probe in 3,000 is not 100 %.
        return f"{_number(value * 100, 1, (100.0, _times(limit, 100)))} %"
    if abs(value) < 1:
        return f"{_number(value * 1000, 1 if abs(value) < 0.1 else 0, (_times(limit, 1000),))} ms"
    return f"{_number(value, 2 if abs(value) < 100 else 1, (limit,))} s"


def times(ratio: float | None, limit: float | None = None) -> str:
    """Return a ratio, such as `1.06x`."""
    return MISSING if ratio is None else f"{_number(ratio, 2, (limit,))}x"


def change(seconds: float) -> str:
    """Return a change of duration with its sign."""
    return f"{'-' if seconds < 0 else '+'}{quantity(abs(seconds), 'seconds')}"


def threshold(target: Target, unit: Unit) -> str:
    """Return the target as text, such as `< 1.5x`."""
    if target.of == "ratio":
        return f"{target.relation} {target.limit:g}x"
    if unit == "share":
        return f"{target.relation} {target.limit * 100:g} %"
    if unit == "bytes":
        return f"{target.relation} {target.limit / 2**20:g} MiB"
    if unit == "number":
        return f"{target.relation} {target.limit:g}"
    if unit == "count" or target.limit < 1:
        return f"{target.relation} {target.limit * 1000:g} ms"
    return f"{target.relation} {target.limit:g} s"


def _mebibytes(value: float) -> str:
    mebibytes = value / 2**20
    return f"{mebibytes:.1f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.2f} GiB"


def _times(limit: float | None, factor: float) -> float | None:
    return None if limit is None else limit * factor


def _significant(value: float, limit: float | None) -> str:
    if value == round(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    for digits in range(4, 17):
        text = f"{value:.{digits}g}"
        shown = float(text)
        if limit is None or (shown > limit, shown < limit) == (value > limit, value < limit):
            break
    return text


def _number(value: float, digits: int, limits: tuple[float | None, ...]) -> str:
    known = [limit for limit in limits if limit is not None]
    while digits < 6 and any(
        (round(value, digits) > limit, round(value, digits) < limit)
        != (value > limit, value < limit)
        for limit in known
    ):
        digits += 1
    return f"{value:.{digits}f}"
