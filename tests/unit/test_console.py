from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tranship import console


def test_results_and_notes_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("result")
    console.note("about the work")

    assert ("result\n", "about the work\n") == capsys.readouterr()


def test_a_step_says_its_title_and_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with console.step("Building") as step:
        step.tell("a detail that only a terminal shows")

    shown = capsys.readouterr()
    assert "" == shown.out
    assert re.fullmatch(r"Building \.\.\.\nBuilding: \d+\.\d s\n", shown.err)


def test_a_step_that_fails_says_no_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), console.step("Building"):
        raise ZeroDivisionError

    assert ["Building ..."] == capsys.readouterr().err.splitlines()


def test_a_terminal_shows_a_status_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")

    with console.step("Building") as step:
        step.tell("layer 3")

    assert re.search(r"Building: \d+\.\d s\n$", sys.stderr.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", True), ("UTF8", True), ("ascii", False), (None, False)]
)
def test_unicode_is_used_where_the_output_can_carry_it(
    monkeypatch: pytest.MonkeyPatch, encoding: str | None, expected: bool
) -> None:
    class Output(io.StringIO):
        pass

    Output.encoding = encoding  # type: ignore[misc]
    monkeypatch.setattr(sys, "stdout", Output())

    assert expected == console.unicode_out()


def test_without_a_terminal_the_width_is_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    assert 120 == console.width()


def test_a_path_is_shown_as_it_can_be_typed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert "report.md" == console.path(tmp_path / "below" / "report.md")
    assert str(tmp_path / "report.md") == console.path(str(tmp_path / "report.md"))
    assert "" == console.path(None)


def test_a_table_leaves_numbers_as_they_are_written() -> None:
    expected = ["name    port", "------  ------", "api     08000"]

    assert expected == console.table([["api", "08000"]], ["name", "port"]).splitlines()


def test_a_reader_that_went_away_ends_the_output_quietly() -> None:
    source = (
        "from tranship import console\n"
        "for number in range(20000): console.out('line ' * 20)\n"
        "console.note('done')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()

    assert (0, "done\n") == (process.returncode, errors)
