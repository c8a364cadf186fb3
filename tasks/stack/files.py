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
        key = f"{files[-1]}: services.{name}"
        body["environment"] = _environment(body, base, variables, key)
        body["ports"] = [
            entry for port in body.get("ports") or () for entry in _port(port, f"{key}.ports")
        ]
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
    body: Mapping[str, Any], base: Path, variables: Mapping[str, str], key: str
) -> dict[str, str | None]:
    from dotenv import dotenv_values

    result: dict[str, str | None] = {}
    files = body.get("env_file") or ()
    for entry in [files] if isinstance(files, (str, dict)) else files:
        details = entry if isinstance(entry, dict) else {"path": entry}
        path = base / str(details.get("path", ""))
        if path.is_file():
            result |= dotenv_values(path, interpolate=False)
        elif details.get("required", True):
            raise ComposeFileError(f"{key}.env_file: there is no file {path}.")
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


_WORD = r"[^{}]*"
for _ in range(4):  # braces within braces: ${A:-${B:-${C:-x}}}
    _WORD = rf"(?:[^{{}}]|\{{{_WORD}\}})*"
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    rf"|\{{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<sign>:?[-+?])(?P<word>{_WORD}))?\}}"
    r"|(?P<broken>\{[^}]*\}?))"
)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with ${NAME}, ${NAME:-word} and their kin replaced.

    Raises KeyError with the message of ${NAME:?message} where NAME is missing, and for a
    form that is none of these.
    Source: Compose specification, "Interpolation".
    """

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        if match["bare"]:
            return variables.get(match["bare"], "")
        if match["broken"]:
            raise KeyError(f"{match[0]} is not a variable; a literal dollar is written $$")
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


def dotenv_variables(files: tuple[Path, ...], shell: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Compose interpolates with, from env files that exist.

    Values may refer to earlier ones and to `shell`, and to nothing else of this process.
    """
    from dotenv.parser import parse_stream

    merged: dict[str, str] = {}
    for path in files:
        if not path.is_file():
            continue
        with path.open(encoding="utf-8-sig") as stream:
            for line in parse_stream(stream):
                if line.key is None:
                    continue
                value = line.value or ""
                literal = re.match(r"[^=]*=\s*'", line.original.string)
                known = {**merged, **shell}
                merged[line.key] = value if literal else _interpolated(value, known, path)
    return merged


def allowed_shell(names: tuple[str, ...]) -> dict[str, str]:
    """Return those of this shell's variables that the settings let through."""
    return {name: os.environ[name] for name in names if name in os.environ}
