"""Looking, deciding and changing: what is said, kept and done, and what is only looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scaling import NOW, Told, policy, value
from tranship.deployment.autoscaling.figures import Asking
from tranship.deployment.autoscaling.record import Record, recording
from tranship.deployment.autoscaling.replicas import Changed, Seen, blocked, change, moment
from tranship.deployment.autoscaling.running import Doors, Scaler
from tranship.deployment.monitoring.prometheus import Answer
from tranship.deployment.swarm.state import ServiceState, Update
from tranship.errors import EnvironmentFailed, ExitCode, NotOurs, UsageError
from tranship.settings import MonitoringSettings

API = ServiceState("s", "api", "api:1", 2, 2)
SEEN = Seen(API, version=7, changed=NOW - 1000, replicated=True)
BUSY = 40.0
CALM = 10.0


class Swarm:
    """A service that is as the last of what was given, and what was asked of it."""

    def __init__(self, *found: Seen | Exception | None) -> None:
        self.found = list(found)
        self.changes: list[tuple[int, int]] = []
        self.refusals: list[Exception] = []

    def look(self) -> Mapping[str, Seen]:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return {found.service.name: found} if found else {}

    def change(self, seen: Seen, count: int) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.changes.append((seen.version, count))


def scaler(swarm: Swarm, *figures: Any, **more: Any) -> tuple[Scaler, list[str]]:
    """Return what scales by these figures, the last of which stays, and what it says."""
    said: list[str] = []
    left = list(figures)

    class Source(Told):
        def query(self, expression: str, at: float | None = None) -> Any:
            if expression != "sum(queue)":
                return Answer((), {})
            now = left.pop(0) if len(left) > 1 else left[0]
            self.answers = {"queue": [value(now)] if isinstance(now, float) else now}
            return super().query(expression, at)

    asking = Asking(Source({}), "shop", MonitoringSettings())
    doors = Doors(swarm.look, swarm.change)
    own = {"record": Record(), "tell": said.append, "clock": lambda: NOW, **more}
    return Scaler((policy(hold=0.0),), doors, asking, **own), said


class Time:
    """A clock that only a pause moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def ran(found: Scaler, seconds: float) -> float:
    time = Time()
    found.run(10.0, seconds, time, time.pause)
    return time.now


def test_a_change_and_another_reason_are_a_line_and_the_same_again_is_none() -> None:
    swarm = Swarm(SEEN)
    found, said = scaler(swarm, CALM, 9.8, [], [], BUSY, CALM, 10.1)

    assert 65.0 == ran(found, 65.0)

    assert [(7, 6)] == swarm.changes
    assert [
        "api stays at 2: figure 10, target 10: enough",
        "api stays at 2: no sample: the query gives nothing",
        "api 2 -> 6: figure 40, target 10",
        "api stays at 2: figure 10, target 10: enough",
    ] == said


def test_a_dry_run_changes_nothing_and_says_it_once() -> None:
    swarm = Swarm(SEEN)
    found, said = scaler(swarm, BUSY, dry_run=True)
    ran(found, 50.0)

    assert [] == swarm.changes
    assert ["api would go 2 -> 6: figure 40, target 10"] == said


@pytest.mark.parametrize(
    ("figure", "code", "changes"),
    [(BUSY, ExitCode.SAME, [(7, 6)]), (CALM, ExitCode.SAME, []), ([], ExitCode.INCONCLUSIVE, [])],
)
def test_once(figure: Any, code: ExitCode, changes: list[tuple[int, int]]) -> None:
    swarm = Swarm(SEEN)
    found, _ = scaler(swarm, figure)

    assert code == found.once()
    assert changes == swarm.changes


def test_what_somebody_else_changed_is_read_again() -> None:
    newer = replace(SEEN, version=8, service=replace(API, wanted=3, running=3))
    swarm = Swarm(SEEN, newer)
    swarm.refusals = [Changed()]
    found, said = scaler(swarm, 20.0)
    assert ExitCode.SAME == found.once()
    assert [(8, 6)] == swarm.changes
    assert ["api 3 -> 6: figure 20, target 10"] == said

    swarm.refusals = [Changed()] * 3
    found, said = scaler(swarm, 20.0)
    found.once()
    assert ["api left as it is: it is changed again and again"] == said


def test_what_is_gone_and_an_engine_that_is_away_are_waited_for() -> None:
    away = EnvironmentFailed("docker service ls failed: is it running?\nmore")
    swarm = Swarm(SEEN, away, away, None, SEEN)
    found, said = scaler(swarm, CALM)
    ran(found, 40.0)

    assert [
        "api stays at 2: figure 10, target 10: enough",
        "api left as it is: docker service ls failed: is it running?",
        "api left alone: it is not on the Swarm",
        "api stays at 2: figure 10, target 10: enough",
    ] == said
    with pytest.raises(EnvironmentFailed):
        scaler(Swarm(away), CALM)[0].once()
    with pytest.raises(NotOurs):
        ran(scaler(Swarm(SEEN, NotOurs("another's")), CALM)[0], 30.0)


def test_a_query_is_refused_at_once_and_later_it_is_a_figure_that_is_missing() -> None:
    wrong = UsageError("Prometheus: parse error")
    with pytest.raises(UsageError, match=r'autoscale.api\] "figure": Prometheus: parse error'):
        scaler(Swarm(SEEN), wrong)[0].once()

    found, said = scaler(Swarm(SEEN), CALM, wrong)
    ran(found, 10.0)
    assert "api stays at 2: Prometheus: parse error" == said[-1]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (replace(SEEN, service=replace(API, name="apis")), "No service 'api' (did you mean 'apis"),
        (replace(SEEN, service=replace(API, job=True)), "api is a job, which runs once."),
        (replace(SEEN, replicated=False), "api has a task on every node (global)."),
        (
            replace(SEEN, service=replace(API, data=True)),
            "api writes a named volume: one task at most, and max is 6.",
        ),
    ],
)
def test_what_cannot_be_scaled_is_said_before_prometheus_is_asked(seen: Seen, said: str) -> None:
    found, _ = scaler(Swarm(seen), AssertionError("it was asked"))
    with pytest.raises(UsageError) as error:
        found.once()

    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("update", "running", "why"),
    [
        ("", 2, ""),
        ("completed", 2, ""),
        ("rollback_completed", 2, ""),
        ("updating", 2, "it is being updated"),
        ("rollback_started", 2, "it is being rolled back"),
        ("paused", 2, "its update is stopped half way"),
        ("rollback_paused", 2, "its update is stopped half way"),
        ("", 1, "1 of 2 tasks run"),
    ],
)
def test_a_service_that_is_changing_is_left_alone(update: str, running: int, why: str) -> None:
    service = replace(API, running=running, update=Update(update))
    assert why == blocked(service)

    swarm = Swarm(replace(SEEN, service=service))
    found, said = scaler(swarm, AssertionError("it was asked") if why else BUSY)
    assert ExitCode.SAME == found.once()
    assert ([] if why else [(7, 6)]) == swarm.changes
    assert not why or [f"api stays at 2: {why}"] == said


def test_the_record_has_each_look(tmp_path: Path) -> None:
    path = tmp_path / "scaling.jsonl"
    path.write_text('{"earlier": true}\n')
    with recording(str(path)) as record:
        found, _ = scaler(Swarm(SEEN), BUSY, CALM, record=record)
        ran(found, 15.0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert {"earlier": True} == lines[0]
    assert {
        "time": "2023-11-14T22:13:20.000+00:00",
        "service": "api",
        "figure": "figure",
        "value": 40.0,
        "target": 10.0,
        "replicas": 2,
        "wish": 6,
        "decision": "up",
        "to": 6,
        "reason": "figure 40, target 10",
        "dry_run": False,
        "figures": dict.fromkeys(("cpu", "memory", "requests", "p95")),
    } == lines[1]
    assert ["up", "near"] == [it["decision"] for it in lines[1:]]
    with pytest.raises(UsageError, match="cannot be written"), recording(str(tmp_path)):
        pass


SPEC = {
    "Name": "shop_api",
    "Labels": {"a": "b"},
    "Mode": {"Replicated": {"Replicas": 2}},
    "TaskTemplate": {"ContainerSpec": {"Image": "api:1", "Unknown": [1]}},
}


class Engine:
    """Answers the API's requests in turn, and remembers them."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((method, path, json.loads(body) if body else None))
        status, document = self.answers.pop(0)
        return status, json.dumps(document).encode() if document is not None else b"<html>"


def test_a_change_names_the_version_and_changes_the_count_alone() -> None:
    engine = Engine((200, {"Version": {"Index": 7}, "Spec": SPEC}), (200, {"Warnings": None}))
    change(engine, SEEN, 5)

    wanted = {**SPEC, "Mode": {"Replicated": {"Replicas": 5}}}
    assert [("GET", "/services/s", None), ("POST", "/services/s/update?version=7", wanted)] == (
        engine.asked
    )
    assert 2 == SPEC["Mode"]["Replicated"]["Replicas"]  # type: ignore[index]


def test_a_version_that_is_not_the_newest_changes_nothing() -> None:
    engine = Engine((200, {"Version": {"Index": 8}, "Spec": SPEC}))
    with pytest.raises(Changed):
        change(engine, SEEN, 5)
    assert 1 == len(engine.asked)

    said = {"message": "rpc error: code = Unknown desc = update out of sequence"}
    with pytest.raises(Changed):
        change(Engine((200, {"Version": {"Index": 7}, "Spec": SPEC}), (500, said)), SEEN, 5)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {"message": "no space"}), "The engine did not change the service: no space."),
        ((502, None), "The engine did not change the service: HTTP 502."),
    ],
)
def test_what_the_engine_refuses(answer: tuple[int, Any], said: str) -> None:
    with pytest.raises(EnvironmentFailed) as error:
        change(Engine((200, {"Version": {"Index": 7}, "Spec": SPEC}), answer), SEEN, 5)
    assert said == str(error.value)


def test_the_times_of_the_engine() -> None:
    assert 1_700_000_000.5 == moment("2023-11-14T22:13:20.500000001Z")
    assert 1_700_000_000.0 == moment("2023-11-14T22:13:20Z")
    assert 0.0 == moment("")
