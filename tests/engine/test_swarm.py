"""`inv swarm.*` on a Swarm of three nodes, engines of this module's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import ownengine, swarmshop
from .ownengine import OwnEngine
from .ownswarm import on, own_swarm
from .projects import PYTHON_IMAGE, REPOSITORY, Project, container, free_port, until
from .requestmeter import Meter
from .swarmshop import HEALTH, container_of, everywhere, settings, spec

sys.path.insert(0, str(REPOSITORY / "scripts"))

from bootstrap import registry
from bootstrap.progress import Progress

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

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
    with swarmshop.shop(nodes, tmp_path) as project:
        yield project


def test_a_stack_is_deployed_scaled_rolled_back_and_removed(
    nodes: list[OwnEngine], shop: Project
) -> None:
    manager = nodes[0]
    plain = container("serve", "8000")
    more = {"restart": "always", "healthcheck": HEALTH}
    shop.compose(
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
    (shop.root / "licence.txt").write_text("geheim-licence")
    settings(shop)
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
    own = container_of(manager, f"{shop.name}_api")
    assert "geheim-licence" == on(manager, "exec", own, "cat", "/run/secrets/licence")
    assert 3 == len(on(manager, "exec", own, "python", "-c", ASK).split()), "all nodes are reached"
    shop.inv("swarm.scale", "--service", "store=2").exits(2).says("store writes a named volume")

    before = everywhere(nodes, "ps", "-q", "-f", label)
    failed = shop.inv("swarm.update", "--service", "api", "--image", "no-such:1").exits(4)
    failed.says("api: the update failed and was rolled back", "No such image: no-such:1 (node ")
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


def release(node: OwnEngine, project: Project, number: int) -> None:
    """Build the project's own image on a node."""
    source = f"FROM {PYTHON_IMAGE}\nENV RELEASE={number}\n"
    words = ["docker", "--host", node.host, "build", "--quiet", "--tag", project.name, "-"]
    subprocess.run(words, input=source.encode(), capture_output=True, check=True)


def own(project: Project, **more: Any) -> dict[str, Any]:
    """Return a service of the project's own image, which three nodes are to run."""
    return {
        **container("serve", "8000"),
        "image": project.name,
        "build": ".",
        "restart": "always",
        "healthcheck": HEALTH,
        "deploy": {"replicas": 3, "update_config": {"parallelism": 3}},
        **more,
    }


def test_images_come_through_a_registry_by_their_digest(
    nodes: list[OwnEngine], shop: Project
) -> None:
    manager = nodes[0]
    with (shop.root / "said").open("w") as said:
        image = registry.standin(Progress(shop.root / "log", said))
    manager.load(image)
    closed = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "shop"}
    closed["REGISTRY_AUTH_HTPASSWD_PATH"] = "/htpasswd"
    variables = [word for pair in closed.items() for word in ("-e", "=".join(pair))]
    own_ids = [
        on(manager, "run", "-d", "-p", "5000:5000", image),
        on(manager, "run", "-d", "-p", "5001:5000", *variables, image),
    ]
    with manager.entered():
        until(lambda: answers("http://127.0.0.1:5000/v2/"), "a registry that answers")
    shop.compose({"api": own(shop)})
    settings(shop, resolve="always")
    asked = ("swarm.deploy", "--push", "--tag", "2", "--registry")

    nothing = shop.inv("swarm.deploy", "--push").exits(2)
    nothing.says("Nothing says where images go. Name a registry with --registry")
    shop.inv(*asked, f"{HUB}:5000").exits(4).says(
        f"Not built on this engine: {shop.name}. inv docker.build builds them."
    )
    release(manager, shop, 1)
    done = shop.inv(*asked, f"{HUB}:5000/shop").exits(0)
    assert done.row(f"{HUB}:5000/shop/{shop.name}:2")[1].startswith("sha256:")
    assert done.row("api")[1] == "3/3"
    first = spec(manager, f"{shop.name}_api")["Image"]
    assert f"{HUB}:5000/shop/{shop.name}:2@sha256:" in first
    running = everywhere(nodes, "ps", "-q", "-f", f"name={shop.name}_api")
    assert 3 == len(running)

    # Each leaves what runs as it was.
    inner = on(manager, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", own_ids[0])
    for address, why, mend in (
        (f"{HUB}:5002", "connection refused", f"Is {HUB}:5002 a registry that this engine reaches"),
        (f"{HUB}:5001", "no basic auth credentials", f"`docker login {HUB}:5001` first"),
        (f"{inner}:5000", "server gave HTTP response to HTTPS client", '"insecure-registries"'),
    ):
        refused = shop.inv(*asked, address).exits(4)
        refused.says(f"Pushing {address}/{shop.name}:2 failed", why, mend)
    assert running == everywhere(nodes, "ps", "-q", "-f", f"name={shop.name}_api")

    release(manager, shop, 2)  # the same tag, which then stands for another digest
    shop.inv(*asked, f"{HUB}:5000/shop").exits(0)
    assert first != spec(manager, f"{shop.name}_api")["Image"]
    assert ["2", "2", "2"] == releases(nodes, shop)
    on(manager, "rm", "--force", "--volumes", *own_ids)


def test_images_are_loaded_into_the_nodes_where_no_registry_is(
    nodes: list[OwnEngine], shop: Project
) -> None:
    manager, second, third = nodes
    hosts = {node.folder.name: node.host for node in nodes}
    shop.compose({"api": own(shop)})
    release(manager, shop, 3)  # the nodes have the first two from the registry

    gone = "unix:///run/no-engine.sock"
    settings(shop, {**hosts, third.folder.name: gone})
    failed = shop.inv("swarm.deploy", "--push").exits(4)
    failed.says(f"{third.folder.name} ({gone}): Cannot connect", "Start its engine, or mend")
    assert "" == on(manager, "service", "ls", "-q", "-f", f"name={shop.name}")
    assert shop.name in on(second, "image", "ls"), "a node that answers was passed over"

    settings(shop, {name: host for name, host in hosts.items() if host != third.host})
    told = shop.inv("swarm.push").exits(0)
    told.says(f"note: {third.folder.name}: is in the Swarm and not in [tool.tranship.swarm.nodes]")
    assert ["nothing", "1"] == told.row(second.folder.name)[1:]
    settings(shop, hosts)
    done = shop.inv("swarm.deploy", "--push").exits(0)
    image = done.row(third.folder.name)[1]
    assert image.startswith(f"{shop.name}:latest-")
    assert "nothing" == done.row(manager.folder.name)[1]
    assert ["3"] * 3 == releases(nodes, shop)

    release(manager, shop, 4)
    subprocess.run([*third.prefix, "sh", "-c", third.filling(10 << 20)], check=True)
    try:
        full = shop.inv("swarm.deploy", "--push").exits(4)
    finally:
        third.empty()
    full.says(f"{third.folder.name} ({third.host}): ", "no space left on device. Free some there")
    shop.inv("swarm.deploy").exits(4).says(f"{third.folder.name} lacks {shop.name}:latest-")
    assert ["3"] * 3 == releases(nodes, shop)
    shop.inv("swarm.deploy", "--push").exits(0)
    assert ["4"] * 3 == releases(nodes, shop)
    # The name stands for one content, so that going back is going back.
    shop.inv("swarm.rollback", "--service", "api").exits(0)
    assert image == spec(manager, f"{shop.name}_api")["Image"]
    assert ["3"] * 3 == releases(nodes, shop)


def hardened(command: str = "serve") -> dict[str, dict[str, Any]]:
    """Return three replicas with a secret as a file, and nothing that they need not have."""
    sealed = {
        "read_only": True,
        "tmpfs": ["/tmp:size=8m"],
        "cap_drop": ["ALL"],
        "user": "65534:65534",
        "init": True,
        "networks": ["inner"],
        "pids_limit": 64,
        "mem_limit": "128m",
        "restart": "always",
    }
    quick = {**HEALTH, "interval": "1s", "start_period": "2s", "retries": 1}
    return {
        "api": {
            **container(command, "8000"),
            **sealed,
            "environment": {"WORK": "20000", "LICENCE_FILE": "/run/secrets/licence"},
            "secrets": [{"source": "licence", "uid": "65534", "mode": 0o400}],
            "healthcheck": quick,
            "deploy": {"replicas": 3},
        },
        "meter": {
            **container("wait"),
            **sealed,
            "deploy": {"placement": {"constraints": ["node.role == manager"]}},
        },
    }


def test_updates_of_a_hardened_stack_lose_no_request_and_a_lost_node_few(
    nodes: list[OwnEngine], shop: Project
) -> None:
    """The last of the module: afterwards a node is gone."""
    manager = nodes[0]
    top = {"networks": {"inner": {"internal": True}}}
    secrets = {"licence": {"file": "./licence.txt"}}
    (shop.root / "licence.txt").write_text("geheim-licence")

    def write(command: str = "serve") -> None:
        shop.compose(hardened(command), secrets=secrets, **top)
        settings(shop)

    write()
    done = shop.inv("swarm.deploy", "--strict").exits(0)
    assert ["api", "3/3"] == done.row("api")[:2]
    nobody = "import os; print(os.getuid(), open(os.environ['LICENCE_FILE']).read())"
    own = container_of(manager, f"{shop.name}_api")
    assert "65534 geheim-licence" == on(manager, "exec", own, "python", "-c", nobody)
    inspected = on(manager, "inspect", "-f", "{{.HostConfig.ReadonlyRootfs}}", own)
    assert "true" == inspected

    inside = container_of(manager, f"{shop.name}_meter")
    with Meter(manager, inside, "http://api:8000/work") as meter:
        shop.inv("swarm.update", "--service", "api", "--force").exits(0)
        updated = meter.stop()
    assert updated.sent > 50
    assert updated.missing / updated.sent <= 0.01, updated

    with Meter(manager, inside, "http://api:8000/work") as meter:
        write("unwell")
        shop.inv("swarm.deploy").exits(4).says("api: the update failed and was rolled back")
        failed = meter.stop()
    assert failed.missing / failed.sent <= 0.01, failed

    # Where the tasks are after an update is Swarm's choice.
    label = f"label=com.docker.swarm.service.name={shop.name}_api"
    victim = next(node for node in nodes[1:] if on(node, "ps", "-q", "-f", label))
    with Meter(manager, inside, "http://api:8000/work") as meter:
        os.kill(victim.first, signal.SIGKILL)
        until(lambda: "Down" in on(manager, "node", "ls"), "a node that is known to be lost", 60)
        until(lambda: whole(shop), "three replicas", 60)
        lost = meter.stop()
    assert lost.missing / lost.sent <= 0.1, lost


def whole(project: Project) -> bool:
    """Return whether three replicas run on the nodes that are left."""
    return ["api", "3/3"] == project.inv("swarm.status").row("api")[:2]


HUB = "10.77.0.1"
"""The manager's address, at which the other nodes reach what it publishes."""


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def releases(nodes: list[OwnEngine], project: Project) -> list[str]:
    """Return the releases of the three containers, once the older ones have drained and ended."""
    label = ("-f", f"label=com.docker.swarm.service.name={project.name}_api")
    until(lambda: 3 == len(everywhere(nodes, "ps", "-q", *label)), "three containers")
    script = "import os; print(os.environ['RELEASE'])"
    return [
        on(node, "exec", own, "python", "-c", script)
        for node in nodes
        for own in on(node, "ps", "-q", *label).split()
    ]
