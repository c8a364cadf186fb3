"""Projects whose commands run beside the manager of a test's own Swarm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .ownengine import OwnEngine
from .ownswarm import on
from .projects import Project

SETTINGS = """
[tool.tranship.swarm]
publish = "host"
endpoint = "dnsrr"
resolve = "{resolve}"
monitor = "1s"
"""
"""As it is needed where the kernel has no IP_VS."""
HEALTH = {
    "test": [
        "CMD",
        "python",
        "-c",
        "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health')",
    ],
    "interval": "2s",
    "start_period": "20s",
    "start_interval": "200ms",
}


@contextmanager
def shop(nodes: list[OwnEngine], root: Path) -> Iterator[Project]:
    """Yield a project without files yet; its commands end with the block."""
    project = nodes[0].project(root, root / "environments")
    try:
        yield project
    finally:
        for running in project.running:
            running.end()
        on(nodes[0], "stack", "rm", project.name)


def settings(
    project: Project, nodes: Mapping[str, str] | None = None, resolve: str = "never"
) -> None:
    """Write the table of the Swarm in the place of the last one."""
    path = project.root / "pyproject.toml"
    kept = path.read_text().split("\n[tool.tranship.swarm]")[0]
    named = "".join(f'"{name}" = "{address}"\n' for name, address in (nodes or {}).items())
    table = f"[tool.tranship.swarm.nodes]\n{named}" if nodes else ""
    path.write_text(f"{kept}{SETTINGS.format(resolve=resolve)}{table}")


def everywhere(nodes: list[OwnEngine], *words: str) -> list[str]:
    """Return what a docker command prints on all the nodes, word by word."""
    return [word for node in nodes for word in on(node, *words).split()]


def spec(node: OwnEngine, name: str) -> dict[str, Any]:
    """Return what a service's containers are made of."""
    found: dict[str, Any] = json.loads(on(node, "service", "inspect", name))[0]
    inner: dict[str, Any] = found["Spec"]["TaskTemplate"]["ContainerSpec"]
    return inner


def container_of(node: OwnEngine, service: str) -> str:
    """Return the only container of a service on a node."""
    label = f"label=com.docker.swarm.service.name={service}"
    (found,) = on(node, "ps", "-q", "-f", label).split()
    return found
