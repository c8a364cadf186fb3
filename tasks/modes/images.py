"""Images: what is missing, and pulled; what has to be built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ImagesMissing
from ..stack.engine import error_text
from ..stack.isolation import write_private

if TYPE_CHECKING:
    from python_on_whales import DockerClient


@dataclass(frozen=True)
class Plan:
    """What has to be there before a start."""

    build: tuple[str, ...]
    """One service for each image that is built: building one image five times is five builds."""
    pull: Mapping[str, str]
    """Service -> image, for those that are not built."""


def plan(document: Mapping[str, Any], project: str, wanted: Iterable[str]) -> Plan:
    """Return what these services need; another service may be the one that builds an image."""
    services = document["services"]
    builders: dict[str, str] = {}
    for name, body in sorted(services.items()):
        if body.get("build"):
            builders.setdefault(_image(project, name, body), name)
    chosen: dict[str, None] = {}
    pull = {}
    for name in sorted(wanted):
        image = _image(project, name, services[name])
        if image in builders:
            chosen[builders[image]] = None
        elif services[name].get("image"):
            pull[name] = image
    return Plan(tuple(chosen), pull)


def _image(project: str, name: str, body: Mapping[str, Any]) -> str:
    # Compose names an image that has no name `<project>-<service>`.
    return str(body.get("image") or f"{project}-{name}")


def pull_missing(
    client: DockerClient, services: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    """Pull the images that services need and the engine does not have.

    `services` maps service -> image and holds no service that is built.
    Raises ImagesMissing with every image that could not be had, in one message.
    """
    from python_on_whales.exceptions import DockerException

    users: dict[str, list[str]] = {}
    for service, image in services.items():
        users.setdefault(image, []).append(service)
    absent = [image for image in users if not client.image.exists(image)]
    failed: dict[str, str] = {}
    for image in absent:
        tell(f"pulling {image}")
        try:
            client.image.pull(image, quiet=True)
        except DockerException as error:
            failed[image] = error_text(error)
    if failed:
        lines = [
            f"  {image} (for {', '.join(users[image])}): {reason}"
            for image, reason in failed.items()
        ]
        raise ImagesMissing(
            "Images that are neither present nor buildable, and cannot be pulled:\n"
            + "\n".join(lines)
            + "\nPull or load them, name others in the compose file's variables, or on Debian "
            "run `scripts/run setup`, which builds stand-ins."
        )


def ensure_build_secrets(document: Mapping[str, Any], state_directory: Path) -> None:
    """Make empty files for the build secrets in the state folder that do not exist.

    They are optional by `required=false`, which Compose knows only inside the Dockerfile.
    """
    for secret in (document.get("secrets") or {}).values():
        name = (secret or {}).get("file")
        if name and Path(name).is_relative_to(state_directory) and not Path(name).exists():
            write_private(Path(name), "")
