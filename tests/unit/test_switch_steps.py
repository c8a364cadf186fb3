"""The switch and its way back on two fake sides: killed at each write, nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from fakeoperations import FakeOperations
from tranship.errors import DataRefused, ItemUnknown, StackFailed
from tranship.migration.switch import journal as journals
from tranship.migration.switch.back import go_back
from tranship.migration.switch.crossing import Crossing
from tranship.migration.switch.journal import Entry, Journal
from tranship.migration.switch.latest import left_behind
from tranship.migration.switch.moments import now
from tranship.migration.switch.state import journal_rows, state
from tranship.migration.switch.steps import STEPS, StepFailed, forward, pending
from tranship.migration.switch.triggers import Fired
from tranship.settings import MigrateSettings, Settings

ASKED = Fired("a person", "because")


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed loses nothing of what it wrote; only a power cut does."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def crossing(folder: Path, *, in_place: bool = False, found: Journal | None = None) -> Crossing:
    settings = Settings(root=folder, state_directory=folder)
    folder.mkdir(exist_ok=True)
    made = found or journals.new(settings, "local", "docker", {})
    made.in_place = in_place
    operations = FakeOperations(folder / "sides.json", in_place=in_place)
    return Crossing(made, operations, MigrateSettings(), sleep=lambda _: None)


def operations_of(found: Crossing) -> FakeOperations:
    assert isinstance(found.operations, FakeOperations)
    return found.operations


def settings_of(folder: Path) -> Settings:
    return Settings(root=folder, state_directory=folder)


def read(folder: Path) -> Journal | None:
    return journals.read(settings_of(folder))


def in_child(write: int, folder: Path, work: object) -> bool:
    """Do the work in a process that is killed after its `write`-th write of the journal.

    Return whether it was; a clock tells nothing here, the kernel's own signal does.
    """
    child = os.fork()
    if child == 0:
        plain, count = Journal.write, 0

        def killing(journal: Journal) -> None:
            nonlocal count
            plain(journal)
            count += 1
            if count == write:
                os.kill(os.getpid(), signal.SIGKILL)

        Journal.write = killing  # type: ignore[method-assign]
        try:
            work()  # type: ignore[operator]
        except BaseException:  # the parent sees it by the code
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def good_state(found: Crossing, side: str, written: list[str]) -> None:
    """Fail unless this side alone is up, takes writes, and holds everything once."""
    state = operations_of(found).state()
    other = "target" if side == "source" else "source"
    assert (True, True, False) == tuple(state[side][key] for key in ("up", "apps", "frozen"))
    assert not state[other]["up"]
    assert not state["beside"]
    assert sorted(written) == sorted(state[side]["data"])


def test_a_switch_moves_everything(tmp_path: Path) -> None:
    found = crossing(tmp_path)

    forward(found)

    good_state(found, "target", ["a", "b"])
    assert [step.name for step in STEPS] == [entry.name for entry in found.journal.steps]
    assert {"done"} == {entry.state for entry in found.journal.steps}
    assert found.journal.exposed
    assert found.journal.pauses[0].ended is not None


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("recovery", ["resume", "rollback"])
def test_killed_at_each_write_a_switch_goes_on_or_back(
    tmp_path: Path, recovery: str, in_place: bool
) -> None:
    write = 0
    while True:
        write += 1
        folder = tmp_path / str(write)
        folder.mkdir()
        first = crossing(folder, in_place=in_place)
        killed = in_child(write, folder, lambda first=first: forward(first))
        if not killed:
            break
        found = crossing(folder, in_place=in_place, found=read(folder))
        written = ["a", "b"]
        # Whoever is up goes on being written to.
        if operations_of(found).put("c"):
            written.append("c")
        if recovery == "resume":
            forward(found)
        else:
            go_back(found, ASKED)
        good_state(found, "target" if recovery == "resume" else "source", written)
        assert found.journal.over or recovery == "resume"
    assert write > 2 * len(STEPS)


@pytest.mark.parametrize("in_place", [False, True])
def test_killed_at_each_write_the_way_back_goes_on(tmp_path: Path, in_place: bool) -> None:
    moved = crossing(tmp_path / "moved", in_place=in_place)
    forward(moved)
    assert operations_of(moved).put("c")
    write = 0
    while True:
        write += 1
        folder = tmp_path / str(write)
        shutil.copytree(tmp_path / "moved", folder)
        first = crossing(folder, in_place=in_place, found=read(folder))
        written = ["a", "b", "c"]
        killed = in_child(write, folder, lambda first=first: go_back(first, ASKED))
        if not killed:
            break
        found = crossing(folder, in_place=in_place, found=read(folder))
        if operations_of(found).put("d"):
            written.append("d")
        assert found.journal.state in {"going back", "back"}
        if found.journal.state == "going back":
            go_back(found, None)
        good_state(found, "source", written)
    assert write > 12


def test_what_was_written_since_comes_back(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    forward(found)
    operations_of(found).put("c")

    go_back(found, ASKED)

    good_state(found, "source", ["a", "b", "c"])
    assert "back" == found.journal.state
    assert 2 == len(found.journal.pauses)
    report = Path(found.journal.report or "").read_text()
    assert "* What fired: **a person**" in report
    assert "| back: data |" in report


def test_what_is_left_there_is_said(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    forward(found)
    operations_of(found).put("c")

    go_back(found, ASKED, bring=False)

    good_state(found, "source", ["a", "b"])
    assert ["a", "b", "c"] == operations_of(found).state()["target"]["data"]
    assert "left on docker" in Path(found.journal.report or "").read_text()


@pytest.mark.parametrize(
    "operation",
    [
        "snapshot",
        "prepare",
        "open_beside",
        "halt source",
        "freeze source",
        "carry source beside",
        "up beside",
        "ill beside",
        "smoke beside",
        "down source",
        "close_beside",
        "up target",
    ],
)
def test_a_step_that_fails_goes_back(tmp_path: Path, operation: str) -> None:
    found = crossing(tmp_path)
    operations_of(found).fails[operation] = StackFailed("no")

    with pytest.raises(StepFailed, match="no") as caught:
        forward(found)
    operations_of(found).fails.clear()
    go_back(found, Fired(f"step {caught.value.step}", str(caught.value)))

    good_state(found, "source", ["a", "b"])


def test_when_the_data_cannot_come_back_the_target_is_used_again(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    forward(found)
    operations_of(found).put("c")
    operations_of(found).fails["carry target source"] = DataRefused("No space left.")

    with pytest.raises(DataRefused, match=r"No space left\.\ndocker takes writes again") as caught:
        go_back(found, ASKED)

    assert "nothing is lost" in str(caught.value)
    assert "moved" == found.journal.state
    good_state(found, "target", ["a", "b", "c"])
    operations_of(found).fails.clear()
    go_back(found, ASKED)
    good_state(found, "source", ["a", "b", "c"])


def test_a_target_that_cannot_be_reached_does_not_keep_the_source_down(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    operations_of(found).fails["up beside"] = StackFailed("the engine is gone")
    with pytest.raises(StepFailed):
        forward(found)
    operations_of(found).fails["close_beside"] = StackFailed("the engine is gone")

    go_back(found, Fired("step target", "the engine is gone"))

    state = operations_of(found).state()["source"]
    assert (True, True, False) == tuple(state[key] for key in ("up", "apps", "frozen"))
    assert "Not stopped: the engine is gone" == found.journal.back[0].note


def test_an_engine_that_is_gone_before_the_target_starts_does_not_keep_the_source_down(
    tmp_path: Path,
) -> None:
    found = crossing(tmp_path)
    operations_of(found).fails["close_beside"] = StackFailed("the engine is gone")
    with pytest.raises(StepFailed, match="the engine is gone"):
        forward(found)

    go_back(found, Fired("step traffic", "the engine is gone"))

    assert not found.journal.exposed
    state = operations_of(found).state()["source"]
    assert (True, True, False) == tuple(state[key] for key in ("up", "apps", "frozen"))
    assert ["a", "b"] == state["data"]


def test_a_target_that_cannot_be_reached_is_said_once_with_both_ways(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    forward(found)
    for operation in ("halt target", "up target"):
        operations_of(found).fails[operation] = StackFailed("No engine.")

    with pytest.raises(StackFailed) as caught:
        go_back(found, ASKED)

    said = str(caught.value)
    assert 1 == said.count("No engine.")
    assert "could not be started. When that is mended: inv migrate.rollback." in said
    assert said.endswith("inv migrate.rollback --leave-writes")


@pytest.mark.parametrize(
    ("state", "asked", "copied", "expected"),
    [
        # Nothing was there that was not ours, so nothing is that is not.
        ("back", False, "failed", "docker"),
        # What was there was put back.
        ("back", True, "failed", None),
        ("back", True, "done", "docker"),
        ("back", False, "", None),
        ("moved", False, "done", "local"),
    ],
)
def test_what_a_switch_left_behind_is_known_as_ours(
    tmp_path: Path, state: str, asked: bool, copied: str, expected: str | None
) -> None:
    found = crossing(tmp_path).journal
    found.state = state
    found.options = {"replace": True, "replacing": asked}
    if copied:
        failure = "no" if copied == "failed" else ""
        found.steps.append(Entry("copy", now(), now(), failure=failure))

    assert expected == left_behind(found)

    found.options["left"] = True
    if state == "back":
        assert None is left_behind(found)


def test_nothing_is_copied_over_a_target_that_takes_writes(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    forward(found)
    found.journal.steps[-1] = replace(found.journal.steps[-1], ended=None)

    assert ["traffic"] == [step.name for step in pending(found)]


def test_the_health_must_be_good_several_times_running(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    answers = iter([(), (), ("web (HTTP 503)",), (), (), ()])
    operations_of(found).ill = lambda which: next(answers)  # type: ignore[method-assign]

    assert "3 checks running." == found.require_health("beside")
    assert () == tuple(answers)


def test_health_that_does_not_come_names_who_is_ill(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    operations_of(found).ill = lambda which: ("web (HTTP 503)",)  # type: ignore[method-assign]

    with pytest.raises(StackFailed, match=r"Not healthy: web \(HTTP 503\)\."):
        found.require_health("beside")


def test_what_the_checklist_has_not_proved_stops_it_before_anything(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    operations_of(found).unproved = {"docker-tests": "unknown: no record"}

    with pytest.raises(StepFailed, match="docker-tests") as caught:
        forward(found)

    assert "preflight" == caught.value.step
    assert isinstance(caught.value.__cause__, ItemUnknown)
    assert ["preflight", "ask"] == operations_of(found).done


def test_what_it_is_begun_without_stands_everywhere(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    found.journal.options["without"] = ["docker-tests"]
    operations_of(found).unproved = {"docker-tests": "unknown: no record"}

    forward(found)
    go_back(found, ASKED)

    kept = read(tmp_path)
    assert kept is not None
    assert {"docker-tests": "unknown: no record"} == kept.options["unproved"]
    assert "Without docker-tests." in journal_rows(kept)[0][-1]
    said = "Begun without proof of: docker-tests (unknown: no record)"
    assert f"* {said}\n" in Path(kept.report or "").read_text()
    assert any(line.startswith(said) for line in state(settings_of(tmp_path)).lines)


def test_nobody_is_asked_on_the_way_back_or_once_the_preflight_is_done(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    operations_of(found).fails["snapshot"] = StackFailed("no")
    with pytest.raises(StepFailed):
        forward(found)
    operations_of(found).fails.clear()
    operations_of(found).unproved = {"docker-tests": "unknown: no record"}

    forward(found)
    go_back(found, ASKED)

    assert 1 == operations_of(found).done.count("ask")


def test_a_copy_of_the_stack_needs_no_proof(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    found.journal.options["asks"] = False

    forward(found)

    assert "ask" not in operations_of(found).done


def test_a_command_that_leads_no_traffic_does_not_hold_up_the_source(tmp_path: Path) -> None:
    found = crossing(tmp_path)
    stuck = StackFailed("move-traffic: the proxy is stuck")
    operations_of(found).fails |= {"move_traffic target": stuck, "move_traffic source": stuck}
    with pytest.raises(StepFailed, match="stuck") as caught:
        forward(found)
    assert "traffic" == caught.value.step

    with pytest.raises(StackFailed, match=r"stuck\nlocal is up with all data and takes writes"):
        go_back(found, Fired("step traffic", "the proxy is stuck"))

    good_state(found, "source", ["a", "b"])
    assert found.journal.pauses[-1].ended is not None
    assert "going back" == found.journal.state
    operations_of(found).put("c")
    operations_of(found).fails.clear()
    go_back(found, None)
    good_state(found, "source", ["a", "b", "c"])
    assert "back" == found.journal.state
