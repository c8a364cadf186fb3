"""How a process of this host gets what a container has; much of it only root may give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .change import Change
from .containerside import hosts_beyond
from .ground import Ground
from .reasons import NotApplicable

_ROOT = "it needs root on this host"
_APART = "it needs root on this host, and mounts of its own"


def _require_root(ground: Ground) -> None:
    if not ground.is_root:
        raise NotApplicable(_ROOT)


def _require_apart(ground: Ground) -> None:
    if not ground.may_mount:
        raise NotApplicable(_APART)


def _user(_key: str, ground: Ground) -> Change:
    _require_root(ground)
    uid, gid = (int(ground.passing_value(name)) for name in ("uid", "gid"))
    groups = [int(word) for word in ground.passing_value("groups").split()]
    return Change(launch={"user": {"uid": uid, "gid": gid, "groups": groups}})


def _cwd(_key: str, ground: Ground) -> Change | None:
    """Return the folder of this host that is the container's working folder, if it is another."""
    there = ground.passing_value("cwd")
    for mount in ground.body.get("volumes") or ():
        target = str(mount.get("target", "")).rstrip("/")
        if mount.get("type") == "bind" and (there == target or there.startswith(f"{target}/")):
            here = str(mount["source"]) + there[len(target) :]
            if here.rstrip("/") != ground.failing_value("cwd") and Path(here).is_dir():
                return Change(launch={"directory": here})
    return None


def _group(name: str) -> Callable[[str, Ground], Change]:
    def made(key: str, ground: Ground) -> Change:
        _require_root(ground)
        value = ground.passing_value(key)
        if value == "none":
            raise NotApplicable("a limit of this session's own control group stays")
        return Change(launch={"group": {name: value}})

    return made


def _usable(_key: str, ground: Ground) -> Change:
    wanted = int(ground.passing_value("cpus_usable"))
    if wanted > int(ground.failing_value("cpus_usable")):
        raise NotApplicable("this process may use no more CPUs than it has")
    return Change(launch={"cpus_usable": wanted})


def _shared(_key: str, ground: Ground) -> Change:
    _require_apart(ground)
    size = ground.passing_value("shared_memory")
    mount = {"path": "/dev/shm", "kind": "tmpfs", "options": f"size={size}"}  # noqa: S108
    return Change(launch={"mounts": [mount]})


def _limit(key: str, ground: Ground) -> Change:
    both = ground.passing_value(key).split("/")
    mine = ground.failing_value(key).split("/")
    if not ground.is_root and _number(both[1]) > _number(mine[1]):
        raise NotApplicable(f"raising a hard limit: {_ROOT}")
    return Change(launch={"limits": {key.removeprefix("limit_"): both}})


def _number(word: str) -> float:
    return float("inf") if word == "unlimited" else float(word)


def _hosts(_key: str, ground: Ground) -> Change:
    _require_apart(ground)
    entries = hosts_beyond(ground)
    if not entries:
        raise NotApplicable("a name that this host resolves cannot be taken from it")
    return Change(launch={"hosts": [f"{address} {name}" for name, address in entries]})


def _search(_key: str, ground: Ground) -> Change:
    _require_apart(ground)
    theirs = ground.passing.resolv.splitlines()
    lines = [it for it in theirs if it.startswith(("search", "options"))]
    return Change(launch={"resolver": lines})


def _read_only(key: str, ground: Ground) -> Change:
    _require_apart(ground)
    if ground.passing_value(key) != "yes":
        raise NotApplicable("this host's file system cannot be made writable")
    place = key.removeprefix("read_only_")
    folder = "/" if place == "root" else ground.failing_value(place)
    kept = [
        {"path": ground.failing_value(other), "kind": "kept"}
        for other in ("tmp", "cwd")
        if place == "root" and ground.passing_value(f"read_only_{other}") == "no"
    ]
    return Change(launch={"mounts": [*kept, {"path": folder, "kind": "read-only"}]})


def _hostname(_key: str, ground: Ground) -> Change:
    _require_apart(ground)
    return Change(launch={"hostname": ground.passing_value("hostname")})


APPLIED: Mapping[str, Callable[[str, Ground], Change | None]] = {
    "uid": _user,
    "cwd": _cwd,
    "cpu_quota": _group("cpus"),
    "memory_limit": _group("memory"),
    "pids_limit": _group("pids"),
    "cpus_usable": _usable,
    "shared_memory": _shared,
    "limit_.*": _limit,
    "hosts": _hosts,
    "dns_search": _search,
    "read_only_.*": _read_only,
    "hostname": _hostname,
}
"""Key of a factor, as a pattern -> what makes its change."""


def network(ground: Ground) -> Change:
    """Return what puts a process of this host into a network of containers."""
    _require_apart(ground)
    return Change(launch={"network": "passing"})
