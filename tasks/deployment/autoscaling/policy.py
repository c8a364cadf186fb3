"""The policy of one service: settings that do not contradict each other, and the query."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...errors import SettingsError, UsageError, near
from ...settings import MonitoringSettings, ScalingSettings, Settings
from ..monitoring.rules import milliseconds

_OWN = '{service="$service"}'
_ALL_READ = f"count(up{_OWN} == 1) >= $tasks"
_QUERIES = {
    "cpu": f"sum(rate(process_cpu_seconds_total{_OWN}[$window])) / $tasks",
    "memory": f"sum(process_resident_memory_bytes{_OWN}) / $tasks",
    "requests": f"sum(rate(REQUESTS{_OWN}[$window])) / $tasks",
    "p95": f"histogram_quantile(0.95, sum by (le) (rate(DURATION_bucket{_OWN}[$window])))",
}
"""Figure -> its query. The names of processes' figures are those of every Prometheus client."""
FIGURES = tuple(_QUERIES)
_WORD = re.compile(r"\$(service|stack|tasks|window)\b")


@dataclass(frozen=True)
class Policy:
    """How one service is scaled; times in seconds."""

    service: str
    figure: str
    """What the figure is called: one of FIGURES, or `figure` for a query of the project's own."""
    query: str
    """PromQL, in which $service, $stack, $tasks and $window are still to be filled in."""
    target: float
    minimum: int
    maximum: int
    up_cooldown: float = 15.0
    down_cooldown: float = 60.0
    hold: float = 120.0
    tolerance: float = 0.1
    step: int = 0
    max_age: float = 30.0

    @property
    def named(self) -> bool:
        """Whether it is one of FIGURES, for which every task has to be read."""
        return self.figure in FIGURES


def policies_of(settings: Settings, only: tuple[str, ...] = ()) -> tuple[Policy, ...]:
    """Return the policies, of these services alone where some are named.

    Raises SettingsError for one that contradicts itself, UsageError for a service without one.
    """
    known = settings.autoscale
    if not known:
        raise UsageError(
            "No service has a policy. Write figure, target and max in "
            "[tool.tranship.autoscale.SERVICE]."
        )
    for name in only:
        if name not in known:
            raise UsageError(
                f"{name!r} has no policy{near(name, known)}: [tool.tranship.autoscale.{name}]. "
                f"Services with one: {', '.join(sorted(known))}."
            )
    chosen = {name: found for name, found in known.items() if not only or name in only}
    return tuple(_policy(name, chosen[name], settings.monitoring) for name in sorted(chosen))


def _policy(name: str, own: ScalingSettings, names: MonitoringSettings) -> Policy:
    for key, wrong in _contradictions(own):
        raise SettingsError(f'[tool.tranship.autoscale.{name}] "{key}": {wrong}.')
    return Policy(
        service=name,
        figure=own.figure if own.figure in FIGURES else "figure",
        query=query_of(own.figure, names) if own.figure in FIGURES else own.figure,
        target=own.target,
        minimum=own.min,
        maximum=own.max,
        up_cooldown=own.up_cooldown,
        down_cooldown=own.down_cooldown,
        hold=own.hold,
        tolerance=own.tolerance,
        step=own.step,
        max_age=own.max_age,
    )


def _contradictions(own: ScalingSettings) -> Iterator[tuple[str, str]]:
    if not own.figure.strip():
        yield "figure", f"is empty. Give {', '.join(FIGURES)}, or a query in PromQL"
    if not (math.isfinite(own.target) and own.target > 0):
        yield "target", f"{own.target:g} is not above 0"
    if own.min < 1:
        yield "min", f"{own.min}: the fewest is 1, for without a task there is no figure"
    if own.max < own.min:
        yield "max", f"{own.max} is below min, {own.min}"
    for key, seconds in (
        ("up-cooldown", own.up_cooldown),
        ("down-cooldown", own.down_cooldown),
        ("hold", own.hold),
    ):
        if not (math.isfinite(seconds) and seconds >= 0):
            yield key, f"{seconds:g} is no number of seconds"
    if not (math.isfinite(own.max_age) and own.max_age > 0):
        yield "max-age", f"{own.max_age:g} is not above 0 seconds"
    if not 0 <= own.tolerance < 1:
        yield "tolerance", f"{own.tolerance:g} is not from 0 to below 1"
    if own.step < 0:
        yield "step", f"{own.step} is below 0"


def query_of(figure: str, names: MonitoringSettings) -> str:
    """Return the query of one of FIGURES; it gives nothing unless every task is read."""
    text = _QUERIES[figure].replace("REQUESTS", names.requests).replace("DURATION", names.duration)
    return f"{text} and on() {_ALL_READ}"


def filled(query: str, service: str, stack: str, tasks: int, names: MonitoringSettings) -> str:
    """Return the query as Prometheus is asked it."""
    words: Mapping[str, str] = {
        "service": service,
        "stack": stack,
        "tasks": str(tasks),
        "window": milliseconds(names.window),
    }
    return _WORD.sub(lambda found: words[found[1]], query)
