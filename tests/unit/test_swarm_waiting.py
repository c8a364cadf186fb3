"""What a stack is at, and when it is waited for no longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tranship.deployment.swarm import waiting
from tranship.deployment.swarm.state import ServiceState, Update, states
from tranship.errors import StackFailed

GOOD = ServiceState("1", "web", "web:1", 2, 2)
LATE = replace(GOOD, running=1, pending=("starting",))


def service(replicas: int = 2, image: str = "web:1", **more: Any) -> dict[str, Any]:
    template = {"ContainerSpec": {"Image": image, "Env": []}, "ForceUpdate": 0}
    spec = {"Name": "shop_web", "Mode": {"Replicated": {"Replicas": replicas}}}
    return {"ID": "s", "Spec": {**spec, "TaskTemplate": template}, **more}


def task(number: int, state: str = "running", image: str = "web:1", **more: Any) -> dict[str, Any]:
    ended = state in {"failed", "rejected", "shutdown"}
    return {
        "ID": f"t{number}",
        "ServiceID": "s",
        "NodeID": "n",
        "CreatedAt": f"2026-01-01T00:00:{number:02}Z",
        "DesiredState": "shutdown" if ended else "running",
        "Spec": {"ContainerSpec": {"Image": image}, "Resources": {}},
        "Status": {"State": state, **more},
    }


def one(found: dict[str, Any], *tasks: dict[str, Any]) -> ServiceState:
    (state,) = states("shop", [found], list(tasks), {"n": "node-1"})
    return state


def test_a_service_that_runs() -> None:
    failed = task(1, "failed", Err="exit 1")
    state = one(service(), failed, task(2), task(3))

    assert ("web", 2, 2, ("node-1",), "") == (
        state.name,
        state.wanted,
        state.running,
        state.nodes,
        state.error,
    )
    assert state.settled
    assert {"t1": "exit 1 (node node-1)"} == state.failures


def test_a_task_of_an_older_declaration_does_not_count() -> None:
    assert not one(service(image="web:2"), task(1), task(2)).settled
    assert one(service(image="web:2"), task(1, image="web:2"), task(2, image="web:2")).settled
    assert one(service(replicas=0)).settled


def test_defaults_that_the_engine_fills_in_are_no_other_declaration() -> None:
    found = service()
    container = found["Spec"]["TaskTemplate"]["ContainerSpec"]
    container |= {"StopGracePeriod": 10_000_000_000, "DNSConfig": {}, "Labels": None}
    assert one(found, task(1), task(2)).settled

    container["StopGracePeriod"] = 1_000_000_000
    assert not one(found, task(1), task(2)).settled


def test_a_task_that_waits_says_for_what() -> None:
    state = one(service(), task(1), task(2, "pending", Err="no suitable node"))

    assert (False, ("pending",), "no suitable node", False) == (
        state.settled,
        state.pending,
        state.error,
        state.given_up,
    )


def test_a_service_that_is_not_tried_again_is_given_up() -> None:
    assert one(service(1), task(1, "failed", Err="exit 1")).given_up


def test_a_job_is_settled_when_it_is_done() -> None:
    found = service(JobStatus={"JobIteration": {"Index": 7}})
    found["Spec"]["Mode"] = {"ReplicatedJob": {"TotalCompletions": 1}}
    done = {**task(1, "complete"), "JobIteration": {"Index": 7}, "DesiredState": "complete"}
    older = {**done, "JobIteration": {"Index": 6}}

    assert one(found, done).settled
    assert not one(found, older).settled


def test_a_stack_that_somebody_removes_is_not_waited_for_for_ever() -> None:
    clock = Clock()
    with pytest.raises(StackFailed, match="removed meanwhile"):
        waiting.converge(tuple, waiting.Before(), 9, clock=clock, pause=clock.pause)
    assert 9 == clock.now


class Clock:
    """A clock that goes on by the pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def converge(
    *looks: ServiceState, known: waiting.Before | None = None, back: bool = False
) -> tuple[tuple[ServiceState, ...], float]:
    """Return what converge returns for these answers, the last for ever, and the seconds."""
    clock = Clock()

    def answers() -> Iterator[ServiceState]:
        yield from looks
        while True:
            yield looks[-1]

    rest = answers()
    found = waiting.converge(
        lambda: (next(rest),),
        known or waiting.Before(),
        60,
        back=back,
        clock=clock,
        pause=clock.pause,
    )
    return found, clock.now


def test_it_waits_until_all_run_and_go_on_to() -> None:
    found, seconds = converge(LATE, GOOD, LATE, GOOD)

    assert (GOOD,) == found
    assert 1.5 + 3.0 == seconds


def test_what_has_a_health_check_is_believed_at_once() -> None:
    sure = replace(GOOD, checked=True)

    assert ((sure,), 0.5) == converge(replace(LATE, checked=True), sure)
    found = service()
    assert not one(found).checked
    container = found["Spec"]["TaskTemplate"]["ContainerSpec"]
    container["Healthcheck"] = {"Test": ["NONE"]}
    assert not one(found).checked
    container["Healthcheck"] = {"Test": ["CMD", "true"]}
    assert one(found).checked


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (LATE, "web: 1 of 2 run, starting. `docker service ps --no-trunc`"),
        (
            replace(LATE, error="No such image: web:1 (node a)", rejected=frozenset("abc")),
            "web: 1 of 2 run, starting: No such image: web:1 (node a). Name nodes in [tool.",
        ),
        (
            replace(LATE, error="exit 1", given_up=True, failures={"a": "exit 1"}),
            "web: 1 of 2 run, starting: exit 1.",
        ),
        (
            replace(GOOD, update=Update("rollback_completed", "t", "done")),
            "web: the update failed and was rolled back (done).",
        ),
        (
            replace(GOOD, update=Update("paused", "t", "by failure"), failures={"a": "exit 3"}),
            "web: the update is stopped (by failure): exit 3.",
        ),
    ],
    ids=lambda item: item.error if isinstance(item, ServiceState) else "",
)
def test_what_does_not_come_up_is_told_with_its_error(state: ServiceState, said: str) -> None:
    with pytest.raises(StackFailed) as caught:
        converge(state)
    assert str(caught.value).startswith(said)


def test_failures_and_updates_from_before_are_not_the_changes() -> None:
    old = replace(
        LATE,
        rejected=frozenset("abc"),
        failures={"a": "x", "b": "x", "c": "x"},
        update=Update("rollback_completed", "t"),
    )
    after = replace(GOOD, update=old.update)

    assert (after,) == converge(old, after, known=waiting.before([old]))[0]


def test_a_service_that_was_given_up_before_a_change_may_come_up_after_it() -> None:
    old = replace(LATE, given_up=True, error="exit 1", failures={"a": "exit 1"})

    assert (GOOD,) == converge(old, GOOD, known=waiting.before([old]))[0]


def test_a_rollback_that_was_asked_for_is_no_failure() -> None:
    going = replace(LATE, update=Update("rollback_started", "t"))
    done = replace(GOOD, update=Update("rollback_completed", "t"))

    assert (done,) == converge(going, done, back=True)[0]
    with pytest.raises(StackFailed, match=r"rolled back \(\): exit 9\."):
        converge(replace(going, failures={"a": "exit 9"}), done)
