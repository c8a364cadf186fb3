"""Deployments, StatefulSets and Jobs."""

from __future__ import annotations

from typing import Any

from ..findings import Finding
from . import pods, volumes
from .model import Cluster, Container, Manifest
from .names import metadata, selector
from .options import Options


def workload(
    cluster: Cluster, container: Container, options: Options
) -> tuple[list[Manifest], list[Finding]]:
    """Return the workload with the files that it mounts, and what it cannot say."""
    given = volumes.given(cluster, container)
    found = [*container.findings, *given.findings]
    made = pods.template(cluster, container, options, given, found)
    kind, spec = _kind_and_spec(cluster, container, options, found)
    api = "batch/v1" if kind == "Job" else "apps/v1"
    manifest = {
        "apiVersion": api,
        "kind": kind,
        "metadata": metadata(cluster.project, container.name, container.name),
        "spec": {**spec, "template": made},
    }
    return [*given.manifests, manifest], found


def kind_of(cluster: Cluster, container: Container) -> str:
    """Return Job for what ends, StatefulSet for the one that keeps a volume, else Deployment."""
    if container.name in cluster.jobs:
        return "Job"
    alone = container.volumes and not any(cluster.shared(volume) for volume in container.volumes)
    return "StatefulSet" if alone else "Deployment"


def replicas_of(container: Container) -> int:
    """Return how many pods there may be: of what writes a named volume, one."""
    return min(container.replicas, 1) if container.volumes else container.replicas


def _kind_and_spec(
    cluster: Cluster, container: Container, options: Options, found: list[Finding]
) -> tuple[str, dict[str, Any]]:
    kind = kind_of(cluster, container)
    restart, _, attempts = container.service.restart.partition(":")
    if kind == "Job":
        limit = int(attempts) if attempts.isdigit() else 6
        return kind, {"backoffLimit": limit if restart != "no" else 0}
    if restart in {"no", "on-failure"}:
        found.append(
            Finding(
                container.name,
                f"restart {container.service.restart}: a pod of a {kind} is always started again; "
                "what is to end gets x-tranship.oneshot",
                lost=False,
            )
        )
    replicas = replicas_of(container)
    if replicas < container.replicas:
        found.append(
            Finding(
                container.name,
                f"deploy.replicas {container.replicas}: one, since it writes "
                f"{', '.join(container.volumes)}",
            )
        )
    spec: dict[str, Any] = {}
    if container.name not in options.autoscale:
        # The autoscaler's own figure otherwise: each `apply` would set it back.
        spec["replicas"] = replicas
    spec["selector"] = {"matchLabels": selector(cluster.project, container.name)}
    if kind == "StatefulSet":
        return kind, {"serviceName": container.name, **spec}
    if container.volumes:
        return kind, {**spec, "strategy": {"type": "Recreate"}}
    surge, missing = (
        (container.parallelism, 0) if container.start_first else (0, container.parallelism)
    )
    rolling = {"maxSurge": surge, "maxUnavailable": missing}
    return kind, {**spec, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
