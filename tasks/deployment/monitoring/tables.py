"""The answers as rows: targets, series, alerts."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from urllib.parse import urlsplit

from .prometheus import Alert, Series, TargetState

TARGET_HEADERS = ["service", "reads", "health", "last read", "took", "error"]
VALUE_HEADERS = ["series", "value"]
RANGE_HEADERS = ["series", "first", "last", "least", "most", "course"]
ALERT_HEADERS = ["alert", "state", "service", "for", "summary"]
_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=+*%#"
_COLUMNS = 30
_NEVER = "0001-"


def target_rows(targets: Sequence[TargetState], now: float) -> list[list[str]]:
    """Return the rows of the targets; `now` is seconds since the epoch."""
    return [
        [
            item.service or item.job,
            f"{urlsplit(item.url).netloc}{urlsplit(item.url).path}",
            item.health,
            ago(item.last_read, now),
            f"{item.seconds * 1000:.0f} ms" if item.health != "unknown" else "",
            item.error,
        ]
        for item in targets
    ]


def value_rows(series: Sequence[Series]) -> list[list[str]]:
    """Return the rows of an instant query."""
    return [
        [str(item), number(item.points[-1][1]) if item.points else item.labels["string"]]
        for item in series
    ]


def range_rows(series: Sequence[Series], *, plain: bool) -> list[list[str]]:
    """Return the rows of a range query, the course as bars; `plain` keeps to ASCII."""
    rows = []
    for item in series:
        values = [value for _, value in item.points]
        known = [value for value in values if math.isfinite(value)]
        least, most = (min(known), max(known)) if known else (math.nan, math.nan)
        ends = [values[0], values[-1], least, most]
        rows.append([str(item), *map(number, ends), course(values, plain=plain)])
    return rows


def course(values: Sequence[float], *, plain: bool) -> str:
    """Return the values as bars, from the least to the most of them; what is none is a space."""
    bars = _PLAIN_BARS if plain else _BARS
    if len(values) > _COLUMNS:
        width = len(values) / _COLUMNS
        cut = [
            values[int(i * width) : max(int((i + 1) * width), int(i * width) + 1)]
            for i in range(_COLUMNS)
        ]
        values = [max((v for v in part if math.isfinite(v)), default=math.nan) for part in cut]
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    least, spread = min(known), max(known) - min(known)

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return " "
        return bars[round((value - least) / spread * (len(bars) - 1))] if spread else bars[0]

    return "".join(map(bar, values))


def alert_rows(alerts: Sequence[Alert], now: float) -> list[list[str]]:
    """Return the rows of the alerts."""
    return [
        [
            item.name,
            item.state,
            item.labels.get("service", ""),
            ago(item.since, now).removesuffix(" ago"),
            item.summary,
        ]
        for item in alerts
    ]


def number(value: float) -> str:
    """Return a value with the digits that tell."""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else str(value)
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"


def ago(moment: str, now: float) -> str:
    """Return how long ago an RFC 3339 time was."""
    if moment.startswith(_NEVER):
        return "never"
    # Python 3.11 reads nanoseconds too, and cuts them.
    seconds = max(now - datetime.datetime.fromisoformat(moment).timestamp(), 0.0)
    if seconds < 120:
        return f"{seconds:.1f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"
