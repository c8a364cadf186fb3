"""A project on disk as the analysis sees it, read without an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tranship import settings as settings_module
from tranship.envmap.project import open_project
from tranship.migration.analysis.analysis import own_findings
from tranship.migration.analysis.fixes import apply, change_of
from tranship.migration.analysis.gather import look_at
from tranship.migration.analysis.images import Image, Layer
from tranship.migration.analysis.look import Look
from tranship.migration.analysis.model import Finding
from tranship.settings import Settings

SOUND = """\
name: shop
services:
  api:
    build: .
    command: [python, -m, api]
    restart: unless-stopped
    logging: {driver: local}
    mem_limit: 256m
    cpus: "1.0"
    ports: ["127.0.0.1:8000:8000"]
    healthcheck: {test: [CMD, python, -c, probe], interval: 30s}
    depends_on: {db: {condition: service_healthy}}
    x-tranship: {health: {http: /health}}
  db:
    image: postgres:17
    restart: unless-stopped
    logging: {driver: json-file, options: {max-size: 10m}}
    deploy: {resources: {limits: {cpus: "1.0", memory: 1G}}}
    ports: ["127.0.0.1:5432:5432"]
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD, pg_isready]}
volumes:
  data:
"""
"""A stack with nothing to mend."""
SOUND_DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER 10001:10001
"""


@dataclass
class Analyzed:
    """Write files, then ask. No docker command may be on PATH."""

    root: Path
    images: Mapping[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write("pyproject.toml", "[tool.tranship]\n")
        self.write("compose.yaml", SOUND)
        self.write("Dockerfile", SOUND_DOCKERFILE)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def change(self, old: str, new: str, name: str = "compose.yaml") -> None:
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def read(self, name: str = "compose.yaml") -> str:
        return (self.root / name).read_bytes().decode()

    @property
    def settings(self) -> Settings:
        return settings_module.load(self.root)

    def look(self) -> Look:
        look, _ = look_at(open_project(self.settings), None)
        return replace(look, images=self.images)

    def findings(self) -> list[Finding]:
        return list(own_findings(self.look()))

    def found(self) -> list[tuple[str, tuple[str, ...], str]]:
        """Return (rule, services, first place) of each finding."""
        return [
            (
                item.rule,
                tuple(sorted(item.services)),
                item.places[0].shown(self.root) if item.places else "",
            )
            for item in self.findings()
        ]

    def rules(self) -> list[str]:
        return [item.rule for item in self.findings()]

    def only(self) -> Finding:
        found = self.findings()
        assert len(found) == 1, [item.message for item in found]
        return found[0]

    def diff(self) -> str:
        """Return the diff of the only finding."""
        change = change_of(self.only())
        assert change is not None
        return change.diff(self.root)

    def mend(self, *rules: str) -> list[str]:
        """Apply the fixes of these rules; return those that were applied."""
        done = apply(
            self.settings,
            lambda: [item for item in self.findings() if item.fix is not None],
            lambda change: change.finding.rule in rules,
        )
        return [change.finding.rule for change in done]


def image(name: str, *layers: tuple[int, str], user: str = "10001", check: bool = False) -> Image:
    made = tuple(Layer(size, command) for size, command in layers)
    return Image(name, sum(size for size, _ in layers), user, check, made)


def changed_lines(diff: str) -> Iterator[str]:
    """Yield the lines that a diff adds or takes away."""
    for line in diff.splitlines():
        if line[:1] in "+-" and not line.startswith(("+++", "---")):
            yield line
