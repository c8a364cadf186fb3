"""The symptoms of the troubleshooting page that a suite has on one side only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from symptoms import Reproduced

from .conftest import NewProject
from .projects import Project, container, free_port, suite_of, web

Symptoms = Mapping[str, Reproduced]

CHECKS = """
    import os, socket, time
    from pathlib import Path

    def dial(host, port):
        socket.create_connection((host, port), 3).close()

    def test_cache_answers():
        dial(os.environ["CACHE_HOST"], int(os.environ["CACHE_PORT"]))

    def test_name():
        dial("cache", 6379)

    def test_report_is_written():
        Path("report.txt").write_text("x")

    def test_day():
        assert time.strftime("%H", time.localtime(0)) == "00"

    def test_key():
        assert os.environ["PAYMENT_KEY"] == "sk4f$live9x"
"""


@pytest.fixture
def shop(new_project: NewProject, suite_packages: Path) -> Project:
    """Return a project whose suite says `localhost`, has another time zone, and so on."""
    project = new_project()
    cache = {**container("serve", "6379"), "ports": [f"127.0.0.1:{free_port()}:6379"]}
    cache["x-tranship"] = {"local": {"command": ["python", "service.py", "serve", "{port}"]}}
    suite = suite_of(suite_packages, CACHE_HOST="127.0.0.1", CACHE_PORT="6379")
    suite |= {"env_file": ["app.env"], "depends_on": ["web", "cache"]}
    # Each side has its own time zone and key; the container's is cut.
    for side, values in {
        "base": {},
        "development": {},
        "test": {},
        "local": {"tz": "UTC"},
        "docker": {"tz": "America/New_York"},
    }.items():
        (project.root / "envs").mkdir(exist_ok=True)
        (project.root / "envs" / f"{side}.json").write_text(json.dumps(values))
    (project.root / "envs" / "mapping.toml").write_text('[services.tests]\nTZ = "{tz}"\n')
    (project.root / "app.env").write_text("PAYMENT_KEY=sk4f$live9x\n")
    project.compose(
        {"web": web(free_port()), "cache": cache, "tests": suite},
        suite={"service": "tests", "paths": ["checks"]},
    )
    return project.checks(CHECKS)


@pytest.mark.symptom(
    "tests-differ",
    "connection-refused",
    "name-or-service-not-known",
    "a-value-is-cut-at-the-dollar-sign",
    "a-time-or-an-order-differs",
    "read-only-file-system",
)
def test_what_one_comparison_shows(symptom: Symptoms, shop: Project) -> None:
    compared = shop.nox("-s", "compare")
    for found in symptom.values():
        found.says(compared.text, compared.code)
    for found in symptom.values():
        for number, _ in enumerate(found.entry.told, 1):
            found.tells(shop.root, shop.environment, number)
