"""The `deploy:` of a service: from its own, and from what Compose says elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from .options import Options

STACK_LABEL = "io.tranship.stack"
"""The label of every service, by which Tranship knows what it deployed."""
_POLICIES = {"no": "none", "always": "any", "unless-stopped": "any", "on-failure": "on-failure"}


def data_label(stack: str) -> str:
    """Return the label of the node that has the stack's volumes."""
    return f"io.tranship.data.{stack}"


def deploy(
    name: str,
    body: Mapping[str, Any],
    options: Options,
    *,
    stack: str,
    job: bool,
    stays: bool,
    published: bool,
) -> tuple[dict[str, Any], list[Finding]]:
    """Return the section; `stays` is whether the service writes named volumes."""
    written = dict(body.get("deploy") or {})
    findings: list[Finding] = []
    found: dict[str, Any] = {"labels": {**(written.pop("labels", None) or {}), STACK_LABEL: stack}}
    mode = written.pop("mode", None)
    if job:
        mode = f"{mode}-job" if mode in {"replicated", "global"} else (mode or "replicated-job")
    if mode:
        found["mode"] = mode
    replicas = written.pop("replicas", body.get("scale"))
    if replicas is not None and not str(mode or "").startswith("global"):
        found["replicas"] = int(replicas)
        if stays and int(replicas) > 1:
            findings.append(
                Finding(name, f"replicas: {replicas} tasks write the same volume", lost=False)
            )
    found["restart_policy"] = written.pop("restart_policy", None) or restart(
        str(body.get("restart") or "no"), job=job
    )
    resources, lost = _resources(name, body, written.pop("resources", None) or {})
    findings += lost
    if resources:
        found["resources"] = resources
    placement = {k: v for k, v in (written.pop("placement", None) or {}).items() if v}
    if stays and not placement.get("constraints"):
        placement["constraints"] = [options.data or f"node.labels.{data_label(stack)} == true"]
    if placement:
        found["placement"] = placement
    found["endpoint_mode"] = written.pop("endpoint_mode", None) or options.endpoint
    update = written.pop("update_config", None) or {}
    rollback = written.pop("rollback_config", None) or {}
    # A Swarm refuses both for a job.
    if not job:
        # Two tasks of one volume, or of one port of the node, do not run side by side.
        alone = stays or (published and options.publish == "host")
        order = "stop-first" if alone else "start-first"
        usual = {"parallelism": 1, "order": order, "monitor": options.monitor}
        found["update_config"] = {**usual, "failure_action": "rollback", **update}
        found["rollback_config"] = {**usual, **rollback}
    findings += [Finding(name, f"deploy.{key}: no place in a stack file") for key in written]
    return found, findings


def restart(policy: str, *, job: bool = False) -> dict[str, Any]:
    """Return the restart policy of a word of Compose's `restart:`.

    A job runs again only when it failed: a Swarm refuses `any` for it.
    """
    word, _, most = policy.partition(":")
    if word not in _POLICIES or (most and not most.isdigit()):
        raise ComposeFileError(f"restart: {policy!r} is unknown. Words: {', '.join(_POLICIES)}.")
    condition = "on-failure" if job and _POLICIES[word] == "any" else _POLICIES[word]
    found: dict[str, Any] = {"condition": condition}
    return {**found, "max_attempts": int(most)} if most else found


def _resources(
    name: str, body: Mapping[str, Any], written: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Finding]]:
    limits = {
        "cpus": body.get("cpus"),
        "memory": body.get("mem_limit"),
        # -1 is Compose's word for no limit.
        "pids": body.get("pids_limit") if (body.get("pids_limit") or 0) > 0 else None,
        **(written.get("limits") or {}),
    }
    reserved = {"memory": body.get("mem_reservation"), **(written.get("reservations") or {})}
    findings = []
    if reserved.pop("devices", None):
        findings.append(
            Finding(name, "deploy.resources.reservations.devices: give generic_resources")
        )
    found = {"limits": _amounts(limits), "reservations": _amounts(reserved)}
    return {key: value for key, value in found.items() if value}, findings


def _amounts(written: Mapping[str, Any]) -> dict[str, Any]:
    # The schema of a stack file has CPUs and memory as texts.
    return {
        key: str(value) if key in {"cpus", "memory"} else value
        for key, value in written.items()
        if value
    }
