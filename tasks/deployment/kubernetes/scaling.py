"""How many pods there are, and how many may be gone at once."""

from __future__ import annotations

from ...errors import SettingsError, near
from ..findings import Finding
from .model import Cluster, Container, Manifest
from .names import metadata, selector
from .options import Options
from .workloads import kind_of, replicas_of


def require_known(cluster: Cluster, options: Options) -> None:
    """Return when everything that is to scale can; raises SettingsError otherwise."""
    for name, scale in options.autoscale.items():
        where = f"[tool.tranship.kubernetes.autoscale.{name}]"
        container = cluster.containers.get(name)
        if container is None:
            raise SettingsError(f"{where}: no such service{near(name, cluster.containers)}.")
        if kind_of(cluster, container) == "Job" or container.volumes:
            reason = f"writes {', '.join(container.volumes)}" if container.volumes else "runs once"
            raise SettingsError(f"{where}: {name} {reason}; it cannot have more pods than one.")
        for figure, target in (("cpu", scale.cpu), ("memory", scale.memory)):
            if target is not None and not (
                container.requests.get(figure) or container.limits.get(figure)
            ):
                raise SettingsError(
                    f"{where}: {figure} is a share of what is requested, and {name} requests "
                    f"none. Give it deploy.resources with {figure}."
                )


def scaling(
    cluster: Cluster, container: Container, options: Options
) -> tuple[list[Manifest], list[Finding]]:
    """Return the HorizontalPodAutoscaler and the PodDisruptionBudget, where they are needed."""
    scale = options.autoscale.get(container.name)
    kind = kind_of(cluster, container)
    if kind == "Job":
        return [], []
    found: list[Manifest] = []
    most = scale.max if scale else replicas_of(container)
    name = container.name
    if scale is not None:
        metrics = [
            {
                "type": "Resource",
                "resource": {
                    "name": figure,
                    "target": {"type": "Utilization", "averageUtilization": target},
                },
            }
            for figure, target in (("cpu", scale.cpu), ("memory", scale.memory))
            if target is not None
        ]
        found.append(
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": metadata(cluster.project, name, name),
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
                    "minReplicas": scale.min,
                    "maxReplicas": scale.max,
                    "metrics": metrics,
                },
            }
        )
    if most > 1:
        found.append(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": metadata(cluster.project, name, name),
                "spec": {
                    # Of one pod, `minAvailable: 1` would keep a node from ever being drained.
                    "maxUnavailable": 1,
                    "selector": {"matchLabels": selector(cluster.project, name)},
                },
            }
        )
    return found, []
