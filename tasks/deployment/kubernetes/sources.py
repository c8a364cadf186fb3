"""The contents of `configs:` and `secrets:`, from wherever the compose file takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ...envmap.project import Project
from ..elsewhere import base_of, variables_of
from .model import FileKind, FileSource

Sources = dict[tuple[FileKind, str], FileSource]


def sources_of(project: Project, document: Mapping[str, Any]) -> Sources:
    """Return every config and secret that the document declares."""
    base, variables = base_of(project), variables_of(project)
    found: Sources = {}
    for kind in get_args(FileKind):
        for name, body in (document.get(f"{kind}s") or {}).items():
            found[kind, name] = _source(kind, name, body or {}, base, variables)
    return found


def _source(
    kind: FileKind, name: str, body: Mapping[str, Any], base: Path, variables: Mapping[str, str]
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
        return FileSource(kind, name, variables[variable].encode())
    return FileSource(kind, name, None, f"the variable {variable} has no value here")
