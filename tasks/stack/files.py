"""Reading compose files without an engine.

`docker compose config` is the truth about them; this reader serves where no docker
command is installed, and it finds syntax errors with file and line. It knows one or more
files, interpolation, and the short forms; not `extends` or `include`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ComposeFileError
from .declared import collect
from .interpolation import Given, interpolate
from .yamlfile import collector_paused, read_node, value_of


@collector_paused()
def read_yaml(path: Path) -> dict[str, Any]:
    """Return the document in `path`.

    Raises ComposeFileError with file, line and column for anything that is not a YAML
    mapping, and for a key that stands twice.
    """
    document: dict[str, Any] = value_of(_root(path), path)
    return document


def _root(path: Path) -> Any:
    if not path.exists():
        raise ComposeFileError(
            f"{path}: no such compose file. Name it in [tool.tranship] compose-files."
        )
    return read_node(path)


@collector_paused()
def compose_document(files: tuple[Path, ...], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return one document of the shape that `docker compose config` prints.

    Raises ComposeFileError for what only Compose itself can resolve.
    """
    known = _given(variables)
    base = files[0].parent if files else Path.cwd()
    roots = {path: _root(path) for path in files}
    merged: dict[str, Any] = {}
    for path, root in roots.items():
        document = value_of(root, path)
        if "include" in document:
            raise ComposeFileError(f"{path}: `include` needs the docker command. Install it.")
        merged = _merge(merged, _interpolated(document, known, path))
    services = merged.get("services") or {}
    if not isinstance(services, dict):
        raise ComposeFileError(f"{files[-1]}: services must be a mapping.")
    for name, body in services.items():
        if not isinstance(body, dict):
            raise ComposeFileError(f"{files[-1]}: services.{name} must be a mapping.")
        if "extends" in body:
            raise ComposeFileError(
                f"{files[-1]}: services.{name}.extends needs the docker command. Install it."
            )
    declared = collect(files, known, base, roots)
    for name, body in services.items():
        body["environment"] = {
            variable: each[-1].value
            for variable, each in declared.get(name, {}).items()
            # A name alone in an env_file gives nothing; in `environment` it takes away.
            if each[-1].value is not None or each[-1].kind == "environment"
        }
        key = f"{files[-1]}: services.{name}.ports"
        body["ports"] = [entry for port in body.get("ports") or () for entry in _port(port, key)]
        depends = body.get("depends_on") or {}
        body["depends_on"] = (
            depends if isinstance(depends, dict) else {target: {} for target in depends}
        )
    return merged


def _merge(base: Any, over: Any) -> Any:
    # Compose specification, "Merge": mappings merge, lists append, scalars are replaced.
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            **base,
            **{key: _merge(base[key], over[key]) if key in base else over[key] for key in over},
        }
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *(item for item in over if item not in base)]
    return over


def _port(port: object, key: str) -> list[dict[str, Any]]:
    try:
        return [{**port, "target": int(port["target"])}] if isinstance(port, dict) else _short(port)
    except (KeyError, ValueError) as error:
        raise ComposeFileError(
            f"{key}: {port!r} is not a port. Write it like 8080:80, or `target:` and `published:`."
        ) from error


def _short(port: object) -> list[dict[str, Any]]:
    text, _, protocol = str(port).partition("/")
    *host, target = text.rsplit(":", 2) if text.count(":") > 1 else text.split(":")
    published = host[-1] if host else None
    if "-" in target:
        low, high = (int(part) for part in target.split("-"))
        starts = int(published.split("-")[0]) if published else None
        return [
            {
                "target": low + offset,
                "published": str(starts + offset) if starts else None,
                "host_ip": host[0] if len(host) > 1 else None,
                "protocol": protocol or "tcp",
            }
            for offset in range(high - low + 1)
        ]
    return [
        {
            "target": int(target),
            "published": published,
            "host_ip": host[0] if len(host) > 1 else None,
            "protocol": protocol or "tcp",
        }
    ]


def _given(variables: Mapping[str, str]) -> dict[str, Given]:
    """Return plain variables as the interpolation takes them."""
    return {name: Given(value) for name, value in variables.items()}


def _interpolated(value: Any, variables: Mapping[str, Given], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, variables, path) for item in value]
    if isinstance(value, str) and "$" in value:
        try:
            return interpolate(value, variables)[0]
        except ComposeFileError as error:
            raise ComposeFileError(f"{path}: {error}.") from error
    return value
