"""What `inv k8s.export` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...envmap.project import open_project
from ...errors import UsageError
from ...settings import Settings
from ..findings import finding_lines, lost
from . import layouts, validation, writing
from .cluster import cluster_of
from .export import Exported, export
from .options import Layout, Options, SecretsChoice, environments_of


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    options: Options
    folder: Path
    environments: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    layout: Layout = "plain"
    secrets: SecretsChoice = "omit"
    namespace: str = ""
    versions: tuple[str, ...] = ()
    validate: bool = True
    strict: bool = False


@dataclass(frozen=True)
class Made:
    """The files, before they are written, and all that is to be said of them."""

    folder: Path
    files: Mapping[PurePosixPath, str]
    environments: Mapping[str, Exported]
    findings: tuple[str, ...]
    checks: tuple[str, ...]
    confirmed: bool
    """Whether Compose itself read the compose files."""

    @property
    def lost(self) -> int:
        """How many findings tell of something that is not carried over."""
        return lost(self.findings)


def make(settings: Settings, asked: Asked) -> Made:
    """Return what is to be written, checked; raises UsageError for what must not be."""
    versions = validation.versions_of(asked.versions) if asked.validate else ()
    names = environments_of(asked.environments, settings)
    if asked.layout == "plain" and len(names) > 1:
        raise UsageError(
            "Plain manifests are of one environment. Name one, or write overlays with "
            "--layout kustomize."
        )
    found: dict[str, Exported] = {}
    hidden: set[str] = set()
    confirmed = True
    for name in names:
        project = open_project(settings.in_environment(name))
        confirmed &= project.stack.confirmed
        hidden |= project.hidden
        found[name] = export(cluster_of(project, asked.profiles), asked.options)
    files = layouts.files(found, asked.layout, asked.secrets, asked.namespace)
    validation.require_no_secret(files, hidden)
    lines = list(
        dict.fromkeys(line for each in found.values() for line in finding_lines(each.findings))
    )
    made = Made(asked.folder, files, found, tuple(lines), (), confirmed)
    if asked.strict and made.lost:
        raise UsageError("\n".join([*lines, f"--strict: {made.lost} not carried over."]))
    checks = _checks(found, files, versions) if asked.validate else ("not validated",)
    return Made(asked.folder, files, found, tuple(lines), checks, confirmed)


def _checks(
    found: Mapping[str, Exported], files: Mapping[PurePosixPath, str], versions: tuple[str, ...]
) -> tuple[str, ...]:
    manifests = [item for each in found.values() for item in each.manifests]
    count = validation.validate(manifests, versions)
    checks = [f"{count} objects are valid in Kubernetes {', '.join(versions)}"]
    program = validation.kubectl()
    if program is None:
        return (*checks, "no kubectl: not tried with it")
    done = validation.try_with_kubectl(program, files)
    return (*checks, f"kubectl {' and '.join(done)}, without a cluster")


def secret_lines(made: Made, choice: SecretsChoice) -> list[str]:
    """Return which Secrets the cluster needs, by name and key, and where they are."""
    several = len(made.environments) > 1
    keys = {
        (f"{name}: " if several else "")
        + f"{item['metadata']['name']}: "
        + ", ".join([*item.get("stringData", {}), *item.get("data", {})])
        for name, each in made.environments.items()
        for item in each.secrets
    }
    if not keys:
        return []
    if choice == "write":
        return [f"{len(keys)} Secrets are in {layouts.SECRETS}: for its owner alone, out of git."]
    return [
        "Secrets are not written; --secrets write does, or make them in the cluster with these "
        "names and keys:",
        *(f"  {line}" for line in sorted(keys)),
    ]


def write(made: Made, *, force: bool) -> list[Path]:
    """Write the files; return those that changed."""
    return writing.write(made.folder, made.files, force=force)


def stale(made: Made) -> list[str]:
    """Return the files that are not as they would be written."""
    return writing.stale(made.folder, made.files)
