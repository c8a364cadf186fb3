"""What a compose file can say and `docker stack deploy` cannot, key by key.

Source: docker/cli, cli/compose (schema 3.13, UnsupportedProperties, ForbiddenProperties), read
from what `docker stack config` and `docker stack deploy` of 28.2 refuse and ignore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..findings import Finding

KEPT = (
    "cap_add",
    "cap_drop",
    "command",
    "credential_spec",
    "dns",
    "dns_search",
    "entrypoint",
    "hostname",
    "init",
    "isolation",
    "labels",
    "logging",
    "read_only",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tty",
    "ulimits",
    "user",
    "working_dir",
)
"""Keys that a stack file has as they are."""
_TRANSLATED = {
    "build",
    "configs",
    "cpus",
    "deploy",
    "environment",
    "env_file",
    "expose",
    "extra_hosts",
    "healthcheck",
    "image",
    "mem_limit",
    "mem_reservation",
    "networks",
    "pids_limit",
    "ports",
    "profiles",
    "restart",
    "scale",
    "secrets",
    "shm_size",
    "tmpfs",
    "volumes",
}
_COMPOSES_OWN = {"annotations", "attach", "develop", "name", "pull_policy"}
"""What is about `docker compose` at work, or for its tools alone."""
_NOTED = {
    "container_name": "container_name: tasks have names of their own; dial the service",
    "depends_on": "depends_on: a Swarm starts all at once; restart what ends too early",
    "links": "links: dial the service by its own name",
}
_LOST = {
    "blkio_config": "no limits of disk bandwidth",
    "cgroup": "tasks have cgroups of their own",
    "cgroup_parent": "tasks have cgroups of their own",
    "cpu_shares": "give deploy.resources.reservations.cpus",
    "cpuset": "no CPUs are pinned",
    "devices": "give generic_resources of the nodes",
    "domainname": "tasks have none",
    "external_links": "dial a service of the stack's networks",
    "gpus": "give generic_resources of the nodes",
    "group_add": "`docker stack deploy` has no place for it; set it in the image",
    "ipc": "tasks have their own",
    "mac_address": "the overlay network gives it",
    "memswap_limit": "swap is the node's matter",
    "mem_swappiness": "swap is the node's matter",
    "network_mode": "tasks are on overlay networks",
    "pid": "tasks have their own",
    "privileged": "a Swarm runs no privileged task; give cap_add",
    "security_opt": "`docker stack deploy` drops it; the nodes' daemon.json can set it",
    "userns_mode": "the node's daemon decides",
    "volumes_from": "mount the same named volume in both",
}


def findings(name: str, body: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each key of the service that a stack file has no place for."""
    known = {*KEPT, *_TRANSLATED, *_COMPOSES_OWN, *_NOTED, *_LOST}
    for key, said in _NOTED.items():
        if body.get(key):
            yield Finding(name, said, lost=False)
    for key in body:
        if not body[key] or key.startswith("x-"):
            continue
        if key in _LOST:
            yield Finding(name, f"{_shown(key, body[key])}: {_LOST[key]}")
        elif key not in known:
            yield Finding(name, f"{key}: no place in a stack file")


def _shown(key: str, value: object) -> str:
    if key == "security_opt" and isinstance(value, list):
        return f"{key} {', '.join(map(str, value))}"
    return f"{key} {value}" if isinstance(value, str) else key
