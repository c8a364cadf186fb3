from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakedocker import FakeDocker
from invoke.program import Program
from symptoms import symptom as symptom


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A fake `docker` command, first on PATH."""
    fake = FakeDocker(tmp_path / "fake-docker")
    monkeypatch.setenv("PATH", f"{fake.folder}{os.pathsep}{os.environ['PATH']}")
    return fake


@pytest.fixture
def no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH with no `docker` command on it."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def inv(
    capsys: pytest.CaptureFixture[str],
) -> Callable[[Program, str], tuple[int, str, str]]:
    """Run a command line in-process: exit code, standard output, standard error."""

    def run(program: Program, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code: object = 0
        try:
            program.run(["inv", *arguments])
        except SystemExit as ended:
            code = ended.code
        shown = capsys.readouterr()
        assert isinstance(code, int)
        return code, shown.out, shown.err

    return run
