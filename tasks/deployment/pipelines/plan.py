"""What a pipeline is made of: the settings, checked against the stack."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ...envmap.project import open_project
from ...envmap.show import placement_of
from ...errors import SettingsError
from ...settings import CiSettings, Settings
from .install import dependency_files, setup_lines
from .pins import uses

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PYTHON = re.compile(r"3\.\d+")
_TAKEN = {"check", "modes", "compare", "comment", "note"} | {
    *("image", "services", "stages", "types", "before_script", "after_script", "variables"),
    *("cache", "include", "pages", "default", "workflow", "spec"),
}
"""Our own jobs, and the words of GitLab that no job may have as its name."""


@dataclass(frozen=True)
class Plan:
    """One pipeline, whichever the provider."""

    ci: CiSettings
    setup: tuple[str, ...]
    dependencies: tuple[str, ...]
    """Files that the caches of packages depend on."""
    targets: tuple[str, ...]
    """The images whose layers are kept, by the names that Buildx bake gives them."""
    host_network: bool
    """Whether an image is built on the host's network, which a builder has to be allowed."""
    environment: str
    state: str
    """The state folder, relative to the project."""
    uses: dict[str, str]
    """action -> what stands after `uses:`."""

    @property
    def compared(self) -> bool:
        """Whether there are two modes to compare."""
        return len(self.ci.modes) > 1


def plan_of(settings: Settings) -> Plan:
    """Return the plan of these settings. Raises SettingsError or UsageError for what is wrong."""
    ci = settings.ci
    _require(ci)
    project = open_project(settings.in_environment(settings.suite.environment))
    if settings.suite.service is None:
        raise SettingsError(
            "No suite to run in a pipeline: name the compose service that runs it in "
            "[tool.tranship.suite] service."
        )
    for mode in ci.modes:
        placement_of(mode, project.stack, settings.suite.service)
    built = [name for name, service in project.stack.services.items() if service.buildable]
    bodies = [project.document["services"][name].get("build") for name in built]
    return Plan(
        ci,
        setup_lines(settings),
        dependency_files(settings),
        tuple(re.sub(r"[^\w-]", "_", name) for name in sorted(built)) if ci.layers else (),
        any(isinstance(body, dict) and body.get("network") == "host" for body in bodies),
        settings.suite.environment,
        Path(os.path.relpath(settings.state_directory, settings.root)).as_posix(),
        uses(ci.pins),
    )


def _require(ci: CiSettings) -> None:
    def wrong(key: str, why: str) -> SettingsError:
        return SettingsError(f"[tool.tranship.ci] {key}: {why}")

    if not ci.modes or len(set(ci.modes)) < len(ci.modes):
        raise wrong("modes", "name each mode once: local, docker, hybrid:SERVICE,...")
    if not ci.python:
        raise wrong("python", 'name a version, such as ["3.12"].')
    for version in ci.python:
        if not _PYTHON.fullmatch(version):
            raise wrong("python", f'{version!r} is no version of Python, such as "3.12".')
    if ci.repeat < 1 or ci.timeout < 1:
        raise wrong("repeat" if ci.repeat < 1 else "timeout", "a number from 1.")
    for name in ci.commands:
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise wrong("commands", f"{name!r} cannot be the name of a job; take another.")
    for key, words in (("branch", [ci.branch]), ("path", ci.path), ("runs-on", [ci.runs_on])):
        if any(not re.fullmatch(r"[\w./ -]+", word) for word in words):
            raise wrong(key, f"{', '.join(words)!r} has signs that a pipeline would read.")
