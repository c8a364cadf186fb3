"""Athena, the example stack, on the ports that its table promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .projects import REPOSITORY, Project, docker, get, ports_free, shell_environment, until

PORTS = {
    "data-service": 8000,
    "risk-service": 8001,
    "executor-service": 8002,
    "strategy-service": 8003,
    "frontend": 3000,
    "postgres": 5432,
    "redis": 6379,
}


@pytest.fixture(scope="module")
def athena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return the repository itself as a project, its stack down before and after."""
    taken = [port for port in PORTS.values() if not ports_free(port)]
    if taken:
        pytest.skip(f"the example stack's ports are taken: {', '.join(map(str, taken))}")
    project = Project(REPOSITORY, "athena", tmp_path_factory.getbasetemp() / "environments")
    project.environment = shell_environment()
    volumes = set(project.volumes())
    if project.containers():
        pytest.skip("the example stack is up, or was left")
    try:
        yield project
    finally:
        # The volumes are a developer's, unless this test made them.
        project.inv("docker.down")
        for running in project.running:
            running.end()
        for volume in set(project.volumes()) - volumes:
            docker("volume", "rm", volume, check=False)


def test_up_publishes_the_ports_of_the_table(athena: Project) -> None:
    done = athena.start_inv("docker.up").finish(400).exits(0)
    for service, port in PORTS.items():
        assert f"127.0.0.1:{port}" == done.row(service)[3]
    for port in (8000, 8001, 8002, 8003, 3000):
        until(lambda port=port: get(port), f"an answer on {port}")
    assert "yes" == athena.inv("docker.health").exits(0).row("postgres")[1]


def test_down_frees_them_and_keeps_the_data(athena: Project) -> None:
    athena.inv("docker.down").exits(0)
    assert [] == athena.containers()
    assert ports_free(*PORTS.values())
    assert {"athena_postgres-data", "athena_redis-data"} <= set(athena.volumes())
