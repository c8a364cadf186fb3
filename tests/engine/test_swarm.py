"""`inv swarm.*` on a Swarm of three nodes, engines of this module's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import ownengine
from .ownengine import OwnEngine
from .ownswarm import on, own_swarm
from .projects import PYTHON_IMAGE, Project, container, free_port

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

SETTINGS = """
[tool.tranship.swarm]
publish = "host"
endpoint = "dnsrr"
resolve = "never"
monitor = "1s"
"""
"""As it is needed where the kernel has no IP_VS, and no registry answers."""
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
ASK = """
import socket, urllib.request
for address in sorted({item[4][0] for item in socket.getaddrinfo("api", 8000)}):
    urllib.request.urlopen(f"http://{address}:8000/health", timeout=5)
    print(address)
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[OwnEngine]]:
    with own_swarm(3, PYTHON_IMAGE) as engines:
        yield engines


@pytest.fixture
def shop(nodes: list[OwnEngine], tmp_path: Path) -> Iterator[Project]:
    """Return a project of three services whose commands run beside the manager."""
    project = nodes[0].project(tmp_path, tmp_path / "environments")
    plain = container("serve", "8000")
    more = {"restart": "always", "healthcheck": HEALTH}
    project.compose(
        {
            "web": {
                **plain,
                **more,
                "ports": [f"{free_port()}:8000"],
                "environment": {"PRICE": "$5", "API_TOKEN": "geheim-token"},
                "depends_on": {"api": {"condition": "service_healthy"}},
            },
            # Its grace is the default, which the engine tells of services and not of tasks.
            "api": {**plain, **more, "secrets": ["licence"], "stop_grace_period": "10s"},
            "store": {**plain, **more, "volumes": [*plain["volumes"], "data:/data"]},
        },
        secrets={"licence": {"file": "./licence.txt"}},
        volumes={"data": {}},
    )
    (tmp_path / "licence.txt").write_text("geheim-licence")
    with (tmp_path / "pyproject.toml").open("a") as stream:
        stream.write(SETTINGS)
    try:
        yield project
    finally:
        for running in project.running:
            running.end()


def everywhere(nodes: list[OwnEngine], *words: str) -> list[str]:
    return [line for node in nodes for line in on(node, *words).split()]


def spec(node: OwnEngine, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(on(node, "service", "inspect", name))[0]
    inner: dict[str, Any] = found["Spec"]["TaskTemplate"]["ContainerSpec"]
    return inner


def test_a_stack_is_deployed_scaled_rolled_back_and_removed(
    nodes: list[OwnEngine], shop: Project
) -> None:
    manager = nodes[0]
    done = shop.inv("swarm.deploy").exits(0)
    done.says("note: web: depends_on: a Swarm starts all at once")
    assert ["1/1"] * 3 == [done.row(name)[1] for name in ("api", "store", "web")]
    assert "geheim" not in done.text
    assert {"PRICE=$5", "API_TOKEN=geheim-token"} <= set(spec(manager, f"{shop.name}_web")["Env"])
    hosts = dict(line.split() for line in on(manager, "node", "ls", "--format", NODE).splitlines())
    assert hosts["true"] == done.row("store")[2], "the volume's node is the one deployed on"

    before = everywhere(nodes, "ps", "-q")
    shop.inv("swarm.deploy").exits(0)
    assert before == everywhere(nodes, "ps", "-q"), "what did not change was replaced"

    scaled = shop.inv("swarm.scale", "--service", "api=3").exits(0)
    assert ["api", "3/3"] == scaled.row("api")[:2]
    label = f"label=com.docker.swarm.service.name={shop.name}_api"
    (own,) = on(manager, "ps", "-q", "-f", label).split()
    assert "geheim-licence" == on(manager, "exec", own, "cat", "/run/secrets/licence")
    assert 3 == len(on(manager, "exec", own, "python", "-c", ASK).split()), "all nodes are reached"
    shop.inv("swarm.scale", "--service", "store=2").exits(2).says("store writes a named volume")

    before = everywhere(nodes, "ps", "-q", "-f", label)
    failed = shop.inv("swarm.update", "--service", "api", "--image", "no-such:1").exits(4)
    failed.says("api: the update failed and was rolled back", "No such image: no-such:1")
    assert PYTHON_IMAGE == spec(manager, f"{shop.name}_api")["Image"]
    status = shop.inv("swarm.status").exits(0)
    assert ["api", "3/3"] == status.row("api")[:2]
    assert before == everywhere(nodes, "ps", "-q", "-f", label), "what served was replaced"

    shop.inv("swarm.scale", "--service", "web=4", "--timeout", "3").exits(4).says(
        "web: 3 of 4 run, pending", "Free the port on a node"
    )
    back = shop.inv("swarm.rollback", "--service", "web").exits(0)
    assert ["web", "1/1"] == back.row("web")[:2]

    shop.inv("swarm.remove").exits(0).says(f"3 services of {shop.name} are removed")
    assert [] == everywhere(nodes, "ps", "-q")
    assert [] == [on(manager, kind, "ls", "-q") for kind in KINDS if on(manager, kind, "ls", "-q")]
    assert shop.name not in on(manager, "network", "ls")


KINDS = ("service", "config", "secret")
NODE = "{{.ManagerStatus | len | lt 0}} {{.Hostname}}"
"""`true` and the host name of the manager, `false` and that of a worker."""
