"""A project on disk, read without an engine, as the checks see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tranship.envmap import resolve
from tranship.envmap.checks import Finding, Subject, check
from tranship.envmap.show import placement_of
from tranship.stack.declared import collect
from tranship.stack.envfiles import compose_variables
from tranship.stack.files import compose_document
from tranship.stack.model import parse
from tranship.stack.placement import Ports, declared_ports


@dataclass(frozen=True)
class Silenced:
    rule: str
    reason: str
    service: str | None = None
    variable: str | None = None


@dataclass
class Linted:
    """Write files, then `findings`."""

    root: Path
    tracked: frozenset[Path] = frozenset()
    shell: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ("compose.yaml",)
    environment: str = "development"
    ports: Ports | None = None

    def write(self, name: str, text: str, *, tracked: bool = False) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if tracked:
            self.tracked |= {path}
        return path

    def subject(self) -> Subject:
        files = tuple(self.root / name for name in self.files)
        given = compose_variables(self.shell, (self.root / ".env",))
        values = {name: item.value for name, item in given.items()}
        document: dict[str, Any] = compose_document(files, values)
        declarations = collect(files, given, self.root)
        # Compose's own reading of env_files, which `docker compose config` would give.
        for service, body in document["services"].items():
            body["environment"] = {
                name: items[-1].value
                for name, items in declarations.get(service, {}).items()
                if items[-1].value is not None
            }
        stack = parse({"name": "shop", **document}, files, confirmed=False)
        envmap = resolve.load(stack, self.root, self.root / "envs", self.environment)
        ports = self.ports or declared_ports(stack)
        resolved = {}
        for mode in ("local", "docker"):
            placement = placement_of(mode, stack)
            resolved[mode] = {
                name: envmap.environment(name, placement, ports) for name in placement.sides
            }
        return Subject(
            envmap=envmap,
            declarations=declarations,
            ports=ports,
            local=resolved["local"],
            docker=resolved["docker"],
            document=document,
            root=self.root,
            tracked=self.tracked,
            known_names=frozenset(given),
        )

    def findings(self, *silences: Silenced) -> tuple[Finding, ...]:
        return check(self.subject(), silences)

    def found(self, *rules: str) -> list[tuple[str, str | None, str | None]]:
        """Return (severity, service, variable) of the findings of these rules."""
        return [
            (item.severity, item.service, item.variable)
            for item in self.findings()
            if item.rule in rules
        ]

    def rules(self) -> list[str]:
        return [item.rule for item in self.findings()]


def compose(services: Mapping[str, Mapping[str, object]]) -> str:
    """Return a compose file; YAML reads JSON, so values arrive exactly."""
    import json

    return json.dumps({"services": services}, indent=1)


def one(environment: Mapping[str, object] | Iterable[str], **body: object) -> str:
    """Return a compose file of `api`, which has this environment, postgres and redis."""
    return compose(
        {
            "api": {
                "image": "api",
                "ports": ["8000:8000"],
                "x-tranship": {"local": {"command": "python -m api"}},
                "environment": environment
                if isinstance(environment, Mapping)
                else list(environment),
                **body,
            },
            "postgres": {
                "image": "postgres:17",
                "ports": ["15432:5432"],
                "x-tranship": {"local": {"server": "postgres"}},
            },
            "redis": {"image": "redis:7", "expose": ["6379"]},
        }
    )
