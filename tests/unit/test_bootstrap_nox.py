"""A nox that cannot import tranship goes on in the project's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bootstrap import barenox
from bootstrap.errors import SetupError


def test_it_becomes_the_projects_own_nox_with_the_same_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(barenox.venv, "ensure", lambda root, *_: made.append(root))
    monkeypatch.setattr(os, "execve", lambda *call: became.append(call))
    monkeypatch.setattr(sys, "argv", ["nox", "-s", "compare", "--", "-k", "orders"])
    monkeypatch.delenv(barenox.MARK, raising=False)

    barenox.go_on(tmp_path)

    ((program, words, environment),) = became
    own = str(tmp_path / ".venv/bin/nox")
    assert ([tmp_path], own) == (made, program)
    assert [own, "-s", "compare", "--", "-k", "orders"] == words
    assert str(tmp_path / ".venv/bin") == environment["PATH"].split(os.pathsep)[0]
    assert str(tmp_path / ".venv") == environment["VIRTUAL_ENV"]
    assert "1" == environment[barenox.MARK]


def test_it_does_not_hand_over_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(barenox.MARK, "1")

    with pytest.raises(SystemExit) as ended:
        barenox.go_on(tmp_path)

    assert 4 == ended.value.code
    assert "Remove .venv and try again" in capsys.readouterr().err


def test_what_keeps_the_environment_from_being_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ensure(*_: object) -> None:
        raise SetupError("no venv module here")

    monkeypatch.setattr(barenox.venv, "ensure", ensure)
    monkeypatch.delenv(barenox.MARK, raising=False)

    with pytest.raises(SystemExit) as ended:
        barenox.go_on(tmp_path)

    assert SetupError("x").exit_code == ended.value.code
    assert "noxfile: no venv module here\n" == capsys.readouterr().err
