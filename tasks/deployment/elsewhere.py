"""The part of a project that is to run elsewhere: services, their document, its contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..envmap.project import Project
from ..envmap.show import placement_of
from ..errors import UsageError, near
from ..modes.secretfiles import as_content
from ..stack.engine import kept_shell
from ..stack.envfiles import compose_variables
from ..stack.model import Stack
from ..stack.placement import declared_ports


def chosen_of(stack: Stack, profiles: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the services without a profile, and those of the profiles.

    Raises UsageError for a profile that no service has.
    """
    wanted = tuple(profiles)
    known = sorted({name for service in stack.services.values() for name in service.profiles})
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"No profile {name!r}{near(name, known)}. Profiles: {', '.join(known) or 'none'}."
            )
    return tuple(sorted(service.name for service in stack.selected((), wanted)))


def document_of(project: Project, names: Iterable[str]) -> dict[str, Any]:
    """Return the document as docker mode has it; secrets of files have their `content`."""
    stack = project.stack
    placement, ports = placement_of("docker", stack), declared_ports(stack)
    return as_content(project.document_for(placement, ports, names=names))


def base_of(project: Project) -> Path:
    """Return the folder that relative paths of the compose files start from."""
    files = project.stack.files
    return files[0].parent if files else project.settings.root


def variables_of(project: Project) -> Mapping[str, str]:
    """Return what Compose itself would take for `environment: NAME` of a config or secret."""
    own = project.compose
    files = own.env_files or (base_of(project) / ".env",)
    return {
        name: it.value for name, it in compose_variables(kept_shell(own.pass_env), files).items()
    }
