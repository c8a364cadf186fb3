"""What a compose file can say and a manifest cannot, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..findings import Finding

_LOST = {
    "blkio_config": "no limits of disk bandwidth",
    "cgroup": "pods have cgroups of their own",
    "cgroup_parent": "pods have cgroups of their own",
    "credential_spec": "not carried over",
    "cpu_rt_period": "no real-time CPU",
    "cpu_rt_runtime": "no real-time CPU",
    "cpuset": "CPUs are pinned by the node's CPU manager alone",
    "device_cgroup_rules": "devices come by device plugins",
    "devices": "devices come by device plugins",
    "dns": "the cluster's DNS stays, or no Service is found",
    "dns_opt": "the cluster's DNS stays",
    "dns_search": "the cluster's DNS stays",
    "domainname": "pods have the cluster's domain",
    "external_links": "dial a Service by its name",
    "gpus": "devices come by device plugins",
    "labels": "they are for tools of Docker; write annotations by hand",
    "links": "dial the service by its own name",
    "mac_address": "pods' addresses are the cluster's",
    "mem_swappiness": "swap is the node's matter",
    "memswap_limit": "swap is the node's matter",
    "oom_kill_disable": "the kernel decides",
    "oom_score_adj": "the kubelet sets it from the resources",
    "platform": "write a nodeSelector by hand",
    "pids_limit": "the kubelet sets it for a whole node",
    "post_start": "not carried over",
    "pre_stop": "not carried over",
    "runtime": "name a RuntimeClass of the cluster",
    "storage_opt": "not carried over",
    "ulimits": "the node's container runtime sets them",
    "userns_mode": "not carried over",
    "uts": "not carried over",
    "volumes_from": "mount the same named volume in both",
}
_NOTED = {
    "container_name": "pods have names of their own; dial the Service",
    "hostname": "pods have names of their own; dial the Service",
    "logging": "logs and their rotation are the node's matter",
}
_CARRIED = {
    "build",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "cpus",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "image",
    "init",
    "mem_limit",
    "mem_reservation",
    "networks",
    "ports",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "sysctls",
    "tmpfs",
    "tty",
    "user",
    "volumes",
    "working_dir",
}
_BELOW = {"ipc", "network_mode", "pid", "privileged", "stop_signal"}
_COMPOSES_OWN = {"annotations", "attach", "develop"}
"""What is about `docker compose` at work, or for its tools alone."""
_DEPLOY = {
    "endpoint_mode": "Services decide",
    "restart_policy": "restart policies are those of the workload",
    "rollback_config": "`kubectl rollout undo` goes back",
}


def findings(name: str, body: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each key of the service that manifests have no place for."""
    for key, reason in _LOST.items():
        if body.get(key):
            yield Finding(name, f"{key}: {reason}")
    for key, reason in _NOTED.items():
        if body.get(key):
            yield Finding(name, f"{key}: {reason}", lost=False)
    known = {*_LOST, *_NOTED, *_CARRIED, *_BELOW, *_COMPOSES_OWN}
    for key in sorted(set(body) - known):
        if body[key] and not key.startswith("x-"):
            yield Finding(name, f"{key}: not carried over")
    yield from _modes(name, body)
    yield from _deploy(name, body.get("deploy") or {})
    signal = str(body.get("stop_signal") or "SIGTERM").upper().removeprefix("SIG")
    if signal not in {"TERM", "15"}:
        yield Finding(name, f"stop_signal {body['stop_signal']}: pods get SIGTERM, or the image's")
    for option in body.get("security_opt") or ():
        word = str(option).replace("=", ":")
        if word.partition(":")[0] not in {"no-new-privileges", "seccomp"} or (
            word.startswith("seccomp:") and word != "seccomp:unconfined"
        ):
            yield Finding(name, f"security_opt {option}: not carried over")


def _modes(name: str, body: Mapping[str, Any]) -> Iterator[Finding]:
    network = str(body.get("network_mode") or "")
    if network:
        yield Finding(name, f"network_mode {network}: pods have a network of their own")
    for key in ("pid", "ipc"):
        if body.get(key) and body[key] != "private":
            yield Finding(name, f"{key} {body[key]}: pods have their own")
    if body.get("privileged"):
        yield Finding(
            name, "privileged: written as it is; clusters refuse it above the lowest pod security"
        )


def _deploy(name: str, deploy: Mapping[str, Any]) -> Iterator[Finding]:
    if deploy.get("mode") not in (None, "replicated"):
        yield Finding(name, f"deploy.mode {deploy['mode']}: written as a Deployment")
    if any((deploy.get("placement") or {}).values()):
        yield Finding(name, "deploy.placement: write nodeSelector or affinity by hand")
    for key, reason in _DEPLOY.items():
        if deploy.get(key):
            yield Finding(name, f"deploy.{key}: {reason}", lost=False)
    resources = deploy.get("resources") or {}
    for side in ("limits", "reservations"):
        if (resources.get(side) or {}).get("pids"):
            yield Finding(name, f"deploy.resources.{side}.pids: the kubelet sets it for a node")
        for key in ("devices", "generic_resources"):
            if (resources.get(side) or {}).get(key):
                yield Finding(name, f"deploy.resources.{side}.{key}: devices come by plugins")
