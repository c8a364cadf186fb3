"""What sends a switch back while it is watched, and what does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fakeoperations import FakeOperations
from tranship.errors import DataRefused, EngineUnavailable, StackFailed
from tranship.migration.switch import journal as journals
from tranship.migration.switch.crossing import Crossing
from tranship.migration.switch.triggers import Baseline, Fired, Reading, judge, percentile
from tranship.migration.switch.watching import TakenOver, watch
from tranship.settings import MigrateSettings, Settings, TriggerSettings

WELL = Reading({"web": True, "db": True})
ILL = Reading({"web": False, "db": True})
BEFORE = Baseline({"web": 0.1}, {"web": 200 * 2**20})


def fired(readings: Sequence[Reading | None], **limits: float) -> Fired | None:
    return judge(readings, BEFORE, TriggerSettings(**limits))  # type: ignore[arg-type]


def test_all_well_fires_nothing() -> None:
    assert fired([WELL] * 5) is None


def test_bad_health_fires_after_so_many_checks_running() -> None:
    assert fired([WELL, ILL, ILL]) is None
    assert fired([ILL, ILL, WELL, ILL, ILL]) is None
    found = fired([WELL, ILL, ILL, ILL])
    assert found is not None
    assert "health" == found.trigger
    assert "50% of the services were healthy, under 99%, in 3 checks running: web" in found.why


def test_the_share_of_healthy_services_can_be_less() -> None:
    assert fired([ILL] * 3, health=0.5) is None


def test_silence_fires() -> None:
    assert fired([WELL, None, None]) is None
    found = fired([WELL, None, None, None])
    assert found is not None
    assert "silence" == found.trigger


def test_silence_between_answers_fires_nothing() -> None:
    assert fired([None, None, WELL]) is None


def test_a_crash_loop_fires_at_once() -> None:
    assert fired([Reading({"web": True}, restarts={"web": 2})]) is None
    found = fired([Reading({"web": True}, restarts={"web": 3})])
    assert found is not None
    assert ("crash loop", True) == (found.trigger, "3 times" in found.why)


def test_a_crash_loop_can_be_switched_off() -> None:
    assert fired([Reading({"web": True}, restarts={"web": 9})], restarts=0) is None


def slow(seconds: float) -> Reading:
    return Reading({"web": True}, {"web": seconds})


def test_latency_that_is_half_as_much_again_fires() -> None:
    assert fired([slow(0.149)] * 3) is None
    assert fired([slow(0.2), slow(0.2), slow(0.1)]) is None
    found = fired([slow(0.2), slow(0.16), slow(0.3)])
    assert found is not None
    assert "latency" == found.trigger
    assert "after 160 ms or more in 3 checks running; 95 % took 100 ms" in found.why


def test_small_latencies_never_fire() -> None:
    quick = Baseline({"web": 0.001})
    assert judge([slow(0.04)] * 3, quick, TriggerSettings()) is None
    assert judge([slow(0.06)] * 3, quick, TriggerSettings()) is not None


def test_memory_that_is_half_as_much_again_fires() -> None:
    readings = [Reading({"web": True}, memory={"web": 301 * 2**20})] * 3
    found = fired(readings)
    assert found is not None
    assert ("memory", True) == (found.trigger, "holds 301 MiB" in found.why)
    assert fired(readings, worse=1.0) is None
    assert fired(readings, memory_floor=400.0) is None


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0], 1.0), ([1.0, 2.0], 2.0), (list(range(1, 21)), 19)]
)
def test_the_95th_percentile_is_by_nearest_rank(values: list[float], expected: float) -> None:
    assert expected == percentile(values)


class Watched:
    """A crossing that is watched, and the lock around it."""

    def __init__(self, folder: Path, readings: list[Reading | None], **limits: float) -> None:
        settings = Settings(root=folder, state_directory=folder)
        journal = journals.new(settings, "local", "docker", {})
        self.operations = FakeOperations(folder / "sides.json")
        self.operations.readings = readings
        self.naps: list[float] = []
        self.busy = 0
        self.unchanged = True
        self.crossing = Crossing(
            journal,
            self.operations,
            MigrateSettings(
                smoke=("-m", "smoke"), interval=1.0, triggers=TriggerSettings(**limits)
            ),  # type: ignore[arg-type]
            sleep=self.naps.append,
        )

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        if self.busy and self.crossing.journal.steps:
            self.busy -= 1
            raise DataRefused("Another command moves data of this checkout.")
        yield

    def watch(self, seconds: float = 60.0) -> Fired | None:
        return watch(self.crossing, seconds, self.alone, lambda: self.unchanged)


def test_a_watch_in_which_all_stays_well_ends_the_switch(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [])

    assert watched.watch(0.0) is None

    assert "moved" == watched.crossing.journal.state
    assert ["watch"] == [entry.name for entry in watched.crossing.journal.steps]
    assert "smoke target" in watched.operations.done


def test_what_fires_ends_the_watch_and_is_written_down(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [WELL, ILL, ILL, ILL])

    found = watched.watch()

    assert found is not None
    assert "health" == found.trigger
    entry = watched.crossing.journal.steps[-1]
    assert ("failed", True) == (entry.state, entry.failure.startswith("health: "))
    assert {"web": False, "db": True} == watched.crossing.journal.last["healthy"]
    assert "switching" == watched.crossing.journal.state


def test_a_smoke_test_that_fails_fires(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [])
    watched.operations.fails["smoke target"] = StackFailed("The smoke tests failed on docker")

    found = watched.watch()

    assert found == Fired("smoke", "The smoke tests failed on docker")


def test_smoke_tests_that_cannot_be_run_are_no_smoke_tests_that_fail(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [])
    watched.operations.fails["smoke target"] = EngineUnavailable("no engine answers")

    assert watched.watch(0.0) is None


def test_smoke_tests_in_the_watch_can_be_switched_off(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [], smoke=False)
    watched.operations.fails["smoke target"] = StackFailed("no")

    assert watched.watch(0.0) is None


def test_a_watch_that_another_command_went_on_from_changes_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [])
    watched.unchanged = False

    with pytest.raises(TakenOver):
        watched.watch()

    assert "begun" == watched.crossing.journal.steps[-1].state


def test_a_watch_waits_for_whoever_moves_data(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [])
    watched.busy = 2

    assert watched.watch(0.0) is None

    assert [1.0, 1.0] == watched.naps
