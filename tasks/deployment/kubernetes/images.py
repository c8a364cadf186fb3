"""The images that a cluster pulls."""

from __future__ import annotations

from ..findings import Finding
from ..imagenames import elsewhere, findings_of
from .cluster import image_of
from .model import Cluster, Container
from .options import Options


def image(
    cluster: Cluster, container: Container, options: Options
) -> tuple[str, str, list[Finding]]:
    """Return the image's name, its pull policy, and what is wrong with it.

    The project's own images go to the registry under the tag that is asked for; others stay.
    """
    name = image_of(cluster.project, container)
    policy = "Always" if container.pull_always else "IfNotPresent"
    if name not in cluster.own_images:
        return name, policy, []
    made = elsewhere(name, options.registry, options.tag)
    return made, policy, list(findings_of(container.name, made, "name one with --registry"))
