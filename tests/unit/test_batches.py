"""Runs by turns: fresh or warm, what becomes of a mode that fails, and what is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tranship import batches
from tranship.batches import Batch
from tranship.comparison.options import modes_of, parsed
from tranship.errors import EnvironmentFailed, UsageError
from tranship.modes import runs as runs_module
from tranship.settings import Settings
from tranship.trials import record
from tranship.trials import run as run_module
from tranship.trials.names import mode_of, numbered
from tranship.trials.record import Failure, RuntimeShare, ServiceFigures, SuiteRun, Trial
from tranship.trials.since import Counted, of_the_run

NOTHING = SuiteRun(("pytest",), 0, 1.0)


@dataclass
class World:
    """Two modes that only say what is done to them."""

    settings: Settings
    said: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[], Failure | None]] = field(default_factory=dict)
    """What a step does, such as `start local`, in place of nothing."""
    closed: list[str] = field(default_factory=list)
    """The modes that were closed, each with whether it was still up."""
    watched: list[str] = field(default_factory=list)

    def do(self, step: str) -> Failure | None:
        self.said.append(step)
        return self.answers.get(step, lambda: None)()

    def batch(self) -> Batch:
        return Batch(
            self.settings,
            (),
            Path("bin"),
            lambda: self.said.append("install"),
            seen=self.watched.append,
        )

    def records(self, mode: str) -> tuple[Trial, ...]:
        return record.newest_batch(self.settings.trials, mode)


@dataclass
class FakeMode:
    name: str
    services: tuple[str, ...] = ()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(Settings(root=tmp_path, state_directory=tmp_path / "state"))
    count = iter(range(100))

    @contextmanager
    def isolated(_: Any, name: str, *rest: Any) -> Iterator[tuple[FakeMode, None]]:
        world.do(f"open {name}")
        try:
            yield FakeMode(name), None
        finally:
            world.do(f"stop {name}")

    class Measured:
        def __init__(
            self,
            mode: FakeMode,
            *rest: Any,
            seen: Callable[[str], None],
            warm: bool = False,
        ) -> None:
            self.mode, self.number, self.failure, self.seen = mode, 0, None, seen

        def close(self) -> None:
            up = f"stop {self.mode.name}" not in world.said
            world.closed.append(f"{self.mode.name} {'up' if up else 'down'}")

        def start(self) -> None:
            self.failure = world.do(f"start {self.mode.name}")  # type: ignore[assignment]

        def trial(self, _: Any) -> Trial:
            self.number += 1
            self.seen(f"{self.mode.name} {self.number}")
            failure = self.failure or world.do(f"run {self.mode.name} {self.number}")
            now = f"2026-05-01T10:{next(count):02}:00.000+00:00"
            return Trial("a1", self.mode.name, {}, now, "p", suite=NOTHING, failure=failure)

    def run_trial(mode: FakeMode, *rest: Any, **more: Any) -> Trial:
        measured = Measured(mode, seen=more["seen"])
        measured.start()
        return measured.trial(())

    monkeypatch.setattr(runs_module, "isolated", isolated)
    monkeypatch.setattr(run_module, "MeasuredMode", Measured)
    monkeypatch.setattr(run_module, "run_trial", run_trial)
    return world


def test_fresh_runs_start_a_stack_each_by_turns(world: World) -> None:
    batches.by_turns(world.batch(), ["local", "docker"], 2)

    one = ["open local", "start local", "run local 1", "stop local"]
    other = [step.replace("local", "docker") for step in one]
    assert ["install", *one, *other, *one, *other] == world.said
    assert ["local 1", "docker 1"] * 2 == world.watched
    assert [1, 2] == [it.repeat for it in world.records("docker")]
    assert 1 == len({it.batch for mode in ("local", "docker") for it in world.records(mode)})


def test_one_run_is_no_batch(world: World) -> None:
    batches.by_turns(world.batch(), ["local", "docker"], 1)

    assert ["", ""] == [world.records(mode)[0].batch for mode in ("local", "docker")]


def test_warm_runs_start_each_stack_once_and_all_before_the_first_run(world: World) -> None:
    batches.by_turns(world.batch(), ["local", "docker"], 2, warm=True)

    assert [
        *("install", "open local", "start local", "open docker", "start docker"),
        *("run local 1", "run docker 1", "run local 2", "run docker 2"),
        *("stop docker", "stop local"),
    ] == world.said
    assert ["docker up", "local up"] == world.closed
    assert ["local 1", "docker 1", "local 2", "docker 2"] == world.watched
    assert [1, 2] == [it.repeat for it in world.records("docker")]


@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "warm"])
def test_a_mode_beside_itself_is_two_sides_on_record(world: World, warm: bool) -> None:
    names = modes_of("local,local")
    batches.by_turns(world.batch(), names, 2, warm=warm)

    assert ["local", "local@2"] == names
    assert [2, 2] == [len(world.records(name)) for name in names]
    assert {"open local"} == {step for step in world.said if step.startswith("open")}


@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "warm"])
def test_a_mode_that_cannot_start_leaves_the_other_its_record(world: World, warm: bool) -> None:
    world.answers["start local"] = lambda: Failure("start", "no")

    batches.by_turns(world.batch(), ["local", "docker"], 5, warm=warm)

    assert ["start"] == [it.failure.stage for it in world.records("local") if it.failure]
    assert [None] == [it.failure for it in world.records("docker")]
    # Neither is tried again: nothing could be compared with it.
    assert 1 == world.said.count("run docker 1")
    assert {"stop local", "stop docker"} <= set(world.said)


def test_a_mode_that_cannot_be_opened_leaves_the_other_its_record(world: World) -> None:
    def fails() -> None:
        raise EnvironmentFailed("no engine")

    world.answers["open docker"] = fails
    batches.by_turns(world.batch(), ["local", "docker"], 3, warm=True)

    broken = world.records("docker")[0]
    assert ("docker", Failure("start", "no engine")) == (broken.mode, broken.failure)
    assert 1 == len(world.records("local"))
    assert "stop local" == world.said[-1]


def test_a_warm_stack_that_breaks_in_the_middle_keeps_the_records(world: World) -> None:
    world.answers["run local 2"] = lambda: Failure("suite", "a service is gone")

    batches.by_turns(world.batch(), ["local", "docker"], 4, warm=True)

    assert [None, "suite"] == [it.failure and it.failure.stage for it in world.records("local")]
    assert [None, None] == [it.failure for it in world.records("docker")]


def test_ctrl_c_in_the_middle_stops_all_stacks_and_keeps_the_records(world: World) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    world.answers["run docker 2"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        batches.by_turns(world.batch(), ["local", "docker"], 4, warm=True)

    assert ["stop docker", "stop local"] == world.said[-2:]
    assert [2, 1] == [len(world.records(mode)) for mode in ("local", "docker")]


def test_ctrl_c_while_the_second_stack_starts_stops_both(world: World) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    world.answers["start docker"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        batches.by_turns(world.batch(), ["local", "docker"], 4, warm=True)

    assert ["stop docker", "stop local"] == world.said[-2:]


def test_names_on_record() -> None:
    names = numbered(["local", "docker", "local", "hybrid:a,b", "hybrid:a,b", "local"])

    assert ["local", "docker", "local@2", "hybrid:a,b", "hybrid:a,b@2", "local@3"] == names
    assert ["local", "docker", "local", "hybrid:a,b", "hybrid:a,b", "local"] == [
        mode_of(name) for name in names
    ]
    assert "hybrid:a" == mode_of("hybrid:a")


def test_modes_that_are_named_twice() -> None:
    assert ["hybrid:a,b", "hybrid:a,b@2"] == modes_of("hybrid:a,b,hybrid:a,b")
    assert ["local", "local@2"] == modes_of("local,local@2") == modes_of("local@2,local@2")
    assert ["docker", "local@2"] == modes_of("docker,local@2")
    with pytest.raises(UsageError, match="name two modes or more"):
        modes_of("local@2")


def test_runs_are_fresh_unless_warm_is_asked_for() -> None:
    assert [False, True, False] == [
        parsed(words)[0].warm for words in ([], ["--warm"], ["--fresh", "--repeat=2"])
    ]
    with pytest.raises(SystemExit):
        parsed(["--warm", "--fresh"])


def test_figures_of_a_warm_run_are_those_of_the_run() -> None:
    figures = ServiceFigures(
        "docker",
        cpu_seconds=3.0,
        cpu_method="cgroup v1",
        memory_bytes=5,
        memory_method="cgroup v1",
        throttled_seconds=0.5,
        oom_kills=2,
    )
    trial = Trial(
        "a1",
        "docker",
        {},
        "2026-05-01T10:00:00.000+00:00",
        "p",
        services={"api": figures, "new": figures, "restarted": figures},
        runtime=RuntimeShare(2, 10, 0.75),
    )
    before = Counted({"api": 1.0, "restarted": 9.0}, {"api": 0.5}, {"api": 1, "restarted": 9}, 0.25)

    found = of_the_run(trial, before)

    assert found.warm
    api = found.services["api"]
    assert (2.0, 0.0, 1) == (api.cpu_seconds, api.throttled_seconds, api.oom_kills)
    assert ("cgroup v1 of the run", "cgroup v1") == (api.cpu_method, api.memory_method)
    # What nobody read before, and what began anew, is unknown and not zero.
    assert [None, None] == [found.services[name].cpu_seconds for name in ("new", "restarted")]
    assert found.runtime == replace(RuntimeShare(2, 10, 0.75), cpu_seconds=0.5)
