"""Local processes under supervisor: configuration, start, calls and stop.

supervisor was chosen by trying the well-kept candidates with the same two programs:
honcho 2.0 has no background mode and no restart of one process; circus 0.19 goes to the
background, but needs pyzmq and tornado, holds 27 MiB against 21, and ends children by
walking their tree rather than by process group. supervisor 4.3 needs nothing else, starts
in 0.1 s when each program is started by a call (its own `autostart` waits for the next
tick of its one-second loop), and answers a call by XML-RPC in about a millisecond.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EnvironmentFailed
from ..stack.isolation import write_private
from .leftovers import is_running

_SOCKET_LIMIT = 90  # of the 108 bytes of sun_path; supervisor binds a longer temporary name
_START_SECONDS = 20.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    script: Path
    log: Path
    stop_seconds: float = 10.0
    restart: bool = False
    fast_stop: bool = False
    """Whether SIGINT is its quick orderly stop (PostgreSQL's "fast shutdown")."""


@dataclass(frozen=True)
class Status:
    """What supervisor says of one program."""

    name: str
    state: str
    pid: int
    exit_code: int
    started: int
    description: str

    @property
    def running(self) -> bool:
        """Return whether the process is there."""
        return self.state in {"RUNNING", "STARTING"}


class Supervisor:
    """One supervisord with its configuration in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = _socket_path(directory)
        self._pid_file = directory / "supervisord.pid"

    def configure(self, programs: Iterable[Program]) -> None:
        """Write supervisord.conf."""
        write_private(self.directory / "supervisord.conf", self._configuration(programs))

    def start(self, environment: Mapping[str, str]) -> None:
        """Start supervisord in the background.

        Raises EnvironmentFailed with its output when it does not come up.
        """
        entry = "from supervisor.supervisord import main; main()"
        conf = str(self.directory / "supervisord.conf")
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", entry, "-c", conf],
            env=dict(environment),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise EnvironmentFailed(f"supervisord did not start: {done.stderr.strip()}")
        deadline = time.monotonic() + _START_SECONDS
        while not self.alive():
            if time.monotonic() > deadline:
                raise EnvironmentFailed(
                    f"supervisord does not answer; see {self.directory / 'supervisord.log'}."
                )
            time.sleep(0.005)

    def alive(self) -> bool:
        """Return whether supervisord answers."""
        try:
            self.call("supervisor.getState")
        except (OSError, EnvironmentFailed):
            return False
        return True

    def call(self, method: str, *arguments: object) -> Any:
        """Call an XML-RPC method of supervisord.

        Raises EnvironmentFailed for a fault, OSError when nobody listens.
        """
        import http.client
        import xmlrpc.client

        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        target: Any = proxy
        for part in method.split("."):
            target = getattr(target, part)
        try:
            return target(*arguments)
        except xmlrpc.client.Fault as error:
            raise EnvironmentFailed(f"supervisor: {error.faultString}") from error
        except (xmlrpc.client.ProtocolError, http.client.HTTPException) as error:
            raise OSError(str(error)) from error
        finally:
            transport.close()

    def status(self) -> dict[str, Status]:
        """Return the state of every program by name."""
        return {
            row["name"]: Status(
                name=row["name"],
                state=row["statename"],
                pid=row["pid"],
                exit_code=row["exitstatus"],
                started=row["start"],
                description=row["description"],
            )
            for row in self.call("supervisor.getAllProcessInfo")
        }

    def stop_programs(self, levels: Iterable[Iterable[str]]) -> None:
        """Stop the programs level by level, each level at once, with all that they started."""
        for level in levels:
            waiting = set(level)
            groups = [status.pid for name, status in self.status().items() if name in waiting]
            for name in waiting:
                with contextlib.suppress(EnvironmentFailed):  # NOT_RUNNING
                    self.call("supervisor.stopProcess", name, False)
            deadline = time.monotonic() + _STOP_SECONDS
            while waiting and time.monotonic() < deadline:
                states = self.status()
                waiting = {
                    name
                    for name in waiting
                    if name in states and states[name].state in {"STOPPING", "RUNNING", "STARTING"}
                }
                if waiting:
                    time.sleep(0.01)
            for group in filter(None, groups):
                # supervisor is content when the first process has ended; its children may
                # have ignored the signal, and would hold on to the port.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)

    def pid(self) -> int | None:
        """Return supervisord's process id, if its pid file names one."""
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None

    def shutdown(self) -> None:
        """Stop what still runs, then supervisord itself, and wait for its end."""
        pid = self.pid()
        with contextlib.suppress(OSError, EnvironmentFailed):
            self.call("supervisor.shutdown")
            deadline = time.monotonic() + _STOP_SECONDS
            while pid is not None and is_running(pid) and time.monotonic() < deadline:
                # It looks around once a second, or at once when it is spoken to.
                self.alive()
                time.sleep(0.01)
        self.socket.unlink(missing_ok=True)

    def _configuration(self, programs: Iterable[Program]) -> str:
        lines = [
            "[unix_http_server]",
            f"file = {self._written(self.socket)}",
            "chmod = 0700",
            "[supervisord]",
            f"logfile = {self._written(self.directory / 'supervisord.log')}",
            f"pidfile = {self._written(self._pid_file)}",
            "childlogdir = .",
            "umask = 022",
        ]
        if os.getuid() == 0:
            lines.append("user = root")  # said outright, or supervisor warns of it
        lines += [
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for program in programs:
            lines += [
                f"[program:{program.name}]",
                f"command = /bin/sh {shlex.quote(self._written(program.script))}",
                "autostart = false",
                # A process counts as started at once: readiness is asked of the service.
                "startsecs = 0",
                "startretries = 0",
                f"autorestart = {'true' if program.restart else 'false'}",
                "stopasgroup = true",
                "killasgroup = true",
                f"stopsignal = {'INT' if program.fast_stop else 'TERM'}",
                f"stopwaitsecs = {max(1, round(program.stop_seconds))}",
                "redirect_stderr = true",
                f"stdout_logfile = {self._written(program.log)}",
                "stdout_logfile_maxbytes = 20MB",
                "stdout_logfile_backups = 1",
            ]
        return "\n".join(lines) + "\n"

    def _written(self, path: Path) -> str:
        """Return a path as the configuration has it: relative, since supervisord runs there.

        A folder's name may hold what supervisor takes for a comment (` #`, ` ;`), and it
        expands the `%` of a log's path twice.
        """
        inside = path.is_relative_to(self.directory)
        return str(path.relative_to(self.directory) if inside else path).replace("%", "%%")


def _socket_path(directory: Path) -> Path:
    path = directory / "supervisor.sock"
    if len(os.fsencode(path)) <= _SOCKET_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tranship-{os.getuid()}" / f"{digest}.sock"
