"""The stack made ready for the rules: its files, its builds, what the engine has of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...envmap.layers import environments
from ...envmap.project import Project
from ...errors import ComposeFileError
from ...settings import Settings
from . import dockerfile
from .images import present
from .look import Build, Look
from .written import Written

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_DAEMON_SETTINGS = Path("/etc/docker/daemon.json")


def look_at(project: Project, client: DockerClient | None) -> tuple[Look, tuple[str, ...]]:
    """Return what the rules look at, and remarks about what could not be read.

    `client` is None where no engine answers: then nothing is known about images.
    """
    builds, remarks = _builds(project)
    services = project.document.get("services") or {}
    names = {
        str(body.get("image") or f"{project.stack.name}-{name}") for name, body in services.items()
    }
    driver, rotates = _logging(client)
    look = Look(
        root=project.settings.root,
        stack=project.stack,
        document=project.document,
        written=Written.of(project.compose.files),
        overlays=Written.of(_all_files(project.settings, project.compose.files)),
        suite=project.settings.suite.service,
        images=present(client, names) if client is not None else {},
        builds=builds,
        log_driver=driver,
        rotates=rotates,
    )
    return look, remarks


def _all_files(settings: Settings, files: tuple[Path, ...]) -> tuple[Path, ...]:
    known = environments(settings.layers)
    others = (settings.root / settings.overlay.format(environment=name) for name in known)
    return tuple(dict.fromkeys((*files, *(path for path in others if path.is_file()))))


def _builds(project: Project) -> tuple[tuple[Build, ...], tuple[str, ...]]:
    services: Mapping[str, Any] = project.document.get("services") or {}
    base = project.compose.files[0].parent
    named = {
        name: str(body.get("image") or f"{project.stack.name}-{name}")
        for name, body in services.items()
    }
    builds, remarks, seen = [], [], set()
    for name, body in sorted(services.items()):
        build = body.get("build")
        if not build or named[name] in seen:
            continue
        seen.add(named[name])
        details = {"context": build} if isinstance(build, str) else build
        context = Path(base, str(details.get("context", ".")))
        path = context / str(details.get("dockerfile") or "Dockerfile")
        file = None
        if "dockerfile_inline" in details or not context.is_dir():
            remarks.append(f"{name}: its Dockerfile is not a file here, so it was not read.")
        else:
            try:
                file = dockerfile.read(path)
            except ComposeFileError as error:
                remarks.append(f"{name}: {error}")
        users = [each for each, image in named.items() if image == named[name] and each != name]
        target = details.get("target")
        builds.append(Build(named[name], (name, *sorted(users)), context, file, target))
    return tuple(builds), tuple(remarks)


def _logging(client: DockerClient | None) -> tuple[str, bool]:
    """Return the engine's log driver, and whether its settings bound what that writes."""
    from python_on_whales.exceptions import DockerException

    driver = "json-file"
    if client is not None:
        try:
            driver = client.system.info().logging_driver or driver
        except (DockerException, ValueError, TypeError):
            return driver, False
    try:
        # `docker info` does not tell the options; the file is there where the engine is ours.
        options = json.loads(_DAEMON_SETTINGS.read_text(encoding="utf-8")).get("log-opts") or {}
    except (OSError, ValueError, AttributeError):
        return driver, False
    return driver, "max-size" in options
