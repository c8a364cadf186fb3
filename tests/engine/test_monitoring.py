"""A real Prometheus beside a stack: targets, queries, alerts, and nothing left behind."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tranship.deployment.monitoring.prometheus import Prometheus

from .conftest import NewProject
from .meteredstack import files_of, image, metered, settings, write
from .projects import PYTHON_IMAGE, Project, base_image, docker, free_port, get, until

REDIS_IMAGE = base_image("REDIS_IMAGE", "redis:7")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    return image(tmp_path_factory.mktemp("prometheus"))


@pytest.fixture(scope="module")
def watched(module_project: NewProject, server: str) -> Iterator[tuple[Project, int, int]]:
    """Yield a stack that is up with the ports of web and Prometheus, and remove both after."""
    project = module_project()
    web, _, port = write(project, server)
    try:
        project.inv("docker.up").exits(0)
        yield project, web, port
    finally:
        for item in left_of_monitoring(project):
            kind, name = item.split()
            options = ["--force", "--volumes"] if kind == "container" else []
            docker(kind, "rm", *options, name, check=False)


def left_of_monitoring(project: Project) -> list[str]:
    found = []
    for kind, more in (("container", ["--all"]), ("network", []), ("volume", [])):
        label = f"label=com.docker.compose.project={project.name}-monitoring"
        names = docker(kind, "ls", "--quiet", *more, "--filter", label).split()
        found += [f"{kind} {name}" for name in names]
    return found


def fires(server: Prometheus, *wanted: tuple[str, str]) -> bool:
    """Return whether all of these (alert, service) fire."""
    found = {(it.name, it.labels["service"]) for it in server.alerts() if it.state == "firing"}
    return found >= set(wanted)


def test_what_cannot_be_watched_is_said_in_one_line_and_leaves_nothing(
    watched: tuple[Project, int, int],
) -> None:
    project, web, _ = watched
    images = project.root / ".tranship/images.env"
    kept = {
        path: path.read_text()
        for path in (images, project.compose_file, *project.root.glob("*.toml"))
    }
    try:
        project.inv("monitor.query", "up").exits(4).says("Prometheus is not up", "inv monitor.up")
        settings(project, port=web, interval=1.0)
        project.inv("monitor.up").exits(4).says(
            f"Port {web} (for prometheus) is taken", "[tool.tranship.monitoring] port"
        )
        settings(project, port=free_port(), interval=1.0)
        images.write_text("PROMETHEUS_IMAGE=absent/prometheus:0\n")
        project.inv("monitor.up").exits(4).says("absent/prometheus:0", "setup --monitoring")
        # A server that knows no such option, and ends at once.
        images.write_text(f"PROMETHEUS_IMAGE={REDIS_IMAGE}\nPYTHON_IMAGE={PYTHON_IMAGE}\n")
        project.inv("monitor.up").exits(4).says("tranship-prometheus ended", "Its last lines")
        document = yaml.safe_load(project.compose_file.read_text())
        for body in document["services"].values():
            del body["x-tranship"]["metrics"]
        project.compose_file.write_text(yaml.safe_dump(document))
        project.inv("monitor.up").exits(2).says("No service has metrics", "x-tranship")
    finally:
        for path, text in kept.items():
            path.write_text(text)

    assert [it for it in left_of_monitoring(project) if "volume" not in it] == []


def test_a_stack_is_watched_a_death_is_told_and_nothing_is_left(
    watched: tuple[Project, int, int],
) -> None:
    project, web, port = watched

    project.inv("monitor.up").exits(0).says("reads 3 of 3 targets")

    status = project.inv("monitor.status").exits(0)
    assert [status.row(name)[2] for name in ("web", "jobs", "containers")] == ["up"] * 3
    project.inv("monitor.alerts").exits(0).says("rules, and no alert")
    project.inv("monitor.query", 'sum(up{job="services"})').exits(0).says("2")
    project.inv("monitor.query", "sum(").exits(2).says("Prometheus:", "parse error")
    shown = project.inv("monitor.query", 'up{service="web"}', "--range", "5s", "--step", "1s")
    shown.exits(0).says("first", "course", 'service="web"')
    with Prometheus(f"http://127.0.0.1:{port}") as server:
        limits = server.query("container_spec_memory_limit_bytes").series
        assert {it.labels["service"]: it.points[0][1] for it in limits} == {
            "web": 64 << 20,
            "jobs": 64 << 20,
        }
        used = server.query("container_memory_working_set_bytes").series
        assert all(1 << 20 < it.points[0][1] < 64 << 20 for it in used)
        for panel in dashboard(project)["panels"]:
            server.query(panel["targets"][0]["expr"])  # raises for what is no query

        for _ in range(20):
            with pytest.raises(urllib.error.HTTPError):
                get(web, "/fail")
        until(lambda: fires(server, ("FailingService", "web")), "errors were noticed")
        docker("kill", project.container("jobs")["Id"])
        until(
            lambda: fires(server, ("ServiceDown", "jobs"), ("ContainerDown", "jobs")),
            "the death was noticed",
        )
    project.inv("monitor.alerts").exits(3).says("ServiceDown", "jobs", "firing")
    project.inv("monitor.status").exits(4).says("Not read: jobs.")
    assert len(project.containers()) == 2  # the stack is as it was

    project.inv("docker.down").exits(0)
    project.inv("monitor.down", "--volumes").exits(0)
    assert left_of_monitoring(project) == []
    assert project.left() == []
    project.inv("monitor.up").exits(4).says("is not up", "inv docker.up")


def dashboard(project: Project) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    path = project.root / ".tranship/monitoring/grafana/dashboards/stack.json"
    found: dict[str, list[dict[str, list[dict[str, str]]]]] = json.loads(path.read_text())
    return found


def test_promtool_accepts_what_is_written_and_its_tests_of_the_rules_pass(
    new_project: NewProject, server: str, tmp_path: Path
) -> None:
    project = new_project()
    project.compose({"web": metered(8000), "jobs": metered(8001)})
    settings(project, interval=15.0, window=60.0, hold=30.0)
    for name, text in files_of(project).items():
        if name.startswith("prometheus/"):
            (tmp_path / Path(name).name).write_text(text)
    (tmp_path / "tests.yml").write_text(
        (Path(__file__).parent / "alerts-tests.yml").read_text().replace("STACK", project.name)
    )
    tmp_path.chmod(0o755)
    base = ["run", "--rm", "--network", "none", "--entrypoint", "promtool"]
    base += ["--volume", f"{tmp_path}:/etc/prometheus:ro", server]

    checked = docker(*base, "check", "config", "/etc/prometheus/prometheus.yml")
    assert "SUCCESS: 8 rules found" in checked
    assert "SUCCESS" in docker(*base, "check", "rules", "/etc/prometheus/alerts.yml")
    assert "SUCCESS" in docker(*base, "test", "rules", "/etc/prometheus/tests.yml")
