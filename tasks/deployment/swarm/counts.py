"""How many tasks a deployment leaves to a service that is scaled by a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...settings import ScalingSettings
from .model import StackFile


def kept(
    stack: StackFile,
    policies: Mapping[str, ScalingSettings],
    found: Sequence[Mapping[str, Any]],
) -> StackFile:
    """Return the file with the counts that services with a policy have on the Swarm.

    The files' own would take from a service under load what it was just given. Beyond the
    policy's limits there is none to keep, and none for a service that has no task.
    """
    services = dict(stack.document["services"])
    for item in found:
        spec = item["Spec"]
        name = spec["Name"].removeprefix(f"{stack.name}_")
        tasks = ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0
        policy = policies.get(name)
        if policy is not None and name in services and policy.min <= tasks <= policy.max:
            deploy = {**services[name].get("deploy", {}), "replicas": tasks}
            services[name] = {**services[name], "deploy": deploy}
    return replace(stack, document={**stack.document, "services": services})
