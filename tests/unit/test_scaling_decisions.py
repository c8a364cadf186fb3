"""The rule of autoscaling: what it does, and what it never does whatever the figures are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaling import NOW, policy
from test_properties import bounded
from tranship.deployment.autoscaling.deciding import Sample, State, decide, wished
from tranship.deployment.autoscaling.policy import Policy

LONG_AGO = NOW - 10_000


def course(*values: float | None, step: float = 10.0) -> tuple[Sample, ...]:
    """Return samples of which the last is of now."""
    first = NOW - step * (len(values) - 1)
    return tuple(Sample(first + step * index, it) for index, it in enumerate(values))


HELD = 7
"""So many samples cover the hold of 60 s."""


@pytest.mark.parametrize(
    ("value", "tasks", "wish"),
    [
        (10.0, 2, 2),
        (11.0, 2, 2),  # within 10 %
        (9.0, 2, 2),
        (11.1, 2, 3),
        (20.0, 2, 4),
        (8.9, 10, 6),  # 9, and 6 are the most
        (0.0, 3, 1),
        (1e308, 3, 6),
        (None, 3, 3),
        (None, 9, 6),
    ],
)
def test_the_wish_is_that_of_the_hpa(value: float | None, tasks: int, wish: int) -> None:
    assert wish == wished(value, tasks, policy())


def test_a_ratio_that_is_a_hair_too_much_is_no_task_more() -> None:
    assert 4.9 / 0.7 > 7
    assert 7 == wished(4.9, 1, policy(target=0.7, maximum=20))


@pytest.mark.parametrize(
    ("tasks", "changed", "more", "expected"),
    [
        (2, LONG_AGO, {}, (6, "up", "figure 40, target 10")),
        (2, LONG_AGO, {"step": 1}, (3, "up", "figure 40, target 10")),
        (2, NOW - 5, {}, (2, "cool-down", "figure 40, target 10: 6 wished, in 10 s")),
        (6, LONG_AGO, {}, (6, "limit", "figure 40, target 10: at max, 6")),
    ],
)
def test_too_much_for_the_tasks(
    tasks: int, changed: float, more: dict[str, int], expected: tuple[int, str, str]
) -> None:
    found = decide(State(tasks, changed), course(40.0), policy(**more), NOW)

    assert expected == (found.replicas, found.kind, found.reason)


@pytest.mark.parametrize(
    ("values", "changed", "more", "expected"),
    [
        ((4.0,) * HELD, LONG_AGO, {}, (2, "down", "figure 4, target 10")),
        ((4.0,) * HELD, LONG_AGO, {"step": 1}, (3, "down", "figure 4, target 10")),
        ((4.0,) * HELD, NOW - 50, {}, (4, "cool-down", "4, target 10: 2 wished, in 10 s")),
        # The highest wish of the hold, not the last one.
        ((4.0,) * 4 + (7.0, 4.0, 4.0), LONG_AGO, {}, (3, "down", "figure 4, target 10")),
        ((4.0,) * 4 + (9.5, 4.0, 4.0), LONG_AGO, {}, (4, "held", "2 wished, 4 needed 20 s ago")),
        # Of what is not known, the most is assumed.
        ((4.0, None) + (4.0,) * 5, LONG_AGO, {}, (4, "held", "2 wished, 4 needed 50 s ago")),
        ((4.0, 4.0), LONG_AGO, {}, (4, "held", "2 wished, not yet for 60 s")),
        ((4.0,), LONG_AGO, {"hold": 0.0}, (2, "down", "figure 4, target 10")),
        ((0.0,) * HELD, LONG_AGO, {}, (1, "down", "figure 0, target 10")),
    ],
)
def test_too_little_for_the_tasks(
    values: tuple[float | None, ...],
    changed: float,
    more: dict[str, float],
    expected: tuple[int, str, str],
) -> None:
    found = decide(State(4, changed), course(*values), policy(**more), NOW)

    assert expected[:2] == (found.replicas, found.kind)
    assert found.reason.endswith(expected[2])


def test_the_fewest_stay_with_nothing_to_do() -> None:
    found = decide(State(1, LONG_AGO), course(*(0.0,) * HELD), policy(), NOW)

    assert (1, "limit", "figure 0, target 10: at min, 1") == (
        found.replicas,
        found.kind,
        found.reason,
    )


@pytest.mark.parametrize(
    ("state", "samples", "kind", "reason"),
    [
        (State(2, blocked="it is being updated"), course(40.0), "busy", "it is being updated"),
        (State(0), course(40.0), "off", "it has no tasks: it was switched off"),
        (State(2), (), "missing", "no sample"),
        (State(2), (Sample(NOW, None, "why"),), "missing", "why"),
        (State(2), (Sample(NOW - 31, 40.0),), "missing", "the newest sample is over 30 s old"),
        (State(2), (Sample(NOW + 31, 40.0),), "missing", "the newest sample is over 30 s old"),
    ],
)
def test_what_it_never_acts_on(
    state: State, samples: tuple[Sample, ...], kind: str, reason: str
) -> None:
    found = decide(state, samples, policy(), NOW)

    assert (state.replicas, kind, reason) == (found.replicas, found.kind, found.reason)


def test_a_figure_that_moves_is_no_new_topic_and_another_reason_is() -> None:
    near = [decide(State(2), course(it), policy(), NOW).topic for it in (9.5, 10.5)]
    busy = [decide(State(2, blocked=it), (), policy(), NOW).topic for it in ("1 runs", "2 run")]

    assert near[0] == near[1]
    assert busy[0] != busy[1]


POLICIES = st.builds(
    lambda target, low, more, up, down, hold, tolerance, step: policy(
        target=target,
        minimum=low,
        maximum=low + more,
        up_cooldown=up,
        down_cooldown=down,
        hold=hold,
        tolerance=tolerance,
        step=step,
    ),
    st.floats(1e-6, 1e9),
    st.integers(1, 20),
    st.integers(0, 50),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 0.99),
    st.integers(0, 5),
)
VALUES = st.none() | st.floats(0, 1e300, allow_nan=False)
STATES = st.builds(
    State,
    st.integers(0, 100),
    st.floats(NOW - 200, NOW),
    st.sampled_from(["", "", "", "it is being updated"]),
)


@bounded
@given(STATES, st.lists(VALUES, max_size=12), POLICIES)
def test_whatever_the_figures_are(state: State, values: list[float | None], own: Policy) -> None:
    samples = course(*values)
    found = decide(state, samples, own, NOW)

    assert found == decide(state, samples, own, NOW)
    if not values or values[-1] is None or state.blocked or not state.replicas:
        assert (state.replicas, False) == (found.replicas, found.changes)
    if not found.changes:
        assert state.replicas == found.replicas
        return
    assert found.wish is not None
    assert own.minimum <= found.wish <= own.maximum
    moved = found.replicas - state.replicas
    assert math.copysign(1, moved) == (1 if found.kind == "up" else -1)
    assert moved
    assert not own.step or abs(moved) <= own.step
    # Never beyond the wish, and towards the limits.
    assert min(state.replicas, found.wish) <= found.replicas <= max(state.replicas, found.wish)
    waited = own.up_cooldown if found.kind == "up" else own.down_cooldown
    assert NOW - state.changed >= waited
    if found.kind == "down":
        within = [it for it in samples if it.at >= NOW - own.hold]
        assert all(wished(it.value, state.replicas, own) <= found.replicas for it in within)
        assert samples[0].at <= NOW - own.hold
        assert None not in [it.value for it in within] or state.replicas > own.maximum


@bounded
@given(STATES, st.floats(0, 1e6), st.floats(0, 1e6), POLICIES)
def test_more_to_do_never_means_fewer_tasks(
    state: State, one: float, other: float, own: Policy
) -> None:
    own = replace(own, hold=0.0)
    less, more = (decide(state, course(it), own, NOW).replicas for it in sorted((one, other)))

    assert less <= more
