"""`inv swarm.autoscale` on a real Swarm: a load that rises and falls, and what stops it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from tranship.deployment.autoscaling import engineapi, replicas
from tranship.deployment.swarm.engine import manager

from . import ownengine
from .loadedstack import policy, write
from .meteredstack import image
from .ownengine import OwnEngine
from .ownswarm import on, own_swarm
from .projects import PYTHON_IMAGE, Project, free_port, get, until

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

REQUESTS = {"figure": "requests", "target": 10.0, "max": 4, "up_cooldown": 1, "down_cooldown": 1}


class Loaded:
    """The stack of loadedstack on a Swarm of one node."""

    def __init__(self, node: OwnEngine, project: Project, server: str) -> None:
        self.node, self.project = node, project
        self.ports = (free_port(), free_port())
        write(project, server, self.ports)
        policy(project, **REQUESTS, hold=4)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def load(self, rate: int) -> dict[str, Any]:
        """Have so many requests a second from now on."""
        with self.node.entered():
            found: dict[str, Any] = get(self.ports[1], f"/rate/{rate}")
        return found

    def service(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(
            on(self.node, "service", "inspect", f"{self.project.name}_api")
        )
        return found[0]

    def replicas(self) -> int:
        found: int = self.service()["Spec"]["Mode"]["Replicated"]["Replicas"]
        return found

    def words(self, *more: str, url: str = "") -> tuple[str, ...]:
        return ("swarm.autoscale", "--prometheus", url or self.url, "--interval", "1", *more)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    server = image(tmp_path_factory.mktemp("prometheus"))
    with own_swarm(1, PYTHON_IMAGE, server) as (node,):
        root = tmp_path_factory.mktemp("loaded")
        project = node.project(root, root / "environments")
        found = Loaded(node, project, server)
        try:
            project.inv("swarm.deploy").exits(0)
            yield found
        finally:
            for running in project.running:
                running.end()


def test_tasks_follow_a_load_that_rises_and_falls(loaded: Loaded) -> None:
    project, before = loaded.project, loaded.service()["Spec"]
    loaded.load(30)
    running = project.start_inv(*loaded.words("--record", "scaling.jsonl"))

    # What had to wait comes on top of the load, and may ask for a fourth for a while.
    running.until(r"api [12] -> [34]: requests ")
    until(lambda: record(project)[-1]["replicas"] == 3 and calm(project), "three tasks serve")
    assert all(record(project)[-1]["figures"].values()), "a figure by name is not known"
    project.inv("swarm.deploy").exits(0)
    assert loaded.replicas() in {3, 4}, "a deployment took the tasks away"
    loaded.load(5)
    running.until(r"api [432] -> 1: requests ")
    # nsenter, which waits for it, would die of it.
    psutil.Process(running.process.pid).children()[0].send_signal(signal.SIGINT)
    done = running.finish().exits(130)

    assert len(done.out.splitlines()) < len(record(project)), "a line is said once"
    assert before == loaded.service()["Spec"], "more than the count was changed"
    p95 = [(it["replicas"], it["figures"]["p95"]) for it in record(project)]
    alone = max(value for replicas, value in p95 if replicas == 1 and value)
    shared = min(value for replicas, value in p95 if replicas == 3 and value)
    assert alone > 2 * shared, f"the load was none: {p95}"


def record(project: Project) -> list[dict[str, Any]]:
    path = project.root / "scaling.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def calm(project: Project) -> bool:
    """Whether the last three looks found that there are enough."""
    return [it["decision"] for it in record(project)[-3:]] == ["near"] * 3


def test_what_it_does_not_act_on(loaded: Loaded) -> None:
    project, name = loaded.project, f"{loaded.project.name}_api"
    loaded.load(30)
    before = loaded.service()["Version"]

    gone = loaded.words("--once", url="http://127.0.0.1:1")
    project.inv(*gone).exits(5).says("api stays at 1: Prometheus at", "does not answer")
    policy(project, **{**REQUESTS, "figure": "sum(no_such_figure)"})
    project.inv(*loaded.words("--once")).exits(5).says("no sample: the query gives nothing")
    policy(project, **{**REQUESTS, "figure": "rate(http_request_duration_seconds_bucket[5s])"})
    project.inv(*loaded.words("--once")).exits(5).says(" series, not one: aggregate them")
    policy(project, **{**REQUESTS, "figure": "sum("})
    project.inv(*loaded.words("--once")).exits(2).says("parse error")
    policy(project, **{**REQUESTS, "max": 0})
    project.inv(*loaded.words()).exits(2).says('"max": 0 is below min, 1.')
    policy(project, **REQUESTS)
    project.inv(*loaded.words("--once", "--dry-run")).exits(0).says("api would go 1 -> ")
    assert before == loaded.service()["Version"], "it was changed"

    with loaded.node.entered():
        swarm = manager()
        ask = engineapi.asking(swarm)
        seen = replicas.seen(swarm, project.name)["api"]
        told = ask("GET", f"/services/{seen.service.id}", b"")
        on(loaded.node, "service", "update", "--detach", "--label-add", "by=another", name)
        with pytest.raises(replicas.Changed):
            replicas.change(ask, seen, 3)
        # Nor where it is changed after it was read.
        with pytest.raises(replicas.Changed):
            replicas.change(lambda *words: told if words[0] == "GET" else ask(*words), seen, 3)
    assert 1 == loaded.replicas()
    policy(project, **{**REQUESTS, "up_cooldown": 300})
    # The engine remembers the change, and no autoscaler was there to do so.
    project.inv(*loaded.words("--once")).exits(0).says("api stays at 1: requests", "wished, in 2")

    slow = ("--force", "--update-monitor", "60s")
    on(loaded.node, "service", "update", "--detach", *slow, name)
    project.inv(*loaded.words("--once")).exits(0).says("api stays at 1: it is being updated")
