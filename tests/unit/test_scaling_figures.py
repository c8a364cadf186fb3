"""The figure of a policy: one number at each time, and every way in which there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scaling import NOW, Told, policy, requests_policy, settings_with, value
from tranship.deployment.autoscaling.deciding import Sample
from tranship.deployment.autoscaling.figures import Asking
from tranship.deployment.autoscaling.policy import policies_of
from tranship.errors import EnvironmentFailed, SettingsError, UsageError
from tranship.settings import MonitoringSettings, Settings

NAMES = MonitoringSettings(interval=10.0)


def samples(told: Told, **more: Any) -> tuple[Sample, ...]:
    return Asking(told, "shop", NAMES).samples(policy(**more), 3, NOW)


def test_the_course_is_a_sample_for_each_time_and_none_where_nothing_is_known() -> None:
    known = {60: 1.0, 50: 2.0, 30: float("nan"), 10: 3.0}
    told = Told({"timestamp(": [], "sum(queue)": [value(4.0)]}, course=known)

    found = samples(told)

    assert [1.0, 2.0, None, None, None, 3.0, 4.0] == [it.value for it in found]
    assert [NOW - 60, NOW] == [found[0].at, found[-1].at]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([], "no sample: the query gives nothing"),
        ([value(1.0, task="a"), value(2.0, task="b")], "2 series, not one: aggregate them"),
        ([value(float("nan"))], "the figure is no number"),
        ([value(float("inf"))], "the figure is infinite"),
        ([value(-1.0)], "the figure is below 0"),
        ([value(1.0, at=NOW - 31)], "Prometheus' clock is over 30 s away from this one"),
        ([value(1.0, at=NOW + 31)], "Prometheus' clock is over 30 s away from this one"),
        (EnvironmentFailed("Prometheus at X does not answer: no"), "Prometheus at X does not answ"),
    ],
)
def test_what_is_no_figure(answer: Any, why: str) -> None:
    (found,) = samples(Told({"timestamp(": [], "sum(queue)": answer}, course={10: 1.0}))

    assert found.value is None
    assert found.why.startswith(why)


def test_a_sample_that_is_old_is_none() -> None:
    (found,) = samples(Told({"timestamp(": [value(NOW - 31)], "queue": [value(1.0)]}))
    assert (None, "the sample is over 30 s old") == (found.value, found.why)

    fresh = Told({"timestamp(": [value(NOW - 29)], "queue": [value(1.0)]})
    assert 1.0 == samples(fresh)[-1].value
    number = Told({"timestamp(": UsageError("expected an instant vector"), "queue": [value(1.0)]})
    assert 1.0 == samples(number)[-1].value


def test_a_query_that_prometheus_refuses_is_an_error() -> None:
    with pytest.raises(UsageError, match="parse error"):
        samples(Told({"timestamp(": [], "queue": UsageError("Prometheus: parse error")}))


@pytest.mark.parametrize(
    ("read", "why"),
    [
        ([], 'Prometheus reads no task: no up{service="api"} is 1'),
        ([value(NOW - 1)] * 2, "Prometheus reads 2 of 3 tasks"),
        ([value(NOW - 1)] * 2 + [value(NOW - 31)], "Prometheus reads 2 of 3 tasks within 30 s"),
    ],
)
def test_a_figure_of_some_of_the_tasks_is_none(tmp_path: Path, read: Any, why: str) -> None:
    told = Told({"timestamp(up": read, "rate": [value(5.0)]})
    (found,) = Asking(told, "shop", NAMES).samples(requests_policy(tmp_path), 3, NOW)

    assert (None, why) == (found.value, found.why)
    assert not [it for it in told.asked if "rate" in it]


def test_a_named_figure_is_asked_for_by_its_names_and_for_all_tasks(tmp_path: Path) -> None:
    told = Told({"timestamp(up": [value(NOW)] * 3, "rate": [value(5.0)]})
    names = MonitoringSettings(requests="asked_total", window=30.0)
    found = Asking(told, "shop", names).samples(requests_policy(tmp_path, hold=0.0), 3, NOW)

    # The table's names are taken when the policy is made, the window when it is asked.
    assert 5.0 == found[-1].value
    assert (
        'sum(rate(http_requests_total{service="api"}[30000ms])) / 3 '
        'and on() count(up{service="api"} == 1) >= 3'
    ) == told.asked[-1]


def test_beside_a_record_every_named_figure_stands_or_nothing() -> None:
    told = Told({"histogram_quantile": [value(0.2)], "cpu": [value(float("nan"))]})
    found = Asking(told, "shop", NAMES).beside(policy(), 2)
    assert {"cpu": None, "memory": None, "requests": None, "p95": 0.2} == found

    away = Told({"memory": EnvironmentFailed("away"), "cpu": [value(1.0)]})
    found = Asking(away, "shop", NAMES).beside(policy(), 2)
    assert {"cpu": 1.0, "memory": None, "requests": None, "p95": None} == found
    assert 2 == len(away.asked)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"min": 3, "max": 2}, '"max": 2 is below min, 3.'),
        ({"min": 0}, '"min": 0: the fewest is 1, for without a task there is no figure.'),
        ({"target": 0.0}, '"target": 0 is not above 0.'),
        ({"target": -1.0}, '"target": -1 is not above 0.'),
        ({"target": float("nan")}, '"target": nan is not above 0.'),
        ({"up_cooldown": -1.0}, '"up-cooldown": -1 is no number of seconds.'),
        ({"down_cooldown": float("inf")}, '"down-cooldown": inf is no number of seconds.'),
        ({"hold": -0.5}, '"hold": -0.5 is no number of seconds.'),
        ({"max_age": 0.0}, '"max-age": 0 is not above 0 seconds.'),
        ({"tolerance": 1.0}, '"tolerance": 1 is not from 0 to below 1.'),
        ({"step": -1}, '"step": -1 is below 0.'),
        ({"figure": " "}, '"figure": is empty. Give cpu, memory, requests, p95, or a query'),
    ],
)
def test_a_policy_that_contradicts_itself(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        policies_of(settings_with(tmp_path, **wrong))

    assert str(error.value).startswith(f"[tool.tranship.autoscale.api] {said}")


def test_a_service_without_a_policy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No service has a policy"):
        policies_of(Settings(tmp_path))
    with pytest.raises(UsageError, match=r"'apl' has no policy \(did you mean 'api'\?\)"):
        policies_of(settings_with(tmp_path), ("apl",))
