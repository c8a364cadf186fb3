"""Projects that are exported to Kubernetes, and what becomes of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from tranship import settings as settings_module
from tranship.deployment.kubernetes.cluster import cluster_of
from tranship.deployment.kubernetes.export import Exported, export
from tranship.deployment.kubernetes.options import options_of
from tranship.envmap.project import Project, open_project

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("geheim-postgres", "geheim-redis", "geheim-exit")
PRIVATE = (
    '{"database": {"password": "geheim-postgres"}, "redis": {"password": "geheim-redis"}, '
    '"admin": {"exit_token": "geheim-exit"}}'
)
"""What production needs beside the layers that are in git."""


def example(folder: Path) -> Path:
    """Copy what of the example stack is exported, with secrets for production."""
    for name in ("compose", "envs"):
        kept = shutil.ignore_patterns("services", "standin", "__pycache__", "*.secrets.json")
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    (folder / "envs/production.secrets.json").write_text(PRIVATE)
    (folder / "pyproject.toml").write_text(
        '[tool.tranship]\ncompose-files = ["compose/compose.yaml"]\n'
        '[tool.tranship.suite]\nservice = "tests"\n'
    )
    return folder


def project_of(folder: Path, environment: str = "") -> Project:
    return open_project(settings_module.load(folder).in_environment(environment))


def small(folder: Path, services: dict[str, Any], **more: Any) -> Path:
    """Write a project of these services; each without an image gets one, and restarts."""
    folder.mkdir(exist_ok=True)
    bodies = {
        name: {
            **({} if {"image", "build"} & set(body) else {"image": f"{name}:1"}),
            "restart": "always",
            **body,
        }
        for name, body in services.items()
    }
    document = {"name": "small", "services": bodies, **more}
    (folder / "compose.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    if not (folder / "pyproject.toml").exists():
        (folder / "pyproject.toml").write_text("[tool.tranship]\n")
    return folder


def exported(folder: Path, environment: str = "", *profiles: str, **options: str) -> Exported:
    found = project_of(folder, environment)
    return export(cluster_of(found, profiles), options_of(found.settings.kubernetes, **options))


Objects = dict[tuple[str, str], Any]


def objects(found: Exported) -> Objects:
    """Return (kind, name) -> object."""
    made = {(item["kind"], item["metadata"]["name"]): item for item in found.manifests}
    assert len(made) == len(found.manifests)
    return made


def pod_of(found: Exported, name: str) -> Any:
    (work,) = (
        item
        for (kind, called), item in objects(found).items()
        if called == name and kind in {"Deployment", "StatefulSet", "Job"}
    )
    return work["spec"]["template"]["spec"]


def container_of(found: Exported, name: str) -> Any:
    return pod_of(found, name)["containers"][0]


def lost(found: Exported) -> list[str]:
    return [item.what for item in found.findings if item.lost]


def noted(found: Exported) -> list[str]:
    return [item.what for item in found.findings if not item.lost]
