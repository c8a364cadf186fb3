"""The compose project of Prometheus: made from the plan, beside the stack's own files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...stack.isolation import write_compose_file, write_private
from ...stack.placement import LOOPBACK
from . import dashboard
from .plan import EXPORTER_PORT, Plan
from .rules import EXPORTER, SERVER, alerts_document, scrape_document

GRAFANA = "tranship-grafana"
IMAGES = {
    SERVER: ("PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0"),
    EXPORTER: ("PYTHON_IMAGE", "python:3.12-slim"),
    GRAFANA: ("GRAFANA_IMAGE", "grafana/grafana:12.0.2"),
}
"""Service -> the variable that names its image, and the public one."""
_SERVER_PORT = 9090
_GRAFANA_PORT = 3000
_HARDENED: Mapping[str, Any] = {
    "restart": "unless-stopped",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
}


@dataclass(frozen=True)
class Files:
    """Where the files of the monitoring lie, below the state folder."""

    folder: Path

    @property
    def compose(self) -> Path:
        """The compose file."""
        return self.folder / "compose.json"

    def write(self, plan: Plan, images: Mapping[str, str]) -> None:
        """Write all of them; `images` are those of the services that are to run."""
        texts = contents(plan)
        for name, text in texts.items():
            path = self.folder / name
            write_private(path, text)
            # Read by another user in the container, and no secret is in them.
            path.chmod(0o644)
            for parent in path.relative_to(self.folder).parents:
                (self.folder / parent).chmod(0o755)
        write_compose_file(document(plan, images, digest(texts)), self.compose)


def contents(plan: Plan) -> dict[str, str]:
    """Return file -> text, but for the compose file."""
    import yaml

    def written(document: object) -> str:
        return "# Written by inv monitor.up\n" + yaml.safe_dump(
            document, sort_keys=False, width=1000
        )

    own = Path(__file__).with_name("exporter.py")
    return {
        "prometheus/prometheus.yml": written(scrape_document(plan)),
        "prometheus/alerts.yml": written(alerts_document(plan)),
        "exporter/exporter.py": own.read_text(encoding="utf-8"),
        "grafana/datasources/prometheus.yml": written(dashboard.datasource(_server_url())),
        "grafana/dashboards/provider.yml": written(dashboard.provider()),
        "grafana/dashboards/stack.json": json.dumps(dashboard.dashboard(plan), indent=1) + "\n",
    }


def digest(texts: Mapping[str, str]) -> str:
    """Return what changes with the files, by which Compose knows to recreate the containers."""
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


def document(plan: Plan, images: Mapping[str, str], label: str) -> dict[str, Any]:
    """Return the compose document, for the services that `images` names."""
    own = plan.settings
    joined: dict[str, Any] = {f"stack-{number}": {} for number in range(len(plan.networks))}
    services: dict[str, Any] = {
        SERVER: {
            **_HARDENED,
            "command": [
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/prometheus",
                f"--storage.tsdb.retention.time={round(own.retention * 24)}h",
            ],
            "user": "65534:65534",
            "ports": [_published(_SERVER_PORT, own.port)],
            "volumes": [_mount("./prometheus", "/etc/prometheus"), "data:/prometheus"],
            "networks": {"default": {}, **joined},
        },
        EXPORTER: {
            **_HARDENED,
            "command": ["python", "-IS", "/srv/exporter.py", str(EXPORTER_PORT)],
            "environment": {"PROJECT": plan.stack},
            "init": True,
            "mem_limit": "128m",
            "volumes": [
                _mount("./exporter", "/srv"),
                _mount(engine_socket(), "/var/run/docker.sock"),
            ],
        },
        GRAFANA: {
            **_HARDENED,
            "environment": {
                "GF_AUTH_ANONYMOUS_ENABLED": "true",
                "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
                "GF_AUTH_DISABLE_LOGIN_FORM": "true",
                "GF_ANALYTICS_REPORTING_ENABLED": "false",
            },
            "ports": [_published(_GRAFANA_PORT, own.grafana_port)],
            "tmpfs": ["/tmp", "/var/lib/grafana:uid=472,gid=0"],  # noqa: S108 - in the container
            "volumes": [_mount("./grafana", "/etc/grafana/provisioning")],
        },
    }
    return {
        "name": plan.project,
        "services": {
            name: {
                **services[name],
                "image": image,
                "labels": {"io.tranship.configuration": label},
            }
            for name, image in images.items()
        },
        "networks": {
            f"stack-{number}": {"name": name, "external": True}
            for number, name in enumerate(plan.networks)
        },
        "volumes": {"data": {}},
    }


def engine_socket() -> str:
    """Return the engine's socket on the engine's own host: rootless Docker has its own."""
    host = os.environ.get("DOCKER_HOST", "")
    return host.removeprefix("unix://") if host.startswith("unix://") else "/var/run/docker.sock"


def _server_url() -> str:
    return f"http://{SERVER}:{_SERVER_PORT}"


def _published(target: int, published: int) -> dict[str, Any]:
    return {"target": target, "published": str(published), "host_ip": LOOPBACK}


def _mount(source: str, target: str) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": target, "read_only": True}
