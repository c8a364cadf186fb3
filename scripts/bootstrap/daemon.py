"""A dockerd of our own: started in the background, found again, stopped by its pid."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import SetupError
from .shared import ENGINE_FOLDER

SOCKET = Path("/var/run/docker.sock")
CONTAINERD_PID = Path("/run/docker/containerd/containerd.pid")
START_LIMIT = 60.0  # seconds; measured: 1 to 3
STOP_LIMIT = 40.0  # seconds; dockerd gives containers 15 to end


@dataclass(frozen=True)
class Record:
    """Which dockerd we started. `started` tells it from a later process of the same pid."""

    pid: int
    started: str  # clock ticks since boot, from /proc/<pid>/stat
    kept: bool  # started by `engine start`: no run stops it

    @property
    def alive(self) -> bool:
        """Return whether that very process still runs."""
        return self.started != "" and start_ticks(self.pid) == self.started


def start_ticks(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def read_record(folder: Path = ENGINE_FOLDER) -> Record | None:
    """Return the dockerd that we started and that still runs, or None."""
    try:
        record = Record(**json.loads((folder / "engine.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if record.alive else None


def write_record(record: Record, folder: Path = ENGINE_FOLDER) -> None:
    """Remember a dockerd, whole or not at all."""
    temporary = folder / "engine.json.new"
    temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
    temporary.replace(folder / "engine.json")


def answers(path: Path = SOCKET) -> bool:
    """Return whether an engine answers on its socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in client.recv(64)
        except OSError:
            return False


def mount_cgroups() -> None:
    """Mount cgroup v2 where nothing is mounted: dockerd cannot start without."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    if not any(line.split()[2] in {"cgroup", "cgroup2"} for line in mounts.splitlines()):
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"], check=False)


def start(dockerd: str, group: str, kept: bool) -> Record:
    """Start dockerd in a session of its own and wait for its socket.

    `group` is who may use the socket besides root (empty: dockerd's own choice).
    Raises SetupError with the end of its log when it exits or never answers.
    """
    mount_cgroups()
    log = ENGINE_FOLDER / "dockerd.log"
    argv = [dockerd, *(["--group", group] if group else [])]
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    record = Record(process.pid, start_ticks(process.pid), kept)
    deadline = time.monotonic() + START_LIMIT
    try:
        write_record(record)
        while not answers():
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(0.1)
                raise SetupError(f"dockerd ended with exit code {code}.\n{log_end(log)}")
            if time.monotonic() > deadline:
                raise SetupError(f"dockerd gave no answer in {START_LIMIT:.0f} s.\n{log_end(log)}")
    except BaseException:
        stop(record)
        raise
    return record


def stop(record: Record) -> None:
    """Stop the dockerd that we started, and the containerd that it started."""
    try:
        containerd = int(CONTAINERD_PID.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the machine's own containerd serves it
        containerd = 0
    started = start_ticks(containerd) if containerd else ""
    end_process(record.pid, record.started)
    if containerd:
        end_process(containerd, started)
    (ENGINE_FOLDER / "engine.json").unlink(missing_ok=True)


def end_process(pid: int, started: str) -> None:
    """End one process: SIGTERM, then SIGKILL, each waited for."""
    for number, limit in ((signal.SIGTERM, STOP_LIMIT), (signal.SIGKILL, 5.0)):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            break
        try:
            # Compared with the pidfd in hand: the pid can no longer change its owner.
            if not started or start_ticks(pid) != started:
                break
            signal.pidfd_send_signal(descriptor, number)
            if select.select([descriptor], [], [], limit)[0]:
                break
        finally:
            os.close(descriptor)
    with suppress(ChildProcessError):  # ours only where this very run started it
        os.waitpid(pid, os.WNOHANG)


def log_end(log: Path) -> str:
    """Return the last lines of dockerd's log and where it is."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([*(f"    {line}" for line in lines[-15:]), f"  All of it: {log}"])
