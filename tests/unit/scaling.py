"""What the tests of autoscaling are made of: a policy, a Prometheus that answers from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tranship.deployment.autoscaling.policy import Policy, policies_of
from tranship.deployment.monitoring.prometheus import Answer, Series
from tranship.settings import ScalingSettings, Settings

NOW = 1_700_000_000.0


def policy(**more: Any) -> Policy:
    own: dict[str, Any] = {"target": 10.0, "minimum": 1, "maximum": 6, "hold": 60.0, **more}
    return Policy("api", "figure", "sum(queue)", **own)


def settings_with(tmp_path: Any, **more: Any) -> Settings:
    own = {"figure": "requests", "target": 10.0, "max": 6, **more}
    return Settings(tmp_path, autoscale={"api": ScalingSettings(**own)})


def requests_policy(tmp_path: Any, **more: Any) -> Policy:
    (found,) = policies_of(settings_with(tmp_path, **more))
    return found


def value(number: float, at: float = NOW, **labels: str) -> Series:
    return Series(labels, ((at, number),))


class Told:
    """A Prometheus that gives the first answer whose key stands in the question."""

    def __init__(self, answers: Mapping[str, Any], course: Mapping[float, float] = {}) -> None:
        self.answers = answers
        self.course = course
        """Seconds before NOW -> the figure then."""
        self.asked: list[str] = []

    def query(self, expression: str, at: float | None = None) -> Answer:
        self.asked.append(expression)
        for word, found in self.answers.items():
            if word in expression:
                if isinstance(found, Exception):
                    raise found
                return Answer(tuple(found), {})
        return Answer((), {})

    def query_range(self, expression: str, start: float, end: float, step: float) -> Answer:
        points = tuple(sorted((NOW - ago, number) for ago, number in self.course.items()))
        within = tuple(point for point in points if start <= point[0] <= end)
        return Answer((Series({}, within),) if within else (), {})
