"""The images that nodes pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from ..imagenames import elsewhere, findings_of
from .model import Source
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
    made = elsewhere(found, options.registry, options.tag)
    mend = "name one with --registry, or load it on every node"
    return made, list(findings_of(name, made, mend))


def own_images(project: str, services: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the images that the project builds."""
    return frozenset(
        str(body.get("image") or f"{project}-{name}")
        for name, body in services.items()
        if body.get("build")
    )
