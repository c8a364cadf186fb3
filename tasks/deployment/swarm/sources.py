"""What is deployed, read from an opened project."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ...envmap.project import Project, open_project
from ...errors import EngineUnavailable
from ...settings import Settings
from ...stack.engine import GET_AN_ENGINE
from ..elsewhere import base_of, chosen_of, document_of, variables_of
from .images import carried, own_images
from .model import Carried, Source
from .options import Options


def opened(settings: Settings, environment: str) -> Project:
    """Return the project in the environment; empty: production, if there is such a layer."""
    known = (settings.layers / "production.json").is_file()
    project = open_project(settings.in_environment(environment or ("production" if known else "")))
    if not project.stack.confirmed:
        raise EngineUnavailable(
            f"No docker command with Compose, which reads the compose files. {GET_AN_ENGINE}"
        )
    return project


def source_of(project: Project, name: str, profiles: tuple[str, ...] = ()) -> Source:
    """Return the services without a profile, and those of the profiles."""
    stack = project.stack
    chosen = chosen_of(stack, profiles)
    return Source(
        name=name,
        document=document_of(project, chosen),
        services=chosen,
        jobs=frozenset(item for item in chosen if stack.expected_to_exit(item)),
        own_images=own_images(stack.name, project.document["services"]),
        left_out={
            item.name: item.profiles
            for item in stack.services.values()
            if item.name not in chosen and item.profiles
        },
        base=base_of(project),
        variables=variables_of(project),
        hidden=project.hidden,
    )


def images_of(
    project: Project, options: Options, profiles: tuple[str, ...] = ()
) -> tuple[Carried, ...]:
    """Return the images of the services, which takes none of the layers' secrets."""
    stack = project.stack
    document = project.document
    own = own_images(stack.name, document["services"])
    chosen = chosen_of(stack, profiles)
    return carried(Source(stack.name, document, chosen, own_images=own), options)


def name_key(path: Path) -> bytes:
    """Return what the names of configs and secrets are made with; made once, for its owner."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_bytes(32)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another command was quicker
        return path.read_bytes()
    with os.fdopen(handle, "wb") as stream:
        stream.write(made)
    return made
