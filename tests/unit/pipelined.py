"""A project with a stack and a suite, and its pipelines parsed back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tranship import settings as settings_module
from tranship.deployment.pipelines.commands import pipelines
from tranship.settings import Settings

COMPOSE = """\
name: shop
services:
  cache:
    image: redis:7
    ports: ["6379:6379"]
    x-tranship: {local: {server: redis}, health: {redis: true}}
  api:
    build: .
    ports: ["8000:8000"]
    environment: {REDIS_URL: "redis://cache:6379/0"}
    x-tranship: {local: {command: python api.py}, health: {http: /health}}
  worker.main:
    build: {context: worker}
    x-tranship: {local: {command: python worker.py}}
  tests:
    build: .
    profiles: [test]
    environment: {API_URL: "http://api:8000"}
"""
SETTINGS = """\
[project]
name = "shop"
version = "1"
[dependency-groups]
dev = ["pytest", "tranship[stats]>=0.1"]
[tool.tranship.suite]
service = "tests"
[tool.tranship.local]
requirements = ["requirements.txt"]
"""


class Pipelined:
    """The project's folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        (root / "compose.yaml").write_text(COMPOSE)
        (root / "requirements.txt").write_text("httpx\n")
        self.set()

    def set(self, ci: str = "", base: str = SETTINGS) -> Pipelined:
        (self.root / "pyproject.toml").write_text(f"{base}[tool.tranship.ci]\n{ci}")
        return self

    @property
    def settings(self) -> Settings:
        return settings_module.load(self.root)

    def text(self, provider: str = "github") -> str:
        return pipelines(self.settings, provider)[0].text

    def read(self, provider: str = "github") -> Any:
        return yaml.safe_load(self.text(provider))


def steps(job: Any) -> Iterator[Any]:
    yield from job["steps"]


def step(job: Any, name: str) -> Any:
    found = [it for it in job["steps"] if it["name"] == name]
    assert 1 == len(found), name
    return found[0]


def scripts(provider: str, document: Any) -> Iterator[tuple[str, str]]:
    """Yield (where, shell text) of all that a pipeline runs."""
    if provider == "github":
        for name, job in document["jobs"].items():
            for found in steps(job):
                if "run" in found:
                    yield f"{name}/{found['name']}", found["run"]
        return
    for name, job in document.items():
        if isinstance(job, dict):
            for key in ("before_script", "script"):
                for number, line in enumerate(job.get(key, ())):
                    yield f"{name}/{key}/{number}", line
