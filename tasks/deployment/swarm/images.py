"""The images that nodes pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ComposeFileError
from .model import Finding, Source
from .options import Options


def image(
    name: str, body: Mapping[str, Any], source: Source, options: Options
) -> tuple[str, list[Finding]]:
    """Return the image's name as nodes get it, and what is wrong with it.

    The project's own images go to the registry under the tag that is asked for; others stay.
    """
    written = body.get("image")
    if not written and not body.get("build"):
        raise ComposeFileError(f"services.{name}: has neither `image:` nor `build:`. Add one.")
    found = str(written or f"{source.document.get('name', source.name)}-{name}")
    if found not in source.own_images:
        return found, []
    repository, tag = _parts(found)
    if options.registry:
        # The registry of an image that already names one is replaced.
        plain = repository.split("/", 1)[1] if _has_registry(repository) else repository
        repository = f"{options.registry}/{plain}"
    tag = options.tag or tag
    findings = []
    if not _has_registry(repository):
        findings.append(
            Finding(
                name,
                f"image {repository}: is built here and in no registry; name one with "
                "--registry, or load it on every node",
            )
        )
    if tag in {"", "latest"}:
        findings.append(
            Finding(
                name,
                f"image {repository}: no tag but latest; --tag tells one roll-out from the last",
                lost=False,
            )
        )
    return f"{repository}:{tag or 'latest'}", findings


def own_images(project: str, services: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the images that the project builds."""
    return frozenset(
        str(body.get("image") or f"{project}-{name}")
        for name, body in services.items()
        if body.get("build")
    )


def _parts(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


def _has_registry(repository: str) -> bool:
    # Docker's reference: the first part is a host when it has a dot or a port, or is localhost.
    first, slash, _ = repository.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)
