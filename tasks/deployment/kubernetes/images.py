"""The images that a cluster pulls."""

from __future__ import annotations

from .cluster import image_of
from .model import Cluster, Container, Finding
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
    repository, tag = _parts(name)
    if options.registry:
        # The registry of an image that already names one is replaced.
        plain = repository.split("/", 1)[1] if _has_registry(repository) else repository
        repository = f"{options.registry}/{plain}"
    tag = options.tag or tag
    found = []
    if not _has_registry(repository):
        found.append(
            Finding(
                container.name,
                f"image {repository}: is built here and in no registry; name one with --registry",
            )
        )
    if tag in {"", "latest"}:
        found.append(
            Finding(
                container.name,
                f"image {repository}: no tag but latest; --tag tells one roll-out from the last",
                lost=False,
            )
        )
    return f"{repository}:{tag or 'latest'}", policy, found


def _parts(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


def _has_registry(repository: str) -> bool:
    # Docker's reference: the first part is a host when it has a dot or a port, or is localhost.
    first, slash, _ = repository.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)
