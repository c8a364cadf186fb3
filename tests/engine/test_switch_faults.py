"""Faults in a switch: a clear state each time, and no loss."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from . import switchstack
from .projects import Project, until

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
    project.inv("migrate.status").exits(0).says(
        "Nothing is done on a guess", "On this host: cache, web."
    )
    project.inv("migrate.rollback").exits(4).says("cannot be read")
    path.write_text(text)


def test_an_engine_that_stops_in_the_watch(stack: tuple[Project, switchstack.Ports]) -> None:
    project, ports = stack
    with Gate(project.root / "engine.sock") as gate, switchstack.Writer(ports.web) as writer:
        at = {"DOCKER_HOST": f"unix://{gate.path}"}
        switch = ("migrate.switch", "--to", "docker", "--watch", "60", "--interval", "0.3")
        running = project.start_inv(*switch, **at)
        running.until("Watching docker")
        writer.until(2)
        gate.close()
        done = running.finish().exits(4)
        done.says("silence: no measurement in 2 checks running", "holds what was written")
        project.inv("migrate.status", **at).exits(4).says("on its way back", "inv migrate.rollback")
        # The engine is there again: what was written meanwhile comes back.
        project.inv("migrate.rollback").exits(0)
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    body = switchstack.call(ports.web, "GET", "/counts")[1]["redis"]
    assert set(writer.acknowledged) <= set(body)


def test_an_engine_that_stops_in_the_switch(stack: tuple[Project, switchstack.Ports]) -> None:
    project, ports = stack
    with Gate(project.root / "engine.sock") as gate, switchstack.Writer(ports.web) as writer:
        switch = ("migrate.switch", "--to", "docker", *QUICK)
        running = project.start_inv(*switch, DOCKER_HOST=f"unix://{gate.path}")
        until(lambda: "freeze" in switchstack.under_way(project), "the step freeze", 60)
        gate.close()
        done = running.finish().exits(4)
        done.says("Everything is on local again, with all data")
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    project.inv("docker.down").exits(0)
    body = switchstack.call(ports.web, "GET", "/counts")[1]["redis"]
    assert set(writer.acknowledged) <= set(body)


class Gate:
    """A way to the engine that can be closed, as an engine that stops closes its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._open = True

    def __enter__(self) -> Gate:
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and all that goes through it."""
        self._open = False
        self.path.unlink(missing_ok=True)
        for item in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _accept(self) -> None:
        while self._open:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect("/var/run/docker.sock")
            self._sockets += [near, far]
            threading.Thread(target=_carried, args=(near, far), daemon=True).start()


def _carried(near: socket.socket, far: socket.socket) -> None:
    """Carry both directions until either ends; one that ends half goes on in the other."""
    with selectors.DefaultSelector() as chosen, contextlib.suppress(OSError, ValueError):
        chosen.register(near, selectors.EVENT_READ, far)
        chosen.register(far, selectors.EVENT_READ, near)
        while chosen.get_map():
            for key, _ in chosen.select():
                source, target = key.fileobj, key.data
                data = source.recv(65536)  # type: ignore[union-attr]
                if data:
                    target.sendall(data)
                else:
                    chosen.unregister(source)
                    target.shutdown(socket.SHUT_WR)
    near.close()
    far.close()
