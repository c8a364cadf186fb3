"""The half of `docker` that builds images and explains them."""

from __future__ import annotations

from contextlib import nullcontext

from invoke.context import Context

from . import console
from .boundary import task
from .selection import ENVIRONMENT, names

_SERVICE = "A service, or a comma list; may be repeated. Default: all without a profile."
_PROFILE = "A compose profile to activate; may be repeated."


@task(
    iterable=["service", "profile"],
    optional=["sbom", "provenance"],
    help={
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "profile": _PROFILE,
        "pull": "Look for newer base images first.",
        "no-cache": "Build every layer again.",
        "progress": "How Buildx shows it: auto, plain, quiet, rawjson, tty. Default: step by step.",
        "sbom": "Attest what is in the image; alone, or generator=IMAGE.",
        "provenance": "Attest how it was built; alone, or mode=max.",
    },
)
def build(
    c: Context,
    service: list[str],
    profile: list[str],
    pull: bool = False,
    no_cache: bool = False,
    environment: str = "",
    progress: str = "",
    sbom: str = "",
    provenance: str = "",
) -> None:
    """Build the images of the stack by Buildx bake."""
    from . import settings as settings_module
    from .deployment.images.asking import asked
    from .modes.owndocker import docker_mode

    wanted = asked(
        pull=pull, cache=not no_cache, progress=progress, sbom=sbom, provenance=provenance
    )
    settings = settings_module.load().in_environment(environment)
    mode = docker_mode(settings, names(service), names(profile))
    # Two that draw on one terminal draw over each other.
    alone = progress in {"", "quiet"}
    shown = console.step(f"Building {mode.project_name}") if alone else nullcontext()
    with shown as step:
        mode.tell = step.tell if step is not None else console.note
        built = mode.build(wanted)
    console.out(f"Built: {', '.join(built)}" if built else "Nothing to build.")


@task(
    iterable=["service", "profile"],
    help={
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "profile": _PROFILE,
        "format": "text, json or md.",
    },
)
def size(
    c: Context,
    service: list[str],
    profile: list[str],
    format: str = "text",  # noqa: A002 - the option's name
    environment: str = "",
) -> None:
    """Explain each image's size: its layers, what made them, who shares them."""
    from . import settings as settings_module
    from .deployment.images import commands
    from .modes.owndocker import docker_mode

    commands.require_format(format)
    settings = settings_module.load().in_environment(environment)
    mode = docker_mode(settings, names(service), names(profile))
    found = commands.found_by(mode, names(service))
    for line in found.notes:
        console.note(f"note: {line}")
    console.out(commands.shown(found.sizes, format))
