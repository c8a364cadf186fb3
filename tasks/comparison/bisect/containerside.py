"""How a container gets what a process of the other side has: keys of its compose service."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

from .change import Change, binds_over
from .ground import Ground
from .reasons import NotApplicable

# capability.h, in the order of their bits.
_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)


def _user(_key: str, ground: Ground) -> Change:
    uid, gid = ground.passing_value("uid"), ground.passing_value("gid")
    return Change(body={"user": f"{uid}:{gid}"})


def _cwd(_key: str, ground: Ground) -> Change | None:
    """Return the folder of the container that is the project's, if it is another one."""
    for mount in ground.body.get("volumes") or ():
        if mount.get("type") == "bind" and mount.get("source") == ground.root_folder:
            target = str(mount["target"])
            if target != ground.failing_value("cwd"):
                return Change(body={"working_dir": target})
    return None


def _cpus(_key: str, ground: Ground) -> Change:
    value = ground.passing_value("cpu_quota")
    return Change(body={"cpus": None if value == "none" else float(value)})


def _usable(_key: str, ground: Ground) -> Change:
    wanted = int(ground.passing_value("cpus_usable"))
    if wanted > int(ground.failing_value("cpus_usable")):
        return Change(body={"cpuset": None})
    return Change(body={"cpuset": first_cpus(wanted)})


def first_cpus(count: int) -> str:
    """Return so many CPUs as Linux writes a set of them."""
    return f"0-{count - 1}" if count > 1 else "0"


def _memory(_key: str, ground: Ground) -> Change:
    value = ground.passing_value("memory_limit")
    if value == "none":
        return Change(body={"mem_limit": None, "memswap_limit": None, "mem_reservation": None})
    return Change(body={"mem_limit": value, "memswap_limit": value})


def _pids(_key: str, ground: Ground) -> Change:
    value = ground.passing_value("pids_limit")
    return Change(body={"pids_limit": None if value == "none" else int(value)})


def _shared(_key: str, ground: Ground) -> Change:
    return Change(body={"shm_size": ground.passing_value("shared_memory")})


def _limit(key: str, ground: Ground) -> Change:
    soft, hard = (
        -1 if it == "unlimited" else int(it) for it in ground.passing_value(key).split("/")
    )
    return Change(body={"ulimits": {key.removeprefix("limit_"): {"soft": soft, "hard": hard}}})


def _hosts(_key: str, ground: Ground) -> Change:
    entries = hosts_beyond(ground)
    if not entries:
        raise NotApplicable("a name that a container resolves cannot be taken from it")
    return Change(body={"extra_hosts": [f"{name}={address}" for name, address in entries]})


def hosts_beyond(ground: Ground) -> tuple[tuple[str, str], ...]:
    """Return (name, address) of what resolves on the passing side only, or otherwise there."""
    known = {name for names in host_names(ground.failing.hosts).values() for name in names}
    found = {
        name: address
        for address, names in host_names(ground.passing.hosts).items()
        for name in names
        # A machine's own name, and those that every machine has, are none of the stack's.
        if name not in known
        and name != ground.passing_value("hostname")
        and not name.startswith(("localhost", "ip6-"))
    }
    for key, answer in ground.passing.fingerprint.items():
        kind, _, name = key.partition(":")
        known_here = answer in ("no answer", ground.failing_value(key))
        if kind == "dns" and not known_here and not in_networks_apart(key, ground):
            found.setdefault(name, answer.split()[0])
    return tuple(sorted(found.items()))


def in_networks_apart(key: str, ground: Ground) -> bool:
    """Return whether a row is of a service that each of two stacks in containers has of its own.

    Its address on one side leads nowhere on the other. The engine's names have no dot.
    """
    kind, _, name = key.partition(":")
    return (
        kind == "dns"
        and "." not in name
        and ground.side == ground.passing_side == "docker"
        and {"", "no answer"}.isdisjoint((ground.failing_value(key), ground.passing_value(key)))
    )


def host_names(text: str) -> Mapping[str, list[str]]:
    """Return address -> names of a hosts file."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1:
            found.setdefault(words[0], []).extend(words[1:])
    return found


def _search(_key: str, ground: Ground) -> Change:
    lines = dict(re.findall(r"^(search|options)\s+(.*)$", ground.passing.resolv, re.M))
    search, options = (lines.get(word, "").split() for word in ("search", "options"))
    return Change(body={"dns_search": search or ["."], **({"dns_opt": options} if options else {})})


def _ports_from(_key: str, ground: Ground) -> Change:
    value = ground.passing_value("ports_from")
    return Change(body={"sysctls": {"net.ipv4.ip_unprivileged_port_start": value}})


def _capabilities(_key: str, ground: Ground) -> Change:
    bits = int(ground.passing_value("capabilities") or "0", 16)
    names = [name for bit, name in enumerate(_CAPABILITIES.split()) if bits >> bit & 1]
    return Change(body={"cap_drop": ["ALL"], "cap_add": names})


def _seccomp(_key: str, ground: Ground) -> Change:
    if ground.passing_value("seccomp") != "0":
        raise NotApplicable("the filter of the other side is not known")
    return Change(body={"security_opt": ["seccomp=unconfined"]})


def _read_only(key: str, ground: Ground) -> Change:
    if ground.passing_value(key) != "no":
        raise NotApplicable("a container's mounts are made writable here, not read-only")
    place = key.removeprefix("read_only_")
    folder = "/" if place == "root" else ground.failing_value(place)
    if binds_over(ground.body, posixpath.normpath(folder)):
        return Change(writable=(folder,))
    return Change(body={"read_only": None})


def _init(_key: str, ground: Ground) -> Change:
    return Change(body={"init": ground.passing_value("pid_1") == "no" or None})


def _hostname(_key: str, ground: Ground) -> Change:
    return Change(body={"hostname": ground.passing_value("hostname")})


APPLIED: Mapping[str, Callable[[str, Ground], Change | None]] = {
    "uid": _user,
    "cwd": _cwd,
    "cpu_quota": _cpus,
    "cpus_usable": _usable,
    "memory_limit": _memory,
    "pids_limit": _pids,
    "shared_memory": _shared,
    "limit_.*": _limit,
    "hosts": _hosts,
    "dns_search": _search,
    "ports_from": _ports_from,
    "capabilities": _capabilities,
    "seccomp": _seccomp,
    "read_only_.*": _read_only,
    "pid_1": _init,
    "hostname": _hostname,
}
"""Key of a factor, as a pattern -> what makes its change."""


def network(_ground: Ground) -> Change:
    """Return what puts a container into this host's network."""
    return Change(body={"network_mode": "host"})
