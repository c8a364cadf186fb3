"""Gates that a real Prometheus decides: it reads the services of both modes while they run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tranship.deployment.monitoring.prometheus import Prometheus

from .conftest import NewProject
from .meteredstack import METERED, image, metered
from .projects import Project, docker, free_port, suite_of, until

CONFIGURATION = {
    "global": {"scrape_interval": "500ms"},
    "scrape_configs": [{"job_name": "runs", "file_sd_configs": [{"files": ["/scrape/*.json"]}]}],
}
# Requests over a time of several readings; three of them fail.
CHECKS = """
    import os, time, urllib.error, urllib.request
    import pytest

    def ask(path):
        with urllib.request.urlopen(os.environ["WEB_URL"] + path, timeout=10) as answer:
            return answer.status

    def test_failures():
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError):
                ask("/fail")

    def test_requests():
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert ask("/") == 200
            time.sleep(0.05)
"""
# Without those on figures of the trials, which a busy machine decides.
GATES = """
[tool.tranship.gates]
startup = []
memory = []
cpu = []
latency = []
health = []

[tool.tranship.gates.failures]
query = 'max(max_over_time(http_requests_total{project="{project}", status="500"}[{range}]))'
threshold = ["ratio < 1.5", "== 0"]

[tool.tranship.gates.pace]
query = 'sum(rate(http_requests_total{mode="{mode}", run="{run}", status="200"}[{range}]))'
threshold = ["ratio < 5", "> 2"]

[tool.tranship.gates.orders]
query = 'sum(orders_total{project="{project}"})'
threshold = "> 0"
"""


@pytest.fixture
def project(new_project: NewProject, suite_packages: Path) -> Project:
    found = new_project()
    port = free_port()
    web = metered(port)
    web["x-tranship"]["local"] = {
        "command": ["python", "metered.py", "{port}"],
        "environment": {"HOST": "127.0.0.1"},
    }
    found.compose(
        {"web": web, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"], "timeout": 60},
    )
    (found.root / "metered.py").write_text(METERED)
    (found.root / ".tranship" / "scrape").mkdir(parents=True)
    return found.checks(CHECKS)


@pytest.fixture
def prometheus(project: Project, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Yield the container and the URL of a Prometheus that reads the runs of the project."""
    server, port = image(tmp_path), free_port()
    written = tmp_path / "prometheus.yml"
    written.write_text(yaml.safe_dump(CONFIGURATION))
    words = ["run", "--detach", "--network", "host", "--volume", f"{written}:/prometheus.yml:ro"]
    words += ["--volume", f"{project.root}/.tranship/scrape:/scrape:ro", server]
    words += ["--config.file=/prometheus.yml", "--storage.tsdb.path=/prometheus"]
    # Half of the time that it takes to see a target.
    words += ["--scrape.discovery-reload-interval=1s", f"--web.listen-address=127.0.0.1:{port}"]
    container = docker(*words).strip()
    url = f"http://127.0.0.1:{port}"
    try:
        with Prometheus(url) as source:
            until(source.ready, "Prometheus was ready")
        yield container, url
    finally:
        docker("rm", "--force", "--volumes", container, check=False)


def test_a_comparison_is_decided_by_what_prometheus_read_and_again_without_it(
    project: Project, prometheus: tuple[str, str]
) -> None:
    container, url = prometheus
    settings = project.root / "pyproject.toml"
    without = settings.read_text()
    settings.write_text(f"{without}\n{GATES}")
    wrong = project.nox("-s", "compare", "--", "--prometheus", url.removeprefix("http://"))
    wrong.exits(2).says("--prometheus: no URL of a Prometheus")
    assert not (project.root / ".tranship" / "trials").exists()

    # Warm: both stacks are found at the same time.
    done = project.nox("-s", "compare", "--", "--enforce", "--warm", "--prometheus", url).exits(3)

    done.says(
        f"asking {url} for the gates",
        "pass: failures: ratio < 1.5 (local 3, docker 3, 1.00x)",
        "fail: failures: == 0 (local 3, docker 3)",
        "pass: pace: ratio < 5 (local ",
        "pass: pace: > 2 (local ",
        "inconclusive: orders: > 0 (docker: no data of the time that the suite ran.",
        "missed: query failures 3 (== 0); not to be had from Prometheus: orders",
    )
    report = next((project.root / ".tranship" / "reports").glob("*/report.xml")).read_text()
    assert f'name="source of orders: &gt; 0" value="{url}: sum(' in report
    (record,) = (project.root / ".tranship" / "trials").glob("docker-*.json")
    kept = {it["query"].split("(")[0]: it for it in json.loads(record.read_text())["queried"]}
    assert {"max": 3.0, "sum": None} | {"max": kept["max"]["value"]} == {"max": 3.0, "sum": None}
    # Prometheus finds the next runs' services, and no longer those of these.
    assert [] == list((project.root / ".tranship" / "scrape").iterdir())
    assert [] == project.left()

    docker("rm", "--force", "--volumes", container)
    again = project.inv("compare.show", "--enforce").exits(3)
    again.says("fail: failures: == 0 (local 3, docker 3)", "inconclusive: orders: > 0")
    settings.write_text(f"{without}\n{GATES}".replace('["ratio < 1.5", "== 0"]', '"== 3"'))
    project.inv("compare.show").exits(0)
    project.inv("compare.show", "--enforce", "--prometheus", url).exits(5).says(
        "pass: failures: == 3 (local 3, docker 3)",
        f"Prometheus at {url} does not answer",
        "Ask again: inv compare.show --prometheus URL",
    )
    settings.write_text(f"{without}\n{GATES}".replace("{run}", "{rnu}"))
    project.inv("compare.show").exits(2).says("unknown placeholder {rnu} (did you mean 'run'?)")
