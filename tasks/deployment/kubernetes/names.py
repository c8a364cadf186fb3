"""Names and labels: what Kubernetes allows, and what every object carries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ...errors import ComposeFileError

# RFC 1035: a Service's name, which begins with a letter (before Kubernetes 1.34 it must).
_DNS_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
LONGEST = 63
NOT_IN_NAMES = "lower-case letters, digits and dashes, from a letter on, at most 63"


def require_service_names(names: Iterable[str]) -> None:
    """Return when all can be names of Services, under which others dial them.

    Raises ComposeFileError with what to rename: a name that was changed silently would leave
    every address that holds it leading nowhere.
    """
    for name in names:
        if not _DNS_NAME.fullmatch(name):
            raise ComposeFileError(
                f"services.{name}: cannot be a Service of Kubernetes: its name is an address, of "
                f"{NOT_IN_NAMES}. Rename it to {object_name(name)!r} in the compose files and the "
                "mapping."
            )


def require_variables(service: str, names: Iterable[str]) -> None:
    """Return when all can be keys of a ConfigMap that a container takes its variables from."""
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ComposeFileError(
                f"services.{service}: {name!r} cannot be a variable in Kubernetes: letters, "
                "digits, `_`, `.` and `-`, and no digit first. Rename it."
            )


def object_name(written: str) -> str:
    """Return the nearest name that Kubernetes allows, of something that nobody dials."""
    plain = re.sub(r"[^a-z0-9]+", "-", written.lower()).strip("-")
    return (plain if plain[:1].isalpha() else f"n-{plain}")[:LONGEST].rstrip("-")


def object_names(written: Iterable[str], what: str) -> dict[str, str]:
    """Return name -> name in Kubernetes; raises ComposeFileError where two become one."""
    found: dict[str, str] = {}
    for name in written:
        made = object_name(name)
        other = next((old for old, new in found.items() if new == made and old != name), None)
        if other is not None:
            raise ComposeFileError(
                f"{what}.{name} and {what}.{other} are both {made!r} in Kubernetes. Rename one."
            )
        found[name] = made
    return found


def selector(project: str, service: str) -> dict[str, str]:
    """Return what finds the pods of a service, and never changes."""
    return {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/part-of": object_name(project),
    }


def labels(project: str, service: str) -> dict[str, str]:
    """Return the labels of every object of a service."""
    return {**selector(project, service), "app.kubernetes.io/managed-by": "tranship"}


def metadata(
    project: str, service: str, name: str, annotations: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Return the metadata of one object."""
    found: dict[str, object] = {"name": name, "labels": labels(project, service)}
    return {**found, "annotations": dict(annotations)} if annotations else found
