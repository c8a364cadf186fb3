"""What `inv monitor.*` shows: rows, and the exit code that a script can use."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ... import console
from ...errors import ExitCode, UsageError
from ...settings import Settings
from ...stack.durations import duration
from . import tables
from .prometheus import Alert, Prometheus, Rule
from .server import monitoring_of

FORMATS = ("table", "json")
_POINTS = 60
"""Points of a range whose step nobody names."""
_MOST_POINTS = 11_000
"""More of them Prometheus refuses."""


@dataclass(frozen=True)
class Shown:
    """What is printed: rows with their headers or a text, then what ended badly."""

    rows: Sequence[Sequence[str]] = ()
    headers: Sequence[str] = ()
    text: str = ""
    code: ExitCode = ExitCode.SAME
    reason: str = ""


def status(settings: Settings) -> Shown:
    """Return each target with its health; code 4 when one was not read."""
    with Prometheus(monitoring_of(settings).url()) as server:
        targets = server.targets()
    rows = tables.target_rows(targets, time.time())
    bad = [item.service or item.job for item in targets if item.health != "up"]
    if not bad:
        return Shown(rows, tables.TARGET_HEADERS)
    reason = f"Not read: {', '.join(bad)}."
    return Shown(rows, tables.TARGET_HEADERS, code=ExitCode.ENVIRONMENT, reason=reason)


def query(settings: Settings, expression: str, span: str, step: str, shape: str) -> Shown:
    """Return the answer to a query: now, or over the time `span` until now.

    Raises UsageError for an unknown format, for what is no duration, and with Prometheus' own
    message for a query that it refuses.
    """
    _known(shape)
    if not expression.strip():
        raise UsageError("No query. For example: inv monitor.query up")
    if step and not span:
        raise UsageError("--step goes with --range. For example: --range 10m --step 15s")
    seconds = _seconds(span, "--range") if span else 0.0
    pace = _seconds(step, "--step") if step else max(seconds / _POINTS, 1.0)
    if seconds / pace > _MOST_POINTS:
        raise UsageError(f"--step {step} makes more than {_MOST_POINTS} points. Make it longer.")
    with Prometheus(monitoring_of(settings).url()) as server:
        now = time.time()
        found = (
            server.query_range(expression, now - seconds, now, pace)
            if span
            else server.query(expression)
        )
    if shape == "json":
        return Shown(text=json.dumps(found.raw, indent=2))
    if not found.series:
        return Shown(
            text="No series has that name and those labels now."
            if not span
            else f"No series had that name and those labels in the last {span}."
        )
    if span:
        rows = tables.range_rows(found.series, plain=not console.unicode_out())
        return Shown(rows, tables.RANGE_HEADERS)
    return Shown(tables.value_rows(found.series), tables.VALUE_HEADERS)


def alerts(settings: Settings, shape: str) -> Shown:
    """Return the alerts; code 3 when one fires, 5 when rules could not be looked at."""
    _known(shape)
    with Prometheus(monitoring_of(settings).url()) as server:
        found, rules = server.alerts(), server.rules()
    code, reason = judged(found, rules)
    if shape == "json":
        text = json.dumps([asdict(item) for item in found], indent=2)
        return Shown(text=text, code=code, reason=reason)
    if not found:
        return Shown(text=f"{len(rules)} rules, and no alert.", code=code, reason=reason)
    rows = tables.alert_rows(found, time.time())
    return Shown(rows, tables.ALERT_HEADERS, code=code, reason=reason)


def judged(found: Sequence[Alert], rules: Sequence[Rule]) -> tuple[ExitCode, str]:
    """Return the code and why: no rule that was looked at is no all-clear."""
    firing = sum(item.state == "firing" for item in found)
    if firing:
        return ExitCode.GATE_FAILED, f"{firing} {'alerts fire' if firing > 1 else 'alert fires'}."
    unsure = [
        f"{item.name}: {item.error or 'not looked at yet'}" for item in rules if item.health != "ok"
    ]
    if unsure or not rules:
        said = "; ".join(unsure) or "Prometheus has no rules"
        return ExitCode.INCONCLUSIVE, f"Nobody knows: {said}."
    return ExitCode.SAME, ""


def _known(shape: str) -> None:
    if shape not in FORMATS:
        raise UsageError(f"Unknown format {shape!r}. Formats: {', '.join(FORMATS)}.")


def _seconds(text: str, option: str) -> float:
    found = duration(text)
    if not found:
        raise UsageError(f"{option} {text!r} is no duration. Write it as 30s, 10m or 2h.")
    return found
