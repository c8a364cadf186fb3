"""Reading compose files without an engine.

`docker compose config` is the truth about them; this reader serves where no docker
command is installed, and it finds syntax errors with file and line. It knows one or more
files, interpolation, and the short forms; not `extends` or `include`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ComposeFileError


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the document in `path`.

    Raises ComposeFileError with file, line and column for anything that is not a YAML mapping.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ComposeFileError(
            f"{path}: no such compose file. Name it in [tool.tranship] compose-files."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ComposeFileError(f"{path}: cannot be read: {error}.") from error
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=_tolerant(loader))  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ComposeFileError(f"{path}{line}: {error.problem or 'not valid YAML'}.") from error
    except yaml.YAMLError as error:
        raise ComposeFileError(f"{path}: not valid YAML: {error}.") from error
    if not isinstance(document, dict):
        raise ComposeFileError(f"{path}: the top level must be a mapping with `services:`.")
    return document


def _tolerant(loader: type[Any]) -> type[Any]:
    """Return the loader taught that Compose's !reset and !override are plain values."""

    def plain(self: Any, node: Any) -> Any:
        builders = {
            "mapping": lambda: self.construct_mapping(node, deep=True),
            "sequence": lambda: self.construct_sequence(node, deep=True),
            "scalar": lambda: self.construct_scalar(node),
        }
        return builders[node.id]()

    taught = type("ComposeLoader", (loader,), {})
    taught.add_constructor("!override", plain)  # type: ignore[attr-defined]
    taught.add_constructor("!reset", lambda *_: None)  # type: ignore[attr-defined]
    return taught


def compose_document(files: tuple[Path, ...], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return one document of the shape that `docker compose config` prints.

    Raises ComposeFileError for what only Compose itself can resolve.
    """
    merged: dict[str, Any] = {}
    for path in files:
        document = read_yaml(path)
        if "include" in document:
            raise ComposeFileError(f"{path}: `include` needs the docker command. Install it.")
        merged = _merge(merged, _interpolated(document, variables, path))
    base = files[0].parent if files else Path.cwd()
    for name, body in (merged.get("services") or {}).items():
        if not isinstance(body, dict):
            raise ComposeFileError(f"{files[-1]}: services.{name} must be a mapping.")
        if "extends" in body:
            raise ComposeFileError(
                f"{files[-1]}: services.{name}.extends needs the docker command. Install it."
            )
        body["environment"] = _environment(body, base, variables)
        body["ports"] = [entry for port in body.get("ports") or () for entry in _port(port)]
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


def _environment(
    body: Mapping[str, Any], base: Path, variables: Mapping[str, str]
) -> dict[str, str | None]:
    from dotenv import dotenv_values

    result: dict[str, str | None] = {}
    files = body.get("env_file") or ()
    for entry in [files] if isinstance(files, (str, dict)) else files:
        path = base / (entry["path"] if isinstance(entry, dict) else entry)
        if path.is_file():
            result |= dotenv_values(path, interpolate=False)
    declared = body.get("environment") or {}
    pairs: dict[str, Any] = (
        declared
        if isinstance(declared, dict)
        else {
            name: value if sign else None
            for name, sign, value in (str(item).partition("=") for item in declared)
        }
    )
    for name, value in pairs.items():
        if value is None:
            result[name] = variables.get(name)
        else:
            result[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return result


def _port(port: object) -> list[dict[str, Any]]:
    if isinstance(port, dict):
        return [port]
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


_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<sign>:?[-+?])(?P<word>(?:[^{}]|\{[^{}]*\})*))?\})"
)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with ${NAME}, ${NAME:-word} and their kin replaced.

    Raises KeyError with the message of ${NAME:?message} where NAME is missing.
    Source: Compose specification, "Interpolation".
    """

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        if match["bare"]:
            return variables.get(match["bare"], "")
        value, sign = variables.get(match["name"]), match["sign"] or ""
        missing = not value if sign.startswith(":") else value is None
        if sign.endswith("-"):
            return interpolate(match["word"], variables) if missing else value or ""
        if sign.endswith("+"):
            return "" if missing else interpolate(match["word"], variables)
        if sign.endswith("?") and missing:
            raise KeyError(f"{match['name']}: {match['word'] or 'is required'}")
        return value or ""

    return _VARIABLE.sub(replaced, text)


def _interpolated(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, variables, path) for item in value]
    if isinstance(value, str) and "$" in value:
        try:
            return interpolate(value, variables)
        except KeyError as error:
            raise ComposeFileError(f"{path}: {error.args[0]}.") from error
    return value


def dotenv_variables(files: tuple[Path, ...]) -> dict[str, str]:
    """Return the variables that Compose interpolates with, from env files that exist."""
    from dotenv import dotenv_values

    merged: dict[str, str] = {}
    for path in files:
        if path.is_file():
            merged |= {key: value or "" for key, value in dotenv_values(path).items()}
    return merged


def allowed_shell(names: tuple[str, ...]) -> dict[str, str]:
    """Return those of this shell's variables that the settings let through."""
    return {name: os.environ[name] for name in names if name in os.environ}
