"""Running pytest under a limit, its arguments, and the fingerprint of its interpreter."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tranship.errors import EnvironmentFailed
from tranship.modes.hostsuite import HostSuite, run_python
from tranship.settings import SuiteSettings
from tranship.trials import suite
from tranship.trials.seeing import fingerprint
from waiting import until

FIXED = ("-p", "no:cacheprovider", "--color=no", "--verbosity=1")


@pytest.mark.parametrize(
    ("extra", "paths"),
    [
        ((), True),
        (("-x", "--maxfail=3"), True),
        (("-k", "orders"), True),
        (("-k", "tests"), True),
        (("-m", "tests", "--ignore", "tests"), True),
        (("tests",), False),
        (("-x", "tests/test_a.py"), False),
        (("tests/test_a.py::test_x[a]",), False),
        (("absent.py",), True),
    ],
)
def test_the_paths_of_the_settings_are_left_out_where_the_user_names_some(
    tmp_path: Path, extra: Sequence[str], paths: bool
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").touch()
    (tmp_path / "orders").touch()

    expected = (*extra, *(["tests/stack"] if paths else []), *FIXED)

    assert expected == suite.arguments(SuiteSettings(paths=("tests/stack",)), extra, tmp_path)


NOWHERE = "no test: in collection, or between two tests"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], NOWHERE),
        (["collecting ... "], NOWHERE),
        (["t/a.py::test_a PASSED [ 50%]", "t/a.py::test_b "], "t/a.py::test_b"),
        (["t/a.py::test_a PASSED [ 50%]", "t/a.py::test_b"], "t/a.py::test_b"),
        (["t/a.py::test_a PASSED   [100%]"], NOWHERE),
        (["t/a.py::test_a[x y] FAILED [ 50%]"], NOWHERE),
        (["t/a.py::test_a[x y] "], "t/a.py::test_a[x y]"),
        (["t/a.py::Test::test_a XFAIL (reason) [ 50%]"], NOWHERE),
        (
            ["t/a.py::test_a SKIPPED (why)", "t/a.py::test_b ", "noise of the test"],
            "t/a.py::test_b",
        ),
    ],
)
def test_the_test_that_hung_is_the_last_without_an_outcome(lines: list[str], expected: str) -> None:
    assert expected == suite.hung_test(lines)


class LocalMode:
    """Runs pytest as the local mode does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: HostSuite | None = None

    def suite(self, arguments: tuple[str, ...]) -> HostSuite:
        self.process = HostSuite(
            [sys.executable, "-m", "pytest", *arguments],
            {"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            self.folder,
            self.folder / "junit.xml",
        )
        return self.process


def ran(folder: Path, source: str, timeout: float = 600.0) -> tuple[Any, list[str], LocalMode]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(source)
    mode, shown = LocalMode(folder), list[str]()
    settings = SuiteSettings(paths=("test_it.py",), timeout=timeout)
    arguments = suite.arguments(settings, (), folder)
    log = folder / "logs/pytest.txt"

    found = suite.run(mode, settings, arguments, shown.append, log)  # type: ignore[arg-type]

    assert shown == log.read_text().splitlines()
    assert ("python", "-m", "pytest", *arguments) == found.command
    return found, shown, mode


def test_a_suite_is_run_and_its_report_read(tmp_path: Path) -> None:
    before = datetime.datetime.now(datetime.UTC)
    found, shown, _ = ran(tmp_path, "def test_a(): pass\ndef test_b(): assert not 1\n")
    begun = datetime.datetime.fromisoformat(found.started)
    took = (datetime.datetime.now(datetime.UTC) - before).total_seconds()
    assert -0.001 <= (begun - before).total_seconds() <= took - found.seconds + 0.001

    assert [("test_a", "passed"), ("test_b", "failed")] == [
        (test.name, test.outcome) for test in found.tests
    ]
    assert (1, None, 600.0) == (found.exit_code, found.hung_in, found.limit_seconds)
    assert any("test_it.py::test_b FAILED" in line for line in shown)
    assert found.seconds > 0
    assert not (tmp_path / "junit.xml").exists()


def test_a_suite_that_hangs_is_interrupted_and_names_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is reached by hand, once the test is there to hang in."""
    timers: list[Any] = []

    class ByHand:
        daemon = False

        def __init__(self, seconds: float, action: Any) -> None:
            timers.append(SimpleNamespace(seconds=seconds, action=action, cancelled=False))
            self._timer = timers[-1]

        def start(self) -> None:
            pass

        def cancel(self) -> None:
            self._timer.cancelled = True

    monkeypatch.setattr(suite.threading, "Timer", ByHand)
    reached = tmp_path / "reached"

    class Hanging(HostSuite):
        def lines(self) -> Iterator[str]:
            until(reached.exists, "the test that hangs")
            timers[0].action()
            return super().lines()

    monkeypatch.setattr(sys.modules[__name__], "HostSuite", Hanging)
    source = (
        "import pathlib, threading\ndef test_fine(): pass\ndef test_hangs():\n"
        f"    pathlib.Path({str(reached)!r}).touch()\n    threading.Event().wait()\n"
    )

    found, _, _ = ran(tmp_path, source, timeout=7.0)

    assert [7.0, 7.0 + suite.GRACE_SECONDS] == [timer.seconds for timer in timers]
    assert [True, True] == [timer.cancelled for timer in timers]
    assert ("test_it.py::test_hangs", 7.0) == (found.hung_in, found.limit_seconds)
    assert "passed" in [test.outcome for test in found.tests if test.name == "test_fine"]


def test_a_suite_that_is_killed_has_no_exit_code_and_no_report(tmp_path: Path) -> None:
    process = HostSuite(
        [
            sys.executable,
            "-IS",
            "-c",
            "import sys; print('up', flush=True); sys.stdin.read(1); "
            "import threading; threading.Event().wait()",
        ],
        dict(os.environ),
        tmp_path,
        tmp_path / "junit.xml",
    )
    lines = process.lines()
    assert "up\n" == next(lines)

    process.kill()

    assert [] == list(lines)
    assert process.wait() is None
    assert not process.fetch_report(tmp_path / "report.xml")
    process.close()
    process.interrupt()
    assert not (tmp_path / "junit.xml").exists()


def test_closing_ends_what_still_runs(tmp_path: Path) -> None:
    source = "import threading; print('up', flush=True); threading.Event().wait()"
    command = [sys.executable, "-IS", "-c", source]
    process = HostSuite(command, dict(os.environ), tmp_path, tmp_path / "junit.xml")
    next(process.lines())

    process.close()

    assert process.wait() is None


def test_a_suite_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"The suite cannot be started: .*no-such"):
        HostSuite(["no-such-command"], {"PATH": "/nowhere"}, tmp_path, tmp_path / "junit.xml")

    assert not (tmp_path / "junit.xml").exists()


def test_a_python_program_runs_in_the_suites_environment(tmp_path: Path) -> None:
    environment = {"PATH": f"{Path(sys.executable).parent}", "X": "value"}
    source = "import os; print(os.environ['X'], os.getcwd())"

    assert f"value {tmp_path}\n" == run_python(source, environment, tmp_path)
    with pytest.raises(EnvironmentFailed, match=r"(?s)^python failed: .*ZeroDivisionError"):
        run_python("1/0", environment, tmp_path)


def fingerprint_source() -> str:
    return (Path(suite.__file__).parent / "fingerprint.py").read_text("utf-8")


def test_the_fingerprint_runs_on_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", fingerprint_source()],
        env={"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(done.stdout)
    assert {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "tz": "JST",
        "cwd": str(tmp_path),
        "uid": str(os.getuid()),
        "implementation": "CPython",
    } == {name: found[name] for name in ("python", "tz", "cwd", "uid", "implementation")}
    assert {str} == {type(value) for value in found.values()}
    assert [] == [name for name in ("python_build", "os", "machine") if not found[name]]


@pytest.mark.parametrize(
    ("printed", "expected"),
    [('{"python": 3}', {"python": "3"}), ('warning\n{"a": "b"}\n', {"a": "b"}), ("", {})],
)
def test_the_fingerprint_is_the_last_line(printed: str, expected: dict[str, str]) -> None:
    mode: Any = SimpleNamespace(python=lambda source: printed, sides={})

    assert expected == fingerprint(mode)


def test_a_fingerprint_that_is_no_json_is_named() -> None:
    mode: Any = SimpleNamespace(python=lambda source: "Traceback", sides={})

    with pytest.raises(EnvironmentFailed, match="The fingerprint is not JSON: Traceback"):
        fingerprint(mode)


@pytest.mark.parametrize(
    ("arguments", "options", "rest"),
    [
        ([], (False, False, False), []),
        (["-k", "orders", "-x"], (False, False, False), ["-k", "orders", "-x"]),
        (["--from-records"], (True, False, False), []),
        (["--enforce", "tests/a.py::t", "--strict"], (False, True, True), ["tests/a.py::t"]),
        (["--from", "--strict-markers"], (False, False, False), ["--from", "--strict-markers"]),
    ],
)
def test_our_options_are_taken_and_the_rest_reaches_pytest(
    arguments: list[str], options: tuple[bool, bool, bool], rest: list[str]
) -> None:
    from tranship.sessions import _parsed

    found, left = _parsed(arguments)

    assert (options, rest) == ((found.from_records, found.enforce, found.strict), left)


def test_the_options_of_compare_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    from tranship.sessions import _parsed

    with pytest.raises(SystemExit) as ended:
        _parsed(["--help"])

    shown = capsys.readouterr().out
    assert 0 == ended.value.code
    assert [] == [word for word in ("--from-records", "--enforce", "--strict") if word not in shown]
