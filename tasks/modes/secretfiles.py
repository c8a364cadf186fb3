"""Secrets as files: a container gets NAME_FILE and a file, and NAME itself nowhere.

Where a service's compose entry has `NAME_FILE: /run/secrets/X` and mounts the secret X, the
value that the mapping gives to NAME is written to a file, and leaves the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..envmap.infer import Variable
from ..errors import UsageError
from ..settings import Settings
from ..stack.isolation import write_private

MOUNTED = "/run/secrets"
SUFFIX = "_FILE"
# The engine mounts the file as it is, whoever the container runs as: all may read it, in a
# folder that none but its owner may enter.
_FILE_MODE, _FOLDER_MODE = 0o444, 0o700


@dataclass(frozen=True)
class _Use:
    service: str
    variable: str
    secret: str


def folder_of(settings: Settings) -> Path:
    """Return where the secrets of the developer's own stack are written."""
    return settings.state_directory / "secrets" / settings.environment


def handed_over(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the document with such values moved to files in `folder`, which are written.

    Raises UsageError for two values of one secret, and for a secret without value or file.
    """
    uses = _all_uses(document)
    values = _taken(document, uses)
    known = document.get("secrets") or {}
    if values:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
    for secret, value in values.items():
        path = folder / secret
        write_private(path, value)
        path.chmod(_FILE_MODE)
        known[secret] = {"file": str(path)}
    for use in uses:
        file = (known.get(use.secret) or {}).get("file")
        if file is not None and not Path(file).is_file():
            raise UsageError(
                f"{use.service}: no secret {use.secret}: {use.variable} is given by nothing, and "
                f"{file} does not exist. Give {use.variable} by envs/mapping.toml and a private "
                "layer, or write the file."
            )
    return document


def as_content(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with such values as the `content` of its secrets; writes nothing.

    For stacks that run elsewhere. Raises UsageError for two values of one secret.
    """
    values = _taken(document, _all_uses(document))
    if values:
        known = dict(document.get("secrets") or {})
        document["secrets"] = known | {key: {"content": value} for key, value in values.items()}
    return document


def _all_uses(document: Mapping[str, Any]) -> list[_Use]:
    return [use for name, body in document["services"].items() for use in _uses(name, body)]


def _taken(document: Mapping[str, Any], uses: Iterable[_Use]) -> dict[str, str]:
    """Take the values from the services' variables; return each secret's."""
    services: Mapping[str, dict[str, Any]] = document["services"]
    values: dict[str, str] = {}
    for use in uses:
        environment = services[use.service].get("environment") or {}
        value = environment.get(use.variable)
        if value is None:
            continue
        if values.setdefault(use.secret, value) != value:
            raise UsageError(
                f"secret {use.secret}: {use.service} has another {use.variable} than a service "
                "before it. Give it a secret of its own."
            )
        del environment[use.variable]
    return values


def expected_as_variables(
    expected: Iterable[Variable], found: Mapping[str, str]
) -> tuple[Variable, ...]:
    """Return what a container is to have as variables: without what it reads from a file."""
    return tuple(
        item for item in expected if item.name in found or f"{item.name}{SUFFIX}" not in found
    )


def _uses(service: str, body: Mapping[str, Any]) -> Iterator[_Use]:
    """Yield the variables of a service whose values are to be in files."""
    mounted = [
        # A name alone, where Compose did not resolve the file.
        {"source": item} if isinstance(item, str) else item
        for item in body.get("secrets") or ()
    ]
    targets = {_target(item): str(item["source"]) for item in mounted}
    for name, value in (body.get("environment") or {}).items():
        if name.endswith(SUFFIX) and value in targets:
            yield _Use(service, name.removesuffix(SUFFIX), targets[value])


def _target(item: Mapping[str, Any]) -> str:
    target = str(item.get("target") or item["source"])
    return target if target.startswith("/") else f"{MOUNTED}/{target}"
