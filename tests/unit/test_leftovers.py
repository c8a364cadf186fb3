"""Processes that a run left, and who owns a port."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from fakedocker import FakeDocker
from tranship.modes import cgroups, leftovers
from tranship.modes.clock import started_at
from tranship.modes.portowner import owner_of
from tranship.stack.engine import ComposeProject
from tranship.stack.isolation import MARKER
from waiting import until

RUN = f"tranship-test-{os.getpid()}"
Child = Callable[..., subprocess.Popen[str]]
_READY = "print('ready', flush=True); import sys; sys.stdin.read()"


@pytest.fixture
def child() -> Iterator[Child]:
    """Start Python programs that wait; they end with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-IS", "-c", _READY, *arguments],
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        with process:
            pass


def test_a_runs_processes_are_found_and_others_are_not(tmp_path: Path, child: Child) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    (folder / "postgres").mkdir(parents=True)
    elsewhere.mkdir()
    (folder / "postgres/data").symlink_to(elsewhere)
    (tmp_path / "run-2").mkdir()
    found = [
        child(environment={MARKER: RUN}),
        child(cwd=folder),
        child(cwd=elsewhere),
        child("compose", "--project-name", RUN, "up"),
        child("events", "--filter", f"label=com.docker.compose.project={RUN}"),
    ]
    child()
    child(environment={MARKER: f"{RUN}-2"})
    child(cwd=tmp_path / "run-2")
    child("compose", "--project-name", f"{RUN}-2", "up")
    child("--project-name", "x", RUN)

    expected = {process.pid for process in found}

    assert expected == set(leftovers.processes_of(RUN, folder))


def test_this_process_and_its_parents_are_never_among_them(tmp_path: Path) -> None:
    source = (
        "import json, sys\nfrom pathlib import Path\nfrom tranship.modes import leftovers\n"
        "print(json.dumps(leftovers.processes_of(sys.argv[1], Path(sys.argv[2]))))\n"
    )
    parent = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    own = [sys.executable, "-c", source, RUN, str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "-IS", "-c", parent, *own],
        env={**os.environ, MARKER: RUN},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert [] == json.loads(done.stdout)


def test_ending_ends_each_and_counts_those_that_were_there(child: Child) -> None:
    processes = [child(), child()]
    gone = child()
    gone.kill()
    gone.wait()

    ended = leftovers.end_processes([*(process.pid for process in processes), gone.pid])

    assert 2 == ended
    assert [] == [process.pid for process in processes if leftovers.is_running(process.pid)]


def test_a_process_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_GRACE_SECONDS", 0.05)
    stubborn = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('x', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", f"{stubborn}; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        assert 1 == leftovers.end_processes([process.pid])
        assert not leftovers.is_running(process.pid)


def test_a_run_is_ended_with_its_groups(
    tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "cgroup")
    in_group, marked, other = child(), child(environment={MARKER: RUN}), child()
    group = tmp_path / "cgroup" / f"{RUN}-api"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(f"{in_group.pid}\n")

    assert 2 == leftovers.end_local(RUN, tmp_path / "run", f"{RUN}-")

    assert [] == [pid for pid in (in_group.pid, marked.pid) if leftovers.is_running(pid)]
    assert other.poll() is None


def test_data_is_removed_also_where_a_link_leads_outside(tmp_path: Path) -> None:
    run, outside, kept = tmp_path / "run", tmp_path / "outside", tmp_path / "kept"
    for folder in (run / "redis/data", run / "postgres", outside / "pgdata", kept):
        folder.mkdir(parents=True)
    (run / "postgres/data").symlink_to(outside)
    (run / "logs").symlink_to(kept)

    leftovers.remove_data(run)
    assert ["logs", "postgres", "redis"] == sorted(path.name for path in run.iterdir())
    assert [] == [*(run / "postgres").iterdir(), *(run / "redis").iterdir()]
    assert not outside.exists()

    leftovers.remove_folder(run)
    assert ["kept"] == [path.name for path in tmp_path.iterdir()]


def test_the_owner_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        owner = owner_of(listener.getsockname()[1])

    process = psutil.Process()
    words = " ".join(process.cmdline()[:2])
    assert f"process {process.pid} of {process.username()} ({words})" == owner


def test_a_port_whose_owner_cannot_be_seen_is_another_users() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert "a process of another user" == owner_of(port)


def test_a_container_that_publishes_the_port_is_named(fake_docker: FakeDocker) -> None:
    client = ComposeProject(files=()).client()
    fake_docker.answer("container", "list", out="abc\n")
    fake_docker.answer("container", "inspect", out='[{"Id": "abc", "Name": "/their-db"}]')

    assert "container their-db" == owner_of(5432, client)
    assert "publish=5432" in fake_docker.called_with("--filter")[0].argv


def test_an_engine_that_fails_names_no_container(fake_docker: FakeDocker) -> None:
    fake_docker.answer("container", err="gone\n", code=1)

    assert "a process of another user" == owner_of(1, ComposeProject(files=()).client())


def test_the_start_of_a_process_is_between_what_came_before_and_after(child: Child) -> None:
    tick = 1 / os.sysconf("SC_CLK_TCK")
    before = time.time()
    process = child()
    after = time.time()

    started = started_at(process.pid)

    assert started is not None
    # The kernel counts whole ticks; the two clocks are read one after the other.
    assert before - 2 * tick <= started <= after + 2 * tick


def test_a_process_that_is_gone_has_no_start(child: Child) -> None:
    process = child()
    process.kill()
    process.wait()
    until(lambda: not psutil.pid_exists(process.pid), "the end of the process")

    assert started_at(process.pid) is None
