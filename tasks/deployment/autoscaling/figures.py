"""The figure of a policy, asked of Prometheus: one number at each time, or why there is none."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ...errors import EnvironmentFailed, UsageError
from ...settings import MonitoringSettings
from ..monitoring.prometheus import Answer
from .deciding import Sample
from .policy import FIGURES, Policy, filled, query_of

_POINTS = 60
"""The most times that are asked for within a hold."""
_FRESH = 'timestamp(up{service="$service"}) * (up{service="$service"} == 1)'
"""When each task that answers was read: the timestamp of a plain metric is its sample's own."""


class Source(Protocol):
    """What is asked: deployment.monitoring.prometheus.Prometheus."""

    def query(self, expression: str, at: float | None = None) -> Answer:
        """Return the value now."""

    def query_range(self, expression: str, start: float, end: float, step: float) -> Answer:
        """Return the values over a time."""


@dataclass(frozen=True)
class Asking:
    """Asks one source for the figures of one stack."""

    source: Source
    stack: str
    names: MonitoringSettings

    def samples(self, policy: Policy, tasks: int, now: float) -> tuple[Sample, ...]:
        """Return the figure over the policy's hold, the newest last; times of no figure too.

        `now` is this machine's time. Raises UsageError for a query that Prometheus refuses.
        """
        try:
            return self._samples(policy, tasks, now)
        except EnvironmentFailed as error:
            return (Sample(now, None, str(error).splitlines()[0]),)

    def _samples(self, policy: Policy, tasks: int, now: float) -> tuple[Sample, ...]:
        query = self._filled(policy.query, policy, tasks)
        unread = self._unread(policy, tasks) if policy.named else self._old(query, policy)
        if unread:
            return (Sample(now, None, unread),)
        newest = sample_of(self.source.query(query), now)
        if abs(newest.at - now) > policy.max_age:
            away = f"Prometheus' clock is over {policy.max_age:g} s away from this one"
            return (Sample(now, None, away),)
        if newest.value is None or policy.hold == 0:
            return (newest,)
        step = max(self.names.interval, policy.hold / _POINTS)
        count = math.ceil(policy.hold / step)
        start = newest.at - count * step
        answer = self.source.query_range(query, start, newest.at, step)
        return (*past(answer, start, step, count), newest)

    def _unread(self, policy: Policy, tasks: int) -> str:
        """Return why not every task is known; empty when each was read of late."""
        found = self.source.query(self._filled(_FRESH, policy, tasks)).series
        times = [point for series in found for point in series.points]
        # The time of an answer is Prometheus' own, as that of its samples is.
        fresh = sum(at - read <= policy.max_age for at, read in times)
        if fresh >= tasks:
            return ""
        if not found:
            return f'Prometheus reads no task: no up{{service="{policy.service}"}} is 1'
        old = f" within {policy.max_age:g} s" if fresh < len(times) else ""
        return f"Prometheus reads {fresh} of {tasks} tasks{old}"

    def _old(self, query: str, policy: Policy) -> str:
        """Return that a query's sample is old; empty where it is not, or has no time of its own.

        Prometheus answers with the last sample for five minutes where no target is known to be
        gone. What is worked out of samples has the time of the question.
        """
        try:
            found = self.source.query(f"timestamp({query})").series
        except UsageError:  # a number, not a vector; or no query, which is told when it is asked
            return ""
        ages = [at - read for series in found for at, read in series.points]
        return (
            f"the sample is over {policy.max_age:g} s old"
            if any(age > policy.max_age for age in ages)
            else ""
        )

    def beside(self, policy: Policy, tasks: int) -> dict[str, float | None]:
        """Return each of FIGURES as it is now, None where there is none: for a record."""
        found: dict[str, float | None] = dict.fromkeys(FIGURES)
        # A source that is away is waited for once, not once a figure.
        with suppress(EnvironmentFailed):
            for name in FIGURES:
                query = self._filled(query_of(name, self.names), policy, tasks)
                found[name] = sample_of(self.source.query(query), 0.0).value
        return found

    def _filled(self, query: str, policy: Policy, tasks: int) -> str:
        return filled(query, policy.service, self.stack, tasks, self.names)


def sample_of(answer: Answer, now: float) -> Sample:
    """Return the one figure of an answer; of several series none is better than another."""
    found = [series.points[-1] for series in answer.series if series.points]
    if not found:
        return Sample(now, None, "no sample: the query gives nothing")
    if len(found) > 1:
        return Sample(
            now, None, f"{len(found)} series, not one: aggregate them, such as by sum(...)"
        )
    at, value = found[0]
    if not math.isfinite(value):
        return Sample(at, None, f"the figure is {'no number' if math.isnan(value) else 'infinite'}")
    if value < 0:
        return Sample(at, None, "the figure is below 0")
    return Sample(at, value)


def past(answer: Answer, start: float, step: float, count: int) -> list[Sample]:
    """Return a sample for each of `count` times from `start`, with those that are missing."""
    known: dict[int, float] = {}
    if len(answer.series) == 1:
        for at, value in answer.series[0].points:
            if math.isfinite(value) and value >= 0:
                known[round((at - start) / step)] = value
    return [Sample(start + index * step, known.get(index)) for index in range(count)]
