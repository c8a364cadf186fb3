"""The order in which a hybrid stack starts, and what moving one service changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from envmaps import Envs, stack_of
from tranship.envmap.resolve import EnvMap
from tranship.errors import ComposeFileError
from tranship.modes.hybrid import HybridMode, waves
from tranship.modes.ownhybrid import Move, _changed
from tranship.stack.model import Stack
from tranship.stack.placement import Placement, Side, declared_ports


def depending(edges: Mapping[str, list[str]]) -> Stack:
    return stack_of({name: {"depends_on": {x: {} for x in needs}} for name, needs in edges.items()})


def order(edges: Mapping[str, list[str]], local: str) -> list[tuple[str, str]]:
    stack = depending(edges)
    sides: dict[str, Side] = {
        name: "local" if name in local.split() else "docker" for name in stack.services
    }
    found = waves(stack, stack.services.values(), Placement(sides))
    return [(side, " ".join(service.name for service in turn)) for side, turn in found]


CHAIN = {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}


@pytest.mark.parametrize(
    ("edges", "local", "expected"),
    [
        (CHAIN, "", [("docker", "a b c d")]),
        (CHAIN, "a b c d", [("local", "a b c d")]),
        (CHAIN, "a", [("local", "a"), ("docker", "b c d")]),
        (CHAIN, "d", [("docker", "a b c"), ("local", "d")]),
        (CHAIN, "b d", [("docker", "a"), ("local", "b"), ("docker", "c"), ("local", "d")]),
        # As large as it can be: what depends on nothing need not wait for its side's next turn.
        (
            {"a": [], "b": ["a"], "c": ["b"], "x": [], "y": ["x"]},
            "b y",
            [("docker", "a x"), ("local", "b y"), ("docker", "c")],
        ),
    ],
)
def test_turns(edges: Mapping[str, list[str]], local: str, expected: list[tuple[str, str]]) -> None:
    assert expected == order(edges, local)


def test_a_selection_does_not_wait_for_what_is_not_in_it() -> None:
    stack = depending(CHAIN)
    placement = Placement(dict.fromkeys(stack.services, "docker"))

    assert [("docker", [stack.services["c"]])] == [
        (side, list(turn)) for side, turn in waves(stack, [stack.services["c"]], placement)
    ]


@pytest.mark.parametrize("local", ["", "a", "a b", "b c"])
def test_a_circle_is_named(local: str) -> None:
    with pytest.raises(ComposeFileError, match=r"depends_on goes in a circle: a, b\."):
        order({"a": ["b"], "b": ["a"], "c": []}, local)


RUN = {"x-tranship": {"local": {"command": "run"}}}
SERVICES: dict[str, dict[str, Any]] = {
    "redis": {"ports": [{"target": 6379}], "x-tranship": {"local": {"server": "redis"}}},
    "data": {
        **RUN,
        "ports": [{"target": 8000}],
        "environment": {"REDIS_URL": "redis://redis:6379", "LEVEL": "info"},
    },
    "front": {
        **RUN,
        "ports": [{"target": 3000}],
        "environment": {"DATA_URL": "http://data:8000", "DATA_AT": "data:8000"},
    },
    "aside": {**RUN, "environment": {"NAME": "data"}},
}


def hybrid(envmap: EnvMap, local: str) -> HybridMode:
    stack = envmap.stack
    sides: dict[str, Side] = {
        name: "local" if name in local.split() else "docker" for name in stack.services
    }
    side = SimpleNamespace(envmap=envmap, ports=declared_ports(stack))
    return HybridMode(
        stack,
        tuple(stack.services.values()),
        Placement(sides),
        cast("Any", side),
        cast("Any", side),
        "hybrid",
    )


def changes(envmap: EnvMap, before: str, after: str, moved: str) -> dict[str, tuple[str, ...]]:
    return _changed(hybrid(envmap, before), hybrid(envmap, after), moved)


@pytest.mark.parametrize(
    ("before", "after", "moved", "expected"),
    [
        # Who dials `data` from a container now dials the host, and the other way round.
        ("aside", "aside data", "data", {"front": ("DATA_AT", "DATA_URL")}),
        ("aside data", "aside", "data", {"front": ("DATA_AT", "DATA_URL")}),
        # The published port is the local one here: a process dials the same address.
        ("front", "front data", "data", {}),
        ("", "redis", "redis", {"data": ("REDIS_URL",)}),
        ("data", "data redis", "redis", {}),
        # Nobody dials these.
        ("data", "data front", "front", {}),
        ("", "aside", "aside", {}),
        # The server listened on the loopback, where no container reaches it.
        ("redis data", "redis", "data", {"redis": (), "front": ("DATA_AT", "DATA_URL")}),
        # It listens everywhere: nothing need change.
        ("redis", "redis data", "data", {"front": ("DATA_AT", "DATA_URL")}),
    ],
)
def test_whose_variables_a_move_changes(
    before: str, after: str, moved: str, expected: dict[str, tuple[str, ...]]
) -> None:
    assert expected == changes(EnvMap(stack_of(SERVICES), Path()), before, after, moved)


def test_where_a_service_listens_is_a_change_as_well(tmp_path: Path) -> None:
    envs = Envs(tmp_path)
    envs.mapping('[services.data]\nHOST = "{self.host}"\n')
    envmap = envs.open(stack_of(SERVICES))

    assert {"data": ("HOST",)} == changes(envmap, "data front", "data", "front")


def test_what_is_going_to_happen_is_said() -> None:
    envmap = EnvMap(stack_of(SERVICES), Path())
    before, after = hybrid(envmap, "redis data"), hybrid(envmap, "redis")

    assert [
        "data moves to a container.",
        "front is restarted, for its variables change: DATA_AT, DATA_URL.",
        "redis is restarted, to listen where containers reach it.",
    ] == Move("data", "docker", before, after, _changed(before, after, "data")).lines
    assert [
        "redis moves to this host.",
        "redis has its data on each side apart: what it holds now stays behind.",
    ] == Move("redis", "local", before, after, {}).lines


def test_sides_are_those_of_the_services() -> None:
    envmap = EnvMap(stack_of(SERVICES), Path())

    assert {"redis": "docker", "data": "local", "front": "docker", "aside": "docker"} == (
        hybrid(envmap, "data").sides
    )
