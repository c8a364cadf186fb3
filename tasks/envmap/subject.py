"""What the linter and the comparison of environments look at, gathered from a project."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError, near
from ..settings import Settings
from ..stack.engine import kept_shell
from ..stack.envfiles import compose_variables
from ..stack.placement import declared_ports
from ..stack.sources import declarations
from .checks.model import Subject
from .difference import Difference, difference
from .infer import Variable
from .layers import environments
from .project import Project, open_project
from .show import MODES, placement_of

_GIT_SECONDS = 10


def subject_of(project: Project) -> Subject:
    """Return what `env.check` judges: the variables of both pure modes and their sources."""
    settings, compose = project.settings, project.compose
    given = compose_variables(kept_shell(compose.pass_env), compose.env_files)
    return Subject(
        project.envmap,
        declarations(compose, project.stack),
        declared_ports(project.stack),
        resolved(project, "local"),
        resolved(project, "docker"),
        project.document,
        settings.root,
        tracked_files(settings.root),
        frozenset(given),
    )


def resolved(project: Project, mode: str) -> dict[str, tuple[Variable, ...]]:
    """Return the variables of every service that runs in a mode."""
    placement = placement_of(mode, project.stack, project.settings.suite.service)
    ports = declared_ports(project.stack)
    return {name: project.envmap.environment(name, placement, ports) for name in placement.sides}


def tracked_files(root: Path) -> frozenset[Path]:
    """Return the files that git tracks, absolute; none where this is no git checkout."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z"],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    names = listed.stdout.decode(errors="surrogateescape").split("\0")
    return frozenset(root / name for name in names if name)


def compared(
    settings: Settings, left: str, right: str, environment: str, mode: str
) -> tuple[tuple[Difference, ...], Path]:
    """Return what differs between two environments, or two modes of one, and the root.

    Raises UsageError where a name is neither.
    """
    sides: list[Mapping[str, tuple[Variable, ...]]] = []
    for name in (left, right):
        if name in MODES or name.startswith("hybrid:"):
            sides.append(resolved(open_project(settings.in_environment(environment)), name))
        elif name in environments(settings.layers):
            sides.append(resolved(open_project(settings.in_environment(name)), mode))
        else:
            known = (*environments(settings.layers), *MODES)
            raise UsageError(
                f"{name!r} is neither an environment nor a mode{near(name, known)}. "
                f"Known: {', '.join(known)}, hybrid:SERVICE,..."
            )
    return tuple(difference(*sides)), settings.root
