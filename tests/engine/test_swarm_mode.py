"""The mode swarm of `nox -s compare` on three nodes, engines of this module's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import ownengine
from .ownengine import OwnEngine
from .ownswarm import on, own_swarm
from .projects import PYTHON_IMAGE, Project, container, free_port, suite_of, until
from .swarmshop import HEALTH, settings

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

CHECKS = """
    import os, time, urllib.request
    from pathlib import Path

    def answers():
        try:
            with urllib.request.urlopen(os.environ["WEB_URL"] + "/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def test_answers():
        assert answers()

    def test_answers_all_along():
        lost = 0
        while Path("/project/hold").exists():
            lost += not answers()
            time.sleep(0.1)
        assert lost == 0, "requests were lost"

    def test_answers_in_the_end():
        assert answers()
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[OwnEngine]]:
    with own_swarm(3, PYTHON_IMAGE) as engines:
        # A node is lost after three heartbeats, of 5 s each where nobody says so.
        on(engines[0], "swarm", "update", "--dispatcher-heartbeat", "1s")
        on(engines[0], "service", "create", "--detach", "--name", "other", PYTHON_IMAGE, *IDLE)
        yield engines


IDLE = ("python", "-c", "import time; time.sleep(3600)")


@pytest.fixture(scope="module")
def project(
    nodes: list[OwnEngine], suite_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Return a project whose published service runs on a node that can be lost."""
    root = tmp_path_factory.mktemp("shop")
    project = nodes[0].project(root, tmp_path_factory.mktemp("environments"))
    plain = {**container("serve", "8000"), "restart": "always"}
    probe = {"x-tranship": {"health": {"http": "/health"}}}
    project.compose(
        {
            # Workers have this image by being loaded with it, and nothing else.
            "web": {
                **{key: value for key, value in plain.items() if key != "image"},
                **probe,
                "build": {"context": ".", "dockerfile_inline": f"FROM {PYTHON_IMAGE}\nENV OWN=1\n"},
                "healthcheck": HEALTH,
                "ports": [f"{free_port()}:8000"],
                "deploy": {
                    "placement": {"constraints": ["node.role == worker"]},
                    "restart_policy": {"condition": "any", "delay": "0s"},
                },
            },
            # No health check of the engine's: that it answers is asked from within.
            "api": {
                **plain,
                **probe,
                "expose": ["8000"],
                "volumes": [*plain["volumes"], "data:/data"],
                "secrets": ["licence"],
            },
            # Has the network on every node: to join it takes 10 s while one of them is lost.
            "everywhere": {**plain, "deploy": {"mode": "global"}},
            # A name without a task is asked for outside, where nobody answers.
            "tests": suite_of(suite_packages, RES_OPTIONS="timeout:1 attempts:1"),
        },
        suite={"service": "tests", "paths": ["checks"], "timeout": 60},
        secrets={"licence": {"file": "./licence.txt"}},
        volumes={"data": {}},
    )
    (root / "licence.txt").write_text("geheim-licence")
    settings(project, {node.folder.name: node.host for node in nodes})
    try:
        yield project.checks(CHECKS)
    finally:
        for running in project.running:
            running.end()


def left(node: OwnEngine) -> list[str]:
    """Return what runs left on the Swarm, and on this node."""
    found = []
    for kind in ("service", "secret", "config", "network", "volume", "container"):
        words = ["ls", *(["--all"] if kind == "container" else [])]
        form = "{{.Names}}" if kind == "container" else "{{.Name}}"
        listed = on(node, kind, *words, "--format", form).split()
        found += [f"{kind} {it}" for it in listed if it.startswith("tranship-")]
    return found


def node_of(nodes: list[OwnEngine], service: str) -> OwnEngine | None:
    """Return the node that runs the only task of a service of the run's stack."""
    names = on(nodes[0], "service", "ls", "--format", "{{.Name}}").split()
    found = next(name for name in names if name.endswith(f"_{service}"))
    form = "{{.Node}} {{.CurrentState}}"
    wanted = ("--filter", "desired-state=running", "--format", form)
    tasks = [line.split() for line in on(nodes[0], "service", "ps", *wanted, found).splitlines()]
    hosts = {on(node, "info", "--format", "{{.Name}}"): node for node in nodes if node.lives}
    running = [hosts[host] for host, state, *_ in tasks if state == "Running" and host in hosts]
    return running[0] if running else None


def test_what_a_killed_run_left_is_removed_and_nothing_else(
    nodes: list[OwnEngine], project: Project
) -> None:
    (project.root / "hold").touch()
    running = project.start_nox("-s", "compare", "--", "--modes", "swarm,docker")
    running.until("test_answers PASSED")
    assert any(item.startswith("secret") for item in left(nodes[0]))
    running.signal(signal.SIGKILL, group=True)
    running.end()
    (project.root / "hold").unlink()

    project.inv("docker.down").exits(0).says("Removed what runs that died had left")

    assert [] == left(nodes[0])
    assert "other" == on(nodes[0], "service", "ls", "--format", "{{.Name}}")


def test_a_worker_is_told_from_a_manager(nodes: list[OwnEngine], project: Project) -> None:
    refused = project.start_nox(
        *("-s", "compare", "--", "--modes", "docker,swarm"), DOCKER_HOST=nodes[1].host
    ).finish()

    refused.exits(4).says("error: This engine is a worker of its Swarm. Name a manager")
    assert "docker: preparing" not in refused.text, "it cost a run"


def test_a_node_is_lost_while_the_suite_runs(nodes: list[OwnEngine], project: Project) -> None:
    running = project.start_nox("-s", "compare", "--", "--modes", "docker,swarm")
    running.until("swarm: preparing")
    (project.root / "hold").touch()
    running.until("swarm: running the suite")
    until(lambda: running.text.count("test_answers PASSED") == 2, "the suite's first test")
    lost = node_of(nodes, "web")
    assert lost is not None
    assert lost is not nodes[0]
    lost.lose()
    until(lambda: node_of(nodes, "web") not in (None, lost), "web on another node", 60)
    (project.root / "hold").unlink()

    done = running.finish().exits(1)

    done.says("Tests that differ: 1", "requests were lost", "Service level during the suite")
    level = project.record("swarm")["levels"][0]
    assert ("web", 1) == (level["service"], level["replaced"])
    assert 0 < level["lost"] < level["requests"]
    assert 1 < level["longest_gap_seconds"] < 60
    done.says(f"{level['lost']} of {level['requests']} requests to web lost on swarm, longest gap")
    services = project.record("swarm")["services"]
    assert services["web"]["memory_bytes"] is None, "it ran on another node"
    assert services["everywhere"]["memory_bytes"] is None, "it has several tasks"
    assert services["api"]["memory_bytes"] > 0
    assert services["web"]["health"]["passed"] == services["web"]["health"]["samples"]
    assert [] == left(nodes[0])
    assert "geheim" not in done.text
