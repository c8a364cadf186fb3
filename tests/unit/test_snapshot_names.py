"""The name that a snapshot gets when nobody gives it one."""

from __future__ import annotations

from pathlib import Path

from tranship.migration.data import snapshots


def test_two_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        names.append(snapshots._free(tmp_path, "local-20261125-155100"))
        (tmp_path / names[-1]).mkdir()

    assert ["local-20261125-155100", "local-20261125-155100-2", "local-20261125-155100-3"] == names


def test_the_plain_name_does_not_need_the_folder(tmp_path: Path) -> None:
    assert "docker-1" == snapshots._free(tmp_path / "none", "docker-1")
