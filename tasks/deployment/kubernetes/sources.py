"""The contents of `configs:` and `secrets:`, from wherever the compose file takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ...envmap.project import Project
from ...stack.engine import kept_shell
from ...stack.envfiles import compose_variables
from ...stack.interpolation import Given
from .model import FileKind, FileSource

Sources = dict[tuple[FileKind, str], FileSource]


def base_of(project: Project) -> Path:
    """Return the folder that relative paths of the compose files start from."""
    files = project.stack.files
    return files[0].parent if files else project.settings.root


def sources_of(project: Project, document: Mapping[str, Any]) -> Sources:
    """Return every config and secret that the document declares."""
    base = base_of(project)
    # What Compose itself would take for `environment: NAME`.
    own = project.compose
    variables = compose_variables(kept_shell(own.pass_env), own.env_files or (base / ".env",))
    found: Sources = {}
    for kind in get_args(FileKind):
        for name, body in (document.get(f"{kind}s") or {}).items():
            found[kind, name] = _source(kind, name, body or {}, base, variables)
    return found


def _source(
    kind: FileKind, name: str, body: Mapping[str, Any], base: Path, variables: Mapping[str, Given]
) -> FileSource:
    if body.get("content") is not None:
        return FileSource(kind, name, str(body["content"]).encode())
    if body.get("file"):
        path = base / body["file"]
        try:
            return FileSource(kind, name, path.read_bytes())
        except OSError as error:
            return FileSource(kind, name, None, f"{path.name}: {error.strerror}")
    if body.get("external"):
        return FileSource(kind, name, None, "external")
    variable = str(body.get("environment") or "")
    if variable in variables:
        return FileSource(kind, name, variables[variable].value.encode())
    return FileSource(kind, name, None, f"the variable {variable} has no value here")
