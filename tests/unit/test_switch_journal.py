"""The journal of a switch: written whole, read back, truncated, and by a clock that jumps."""

from __future__ import annotations

from pathlib import Path

import pytest
from tranship.errors import DataRefused
from tranship.migration.switch import journal as journals
from tranship.migration.switch import moments
from tranship.migration.switch.journal import Entry, Journal, JournalUnreadable, Pause
from tranship.migration.switch.moments import Moment
from tranship.settings import Settings


def settings(folder: Path) -> Settings:
    return Settings(root=folder, state_directory=folder)


def begun(folder: Path) -> Journal:
    return journals.new(settings(folder), "local", "docker", {"replace": True})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = begun(tmp_path)
    with made.step("copy", made.steps) as notes:
        made.pause("the switch")
        made.frozen["db on local"] = {"before": None}
        notes.append("2 rows.")
    made.unpause()

    assert made == journals.read(settings(tmp_path))


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.write()

    assert 0o600 == made.path.stat().st_mode & 0o777


def test_without_one_there_is_none(tmp_path: Path) -> None:
    assert journals.read(settings(tmp_path)) is None


def test_a_step_that_fails_says_why(tmp_path: Path) -> None:
    made = begun(tmp_path)

    with pytest.raises(DataRefused), made.step("copy", made.steps):
        raise DataRefused("No space left.")

    entry = made.entry("copy")
    assert entry is not None
    assert ("failed", "No space left.") == (entry.state, entry.failure)
    assert not made.done("copy")


@pytest.mark.parametrize("damage", ["truncated", "empty", "nonsense", "another format", "a list"])
def test_one_that_cannot_be_read_is_gone_on_from_as_it_was_before(
    tmp_path: Path, damage: str
) -> None:
    made = begun(tmp_path)
    made.steps.append(Entry("preflight", moments.now(), moments.now()))
    made.write()
    made.steps.append(Entry("snapshot", moments.now()))
    made.write()
    text = made.path.read_text()
    made.path.write_text(
        {
            "truncated": text[: len(text) // 2],
            "empty": "",
            "nonsense": "\0\0\0\0",
            "another format": '{"format": 99}',
            "a list": "[]",
        }[damage]
    )

    with pytest.raises(JournalUnreadable, match=r"switch\.json cannot be read") as caught:
        journals.read(settings(tmp_path))

    earlier = caught.value.earlier
    assert earlier is not None
    assert ["preflight"] == [entry.name for entry in earlier.steps]
    assert made.path == earlier.path
    assert not earlier.exposed


def test_truncated_at_each_byte_it_is_what_it_was_before_and_never_something_else(
    tmp_path: Path,
) -> None:
    made = begun(tmp_path)
    with made.step("freeze", made.steps):
        made.frozen["db on local"] = {"before": "ä"}
        made.pause("the switch")
    before = made.path.with_name("switch.previous.json").read_bytes()
    whole = made.path.read_bytes()
    assert before != whole

    for length in range(len(whole)):
        made.path.write_bytes(whole[:length])
        with pytest.raises(JournalUnreadable) as caught:
            journals.read(settings(tmp_path))
        earlier = caught.value.earlier
        assert earlier is not None, length
        assert ["begun"] == [entry.state for entry in earlier.steps]
        assert made.frozen == earlier.frozen
    for length in range(len(before)):
        journals.previous(made.path).write_bytes(before[:length])
        with pytest.raises(JournalUnreadable) as caught:
            journals.read(settings(tmp_path))
        assert caught.value.earlier is None, length


def test_when_both_cannot_be_read_nothing_is_guessed(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.write()
    made.write()
    made.path.write_text("{")
    journals.previous(made.path).write_text("{")

    with pytest.raises(JournalUnreadable) as caught:
        journals.read(settings(tmp_path))

    assert caught.value.earlier is None


def test_after_a_copy_the_lost_entry_may_be_that_the_target_takes_writes(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.steps.append(Entry("copy", moments.now(), moments.now()))
    made.write()
    made.exposed = True
    made.write()
    made.path.write_text("{")

    with pytest.raises(JournalUnreadable) as caught:
        journals.read(settings(tmp_path))

    assert caught.value.earlier is not None
    assert caught.value.earlier.exposed


def test_after_the_data_came_back_the_lost_entry_may_be_that_the_source_takes_them(
    tmp_path: Path,
) -> None:
    made = begun(tmp_path)
    made.exposed = True
    made.back.append(Entry("data", moments.now(), moments.now()))
    made.write()
    made.returned = True
    made.write()
    made.path.write_text("{")

    with pytest.raises(JournalUnreadable) as caught:
        journals.read(settings(tmp_path))

    assert caught.value.earlier is not None
    assert caught.value.earlier.returned


def test_going_on_repairs_it(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.write()
    made.write()
    made.path.write_text("{")
    with pytest.raises(JournalUnreadable) as caught:
        journals.read(settings(tmp_path))
    assert caught.value.earlier is not None

    caught.value.earlier.write()

    assert journals.read(settings(tmp_path)) is not None


def test_a_clock_that_is_set_back_changes_no_duration() -> None:
    began = Moment(wall=1000.0, steady=50.0, boot="one")
    ended = Moment(wall=400.0, steady=57.5, boot="one")

    assert 7.5 == moments.seconds(began, ended)
    assert 7.5 == Pause("the switch", began, ended).seconds


def test_over_a_reboot_the_wall_clock_counts_and_never_below_nothing() -> None:
    began = Moment(wall=1000.0, steady=5000.0, boot="one")

    assert 60.0 == moments.seconds(began, Moment(1060.0, 12.0, "two"))
    assert 0.0 == moments.seconds(began, Moment(900.0, 12.0, "two"))


def test_a_pause_goes_on_over_a_crash(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.pause("the switch")
    read = journals.read(settings(tmp_path))
    assert read is not None

    read.pause("the switch")

    assert 1 == len(read.pauses)
    assert made.pauses[0].began == read.pauses[0].began
