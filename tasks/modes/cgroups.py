"""Control groups: where the kernel counts memory and CPU of a service, on both sides.

Version 1 has one tree per controller, version 2 one tree for all; either may be here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import EnvironmentFailed

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Cgroup:
    """One group: its folder for memory and its folder for CPU (the same one in version 2)."""

    version: int
    memory: Path
    cpu: Path

    def memory_bytes(self) -> int | None:
        """Return the anonymous resident memory of the group in bytes; None if unreadable."""
        key = "total_rss" if self.version == 1 else "anon"
        return _keyed(self.memory / "memory.stat", key)

    def cpu_seconds(self) -> float | None:
        """Return the CPU seconds that the group has used; None if unreadable."""
        if self.version == 2:
            microseconds = _keyed(self.cpu / "cpu.stat", "usage_usec")
            return None if microseconds is None else microseconds / 1e6
        with suppress(OSError, ValueError):
            return int((self.cpu / "cpuacct.usage").read_text()) / 1e9
        return None

    def throttled_seconds(self) -> float | None:
        """Return how long the group's CPU limit held it back; None where nothing counts it.

        In version 1 that is the `cpu` controller's, in which a local service has no group.
        """
        if self.version == 2:
            microseconds = _keyed(self.cpu / "cpu.stat", "throttled_usec")
            return None if microseconds is None else microseconds / 1e6
        with suppress(ValueError):
            folder = ROOT / "cpu" / self.cpu.relative_to(ROOT / "cpuacct")
            nanoseconds = _keyed(folder / "cpu.stat", "throttled_time")
            return None if nanoseconds is None else nanoseconds / 1e9
        return None

    def oom_kills(self) -> int | None:
        """Return how many of the group's processes were killed for memory; None if unknown."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _keyed(self.memory / name, "oom_kill")

    @property
    def method(self) -> str:
        """Return the name of this way to measure, for the record."""
        return f"cgroup v{self.version}"

    def pids(self) -> tuple[int, ...]:
        """Return the processes in the group now."""
        with suppress(OSError):
            return tuple(int(line) for line in (self.cpu / "cgroup.procs").read_text().split())
        return ()

    def entries(self) -> tuple[Path, ...]:
        """Return the files that a process writes its id to in order to join."""
        return tuple(folder / "cgroup.procs" for folder in dict.fromkeys((self.memory, self.cpu)))

    def remove(self) -> None:
        """Remove the emptied group; one that still has processes stays."""
        for folder in dict.fromkeys((self.memory, self.cpu)):
            with suppress(OSError):
                folder.rmdir()
        remove_limited(self.cpu.name)


def _keyed(path: Path, key: str) -> int | None:
    with suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    return None


def of_process(pid: int) -> Cgroup | None:
    """Return the group that a process is in; None where it cannot be read."""
    with suppress(OSError):
        paths = {}
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                paths[controller] = path.lstrip("/")
        if "memory" in paths and "cpuacct" in paths:
            return _existing(
                1, ROOT / "memory" / paths["memory"], ROOT / "cpuacct" / paths["cpuacct"]
            )
        if "" in paths:
            folder = ROOT / paths[""]
            return _existing(2, folder, folder)
    return None


def _existing(version: int, memory: Path, cpu: Path) -> Cgroup | None:
    return Cgroup(version, memory, cpu) if memory.is_dir() and cpu.is_dir() else None


def may_create() -> bool:
    """Return whether this user may make groups here."""
    if (ROOT / "memory").is_dir():
        return all(os.access(ROOT / name, os.W_OK) for name in ("memory", "cpuacct"))
    return os.access(ROOT / "cgroup.subtree_control", os.W_OK)


def create(name: str) -> Cgroup | None:
    """Make a group at the root of the tree; None where this user may not."""
    try:
        if (ROOT / "memory").is_dir() and (ROOT / "cpuacct").is_dir():
            folders = (ROOT / "memory" / name, ROOT / "cpuacct" / name)
            for folder in folders:
                folder.mkdir(exist_ok=True)
            return Cgroup(1, *folders)
        if "memory" in (ROOT / "cgroup.subtree_control").read_text().split():
            folder = ROOT / name
            folder.mkdir(exist_ok=True)
            return Cgroup(2, folder, folder)
    except OSError:
        pass
    return None


def named(prefix: str) -> tuple[Cgroup, ...]:
    """Return the groups at the root of the tree whose names begin with `prefix`."""
    found = []
    for path in sorted((ROOT / "memory").glob(f"{prefix}*")):
        found.append(Cgroup(1, path, ROOT / "cpuacct" / path.name))
    for path in sorted(ROOT.glob(f"{prefix}*")):
        found.append(Cgroup(2, path, path))
    return tuple(found)


_LIMITS: dict[str, tuple[str, str, str]] = {
    "memory": ("memory", "memory.limit_in_bytes", "memory.max"),
    "pids": ("pids", "pids.max", "pids.max"),
    "cpus": ("cpu", "cpu.cfs_quota_us", "cpu.max"),
}
"""Limit -> its controller in version 1, and its file in either version."""
_PERIOD = 100_000


def limited(name: str, limits: Mapping[str, str]) -> list[str]:
    """Make a group with these limits; return the files by which a process joins it.

    Raises EnvironmentFailed where this user may not, or the kernel knows no such limit.
    """
    one_tree = not (ROOT / "memory").is_dir()
    folders = []
    try:
        # The memory group is always made: by it a run that died is found again.
        for limit, value in {"memory": "", **limits}.items():
            controller, old, new = _LIMITS[limit]
            folder = ROOT / name if one_tree else ROOT / controller / name
            folder.mkdir(exist_ok=True)
            folders.append(folder)
            if limit == "cpus":
                value = str(round(float(value) * _PERIOD))
                value = f"{value} {_PERIOD}" if one_tree else value
            if value:
                (folder / (new if one_tree else old)).write_text(value)
    except OSError as error:
        remove_limited(name)
        raise EnvironmentFailed(f"No control group {name!r} with such limits: {error}.") from error
    return [str(folder / "cgroup.procs") for folder in dict.fromkeys(folders)]


def remove_limited(name: str) -> None:
    """Remove a group of `limited`, in every tree; what still runs in it is left."""
    for folder in (ROOT / name, *(ROOT / it[0] / name for it in _LIMITS.values())):
        with suppress(OSError):
            folder.rmdir()
