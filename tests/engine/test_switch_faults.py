"""Faults in a switch: a clear state each time, and no loss."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from . import switchstack
from .projects import HERE, Project, until

QUICK = ("--watch", "1", "--interval", "0.3")


@pytest.fixture(scope="module")
def stack(module_project: object) -> tuple[Project, switchstack.Ports]:
    """Return one stack for all of these, up on this host."""
    project: Project = module_project()  # type: ignore[operator]
    ports = switchstack.write(
        project, "[tool.tranship.migrate.triggers]\nchecks = 2\n", database=False
    )
    project.inv("local.up").exits(0)
    return project, ports


def test_a_full_disk_in_the_copy(stack: tuple[Project, switchstack.Ports]) -> None:
    project, ports = stack
    folder = project.root / ".tranship" / "migration" / "copies"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        large = [os.urandom(30_000).hex() for _ in range(3)]  # which nothing makes smaller
        for name in large:
            assert 200 == switchstack.call(ports.web, "POST", f"/count/{name}")[0]
        with switchstack.Writer(ports.web) as writer:
            done = project.inv("migrate.switch", "--to", "docker", *QUICK).exits(4)
            done.says("The step copy failed", "Everything is on local again, with all data")
            writer.until(1)
        assert "local" == switchstack.side(ports.web)
        body = switchstack.call(ports.web, "GET", "/counts")[1]["redis"]
        assert not {*writer.acknowledged, *large} - set(body), "something is lost"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_journal_that_was_truncated(stack: tuple[Project, switchstack.Ports]) -> None:
    project, ports = stack
    with switchstack.Writer(ports.web) as writer:
        writer.until(1)
        switch = ("migrate.switch", "--to", "docker", *QUICK)
        assert -9 == project.inv(*switch, KILL_AT="watch begun").code
        writer.until(1)
        path = switchstack.journal(project)
        path.write_text(path.read_text()[:200])
        status = project.inv("migrate.status").exits(4)
        status.says("cannot be read", "before its last change", "In containers: cache on")
        done = project.inv("migrate.rollback").exits(0)
        done.says("cannot be read", "Going on from what it was before its last change")
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    body = switchstack.call(ports.web, "GET", "/counts")[1]["redis"]
    assert set(writer.acknowledged) <= set(body)


def test_a_journal_that_is_lost_in_both_versions(
    stack: tuple[Project, switchstack.Ports],
) -> None:
    project, _ = stack
    path = switchstack.journal(project)
    text = path.read_text()
    for damaged in (path, path.with_name("switch.previous.json")):
        damaged.write_text("")
    project.inv("migrate.status").exits(4).says(
        "Nothing is done on a guess", "On this host: cache, web."
    )
    project.inv("migrate.rollback").exits(4).says("cannot be read")
    path.write_text(text)


@pytest.mark.skipif(shutil.which("cc") is None, reason="what moves a clock must be compiled")
def test_a_clock_that_jumps(stack: tuple[Project, switchstack.Ports]) -> None:
    """An hour on while writes are refused, two back in the watch; that of the command alone."""
    project, ports = stack
    with switchstack.Writer(ports.web) as writer, Clock(project.root) as clock:
        switch = ("migrate.switch", "--to", "docker", "--watch", "4", "--interval", "0.3")
        running = project.start_inv(*switch, **clock.environment)
        until(lambda: "copy" in switchstack.under_way(project), "the step copy", 60)
        clock.jump(HOUR)
        running.until("Watching docker")
        clock.jump(-HOUR)
        running.finish().exits(0)
        clock.jump(HOUR)
        project.inv("migrate.status", **clock.environment).exits(0)
        project.inv("migrate.rollback", **clock.environment).exits(0)
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    found = switchstack.steps(project)
    walls = [entry[1][0] for entry in (*found["steps"], *found["back"])]
    assert max(walls) - min(walls) > HOUR, "no clock jumped"
    took = {entry[0]: entry[2][1] - entry[1][1] for entry in found["steps"]}
    assert 4 <= took["watch"] < 30
    report = Path(found["report"]).read_text()
    rows = re.findall(r"\| ([\w: ]+) \| [\d:]+ \| ([-\d.]+) s \|", report)
    # All but the step that writes it.
    assert len(walls) - 1 == len(rows)
    assert all(0 <= float(seconds) < 60 for _, seconds in rows), rows
    refused = re.search(r"refused: ([-\d.]+) s in all", report)
    assert refused is not None
    assert 0 < float(refused[1]) < 120
    body = switchstack.call(ports.web, "GET", "/counts")[1]["redis"]
    assert set(writer.acknowledged) <= set(body)


HOUR = 3600


class Clock:
    """A wall clock that jumps, for the processes that are given its environment."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "jumping.so"
        self._seconds = folder / "clock-jump"
        self.environment = {"LD_PRELOAD": str(self._library), "CLOCK_JUMP": str(self._seconds)}

    def __enter__(self) -> Clock:
        argv = ["cc", "-shared", "-fPIC", "-o", self._library, HERE / "jumping.c"]
        subprocess.run(argv, check=True)
        self.jump(0)
        return self

    def __exit__(self, *_: object) -> None:
        for path in (self._library, self._seconds):
            path.unlink(missing_ok=True)

    def jump(self, seconds: int) -> None:
        """Have it show so many seconds more than it is, from now on."""
        # In place: it is mapped by those who run.
        descriptor = os.open(self._seconds, os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, struct.pack("@l", seconds))
        os.close(descriptor)
