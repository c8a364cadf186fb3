"""The images that nodes pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from ..imagenames import elsewhere, findings_of
from .model import Carried, Source
from .options import Options


def image(
    name: str, body: Mapping[str, Any], source: Source, options: Options
) -> tuple[str, list[Finding]]:
    """Return the image's name as nodes get it, and what is wrong with it.

    The project's own images go to the registry under the tag that is asked for; others stay.
    """
    found = declared(name, body, source)
    if found not in source.own_images:
        return found, []
    made = elsewhere(found, options.registry, options.tag)
    if options.loaded:  # the nodes' engines get it under a name that tells one from the last
        return made, []
    mend = "name one with --registry, or the nodes in [tool.tranship.swarm.nodes]"
    return made, list(findings_of(name, made, mend))


def declared(name: str, body: Mapping[str, Any], source: Source) -> str:
    """Return the image's name as Compose has it; raises ComposeFileError without one."""
    written = body.get("image")
    if not written and not body.get("build"):
        raise ComposeFileError(f"services.{name}: has neither `image:` nor `build:`. Add one.")
    return str(written or f"{source.document.get('name', source.name)}-{name}")


def carried(source: Source, options: Options) -> tuple[Carried, ...]:
    """Return the images of the services, each once."""
    found = {}
    for name in source.services:
        body = source.document["services"][name]
        known = declared(name, body, source)
        found[known] = Carried(
            known, image(name, body, source, options)[0], known in source.own_images
        )
    return tuple(found.values())


def pin(name: str, found: str) -> str:
    """Return the name of an image with the beginning of its id."""
    return f"{full(name)}-{found.removeprefix('sha256:')[:12]}"


def full(name: str) -> str:
    """Return an image's name as an engine lists it: short, with the tag."""
    short = name.removeprefix("docker.io/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def id_of(image: Carried, ids: Mapping[str, str]) -> str:
    """Return the image's id on this engine; empty when it is not there."""
    return ids.get(full(image.declared)) or ids.get(full(image.name), "")


def own_images(project: str, services: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the images that the project builds."""
    return frozenset(
        str(body.get("image") or f"{project}-{name}")
        for name, body in services.items()
        if body.get("build")
    )
