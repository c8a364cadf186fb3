"""Launch scripts and supervisord, run for real."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from tranship.errors import EnvironmentFailed
from tranship.modes import supervision
from tranship.modes.cgroups import Cgroup
from tranship.modes.launch import clean_environment, script
from tranship.modes.leftovers import is_running
from tranship.modes.supervision import Program, Supervisor
from waiting import until

_SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"


def launched(
    folder: Path,
    arguments: list[str],
    environment: Mapping[str, str],
    cgroup: Cgroup | None = None,
) -> tuple[list[str], dict[str, str], str]:
    path = folder / "start.sh"
    command = [sys.executable, "-IS", "-c", _SHOW, *arguments]
    path.write_text(script(command, environment, folder, cgroup), "utf-8")
    done = subprocess.run(
        ["/bin/sh", str(path)],
        env={"SUPERVISOR_ENABLED": "1", "SUPERVISOR_SERVER_URL": "unix://x", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    words, variables, directory = json.loads(done.stdout)
    return words, variables, directory


VALUES = {
    "PLAIN": "value",
    "QUOTES": """it's a "quote" `tick`""",
    "DOLLAR": "$HOME ${HOME} $(id) $$",
    "LINES": "one\ntwo\n\n",
    "SPACES": "  a  b  ",
    "BACKSLASH": "\\n \\",
    "UNICODE": "Grüße ☃",
    "COMMENT": "a #b; c % d",
    "EMPTY": "",
    "ODD-NAME": "it's odd",
    "with.dot": "two words",
    "1digit": "$x",
}


def test_every_value_arrives_as_it_was_written(tmp_path: Path) -> None:
    _, variables, _ = launched(tmp_path, [], VALUES)

    assert VALUES == {name: variables.get(name) for name in VALUES}


@pytest.mark.parametrize("odd", [{}, {"odd-name": "x"}])
def test_every_word_arrives_as_it_was_written(tmp_path: Path, odd: dict[str, str]) -> None:
    words = [*VALUES.values(), "--option=x y", "*", "~", "&&", ">file"]

    assert words == launched(tmp_path, words, odd)[0]


def test_the_supervisors_variables_do_not_reach_the_service(tmp_path: Path) -> None:
    _, variables, _ = launched(tmp_path, [], {"A": "1"})

    assert [] == [name for name in variables if name.startswith("SUPERVISOR_")]


def test_the_service_starts_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "it's a $folder"
    folder.mkdir()

    assert str(folder) == launched(folder, [], {})[2]


def test_the_service_joins_its_group_and_starts_also_without(tmp_path: Path) -> None:
    group = Cgroup(1, tmp_path / "memory", tmp_path / "not there")
    group.memory.mkdir()

    launched(tmp_path, [], {}, group)

    assert (group.memory / "cgroup.procs").read_text().strip().isdigit()


def test_the_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PATH": "/usr/bin", "HOME": "/home/me", "LANG": "C", "LEAK": "x"}.items():
        monkeypatch.setenv(name, value)

    expected = {"PATH": "/venv/bin:/usr/bin", "HOME": "/home/me", "LANG": "C"}

    assert expected == clean_environment(Path("/venv/bin"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder, hard to name and too long for a socket, and end its supervisord."""
    folder = tmp_path / "it's a run" / "100% of #1 ;b" / ("long-" * 20)
    folder.mkdir(parents=True)
    yield folder
    Supervisor(folder).shutdown()
    if (folder / "child").exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int((folder / "child").read_text()), signal.SIGKILL)


def ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def program(folder: Path, name: str, text: str, **options: object) -> Program:
    path = folder / f"{name}.sh"
    path.write_text(text)
    return Program(name, path, folder / f"{name}.log", **options)  # type: ignore[arg-type]


def test_supervisord_starts_shows_and_stops_whole_process_groups(folder: Path) -> None:
    supervisor = Supervisor(folder)
    assert not supervisor.alive()
    assert supervisor.pid() is None
    # The child ignores SIGTERM, as its parent did when it was started.
    waits = "trap '' TERM\nsleep 300 &\necho $! > child\ntrap - TERM\nwait\n"
    supervisor.configure(
        [
            program(folder, "waits", f'cd "{folder}"\n{waits}', stop_seconds=5.0),
            program(folder, "fails", "echo no use; exit 3\n"),
            program(folder, "never-started", "exit 0\n"),
        ]
    )
    supervisor.start({"PATH": os.environ["PATH"], "ONLY": "this"})
    assert supervisor.alive()

    supervisor.call("supervisor.startProcess", "waits", False)
    # One that fails before supervisor looks at it the first time is a fault of the call.
    with contextlib.suppress(EnvironmentFailed):
        supervisor.call("supervisor.startProcess", "fails", False)
    until(lambda: (folder / "child").exists() and (folder / "child").read_text(), "the child")
    until(lambda: supervisor.status()["fails"].state == "EXITED", "the end of `fails`")
    status = supervisor.status()
    child = psutil.Process(int((folder / "child").read_text()))
    assert (True, "RUNNING") == (status["waits"].running, status["waits"].state)
    assert (False, 3) == (status["fails"].running, status["fails"].exit_code)
    assert (False, 0) == (status["never-started"].running, status["never-started"].pid)
    assert status["waits"].pid == child.ppid()
    assert "this" == psutil.Process(status["waits"].pid).environ()["ONLY"]
    assert "no use\n" == (folder / "fails.log").read_text()

    supervisor.stop_programs([["waits", "fails"], ["never-started"]])
    assert not supervisor.status()["waits"].running
    until(lambda: ended(child), "the end of the whole process group")

    with pytest.raises(EnvironmentFailed, match="supervisor: BAD_NAME"):
        supervisor.call("supervisor.startProcess", "unknown", False)
    pid = supervisor.pid()
    assert pid is not None
    supervisor.shutdown()
    assert not is_running(pid)
    assert not supervisor.alive()
    assert not supervisor.socket.exists()
    with pytest.raises(OSError, match=r".+"):
        supervisor.stop_programs([["waits"]])


def test_a_supervisord_that_cannot_start_says_why(folder: Path) -> None:
    (folder / "supervisord.conf").write_text("[supervisord]\nloglevel = nonsense\n")

    with pytest.raises(EnvironmentFailed, match=r"supervisord did not start: .*nonsense"):
        Supervisor(folder).start({"PATH": os.environ["PATH"]})


def test_the_configuration_is_private_and_names_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100% run"
    folder.mkdir()
    one = program(folder, "one", "", stop_seconds=0.2, restart=True)
    two = program(folder, "two", "", stop_seconds=90, fast_stop=True)

    Supervisor(folder).configure([one, two])

    path = folder / "supervisord.conf"
    text = path.read_text()
    sections = {part.split("]")[0]: part.splitlines()[1:] for part in text.split("[")[1:]}
    assert 0o600 == path.stat().st_mode & 0o777
    assert "100%" not in text
    assert f"command = /bin/sh {one.script.name}" in sections["program:one"]
    assert {"autorestart = true", "stopsignal = TERM", "stopwaitsecs = 1"} <= set(
        sections["program:one"]
    )
    assert {"autorestart = false", "stopsignal = INT", "stopwaitsecs = 90"} <= set(
        sections["program:two"]
    )


def test_a_long_folder_has_its_socket_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision.tempfile, "gettempdir", lambda: "/tmp")
    folder = Path("/long") / ("x" * 100)

    socket = Supervisor(folder).socket

    assert f"/tmp/tranship-{os.getuid()}" == str(socket.parent)
    assert socket == Supervisor(folder).socket
    assert socket != Supervisor(folder / "other").socket
    assert Path("/short/supervisor.sock") == Supervisor(Path("/short")).socket
