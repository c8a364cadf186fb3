"""Which files there are: plain manifests, or a kustomize base with overlays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from .export import Exported
from .model import Manifest
from .options import Layout, SecretsChoice
from .rendering import signed, yaml_of

SECRETS = "secrets.yaml"
IGNORE = ".gitignore"
KUSTOMIZATION = "kustomization.yaml"
Key = tuple[str, str]


def files(
    exported: Mapping[str, Exported], layout: Layout, secrets: SecretsChoice, namespace: str = ""
) -> dict[PurePosixPath, str]:
    """Return path -> text of every file, for these environments; plain takes exactly one."""
    if layout == "plain":
        ((_, only),) = exported.items()
        found = _plain(only, secrets, namespace)
    else:
        found = _kustomize(exported, secrets, namespace)
    # Also where none is written: one that is made by hand beside these is as secret.
    found[PurePosixPath(IGNORE)] = f"{SECRETS}\n"
    return {path: signed(text) for path, text in sorted(found.items())}


def key_of(manifest: Manifest) -> Key:
    """Return what tells one object from another."""
    return manifest["kind"], manifest["metadata"]["name"]


def _plain(exported: Exported, secrets: SecretsChoice, namespace: str) -> dict[PurePosixPath, str]:
    found = {
        PurePosixPath(f"{group}.yaml"): yaml_of(_in_namespace(item, namespace) for item in items)
        for group, items in exported.objects.items()
    }
    if secrets == "write" and exported.secrets:
        found[PurePosixPath(SECRETS)] = yaml_of(
            _in_namespace(item, namespace) for item in exported.secrets
        )
    return found


def _in_namespace(manifest: Manifest, namespace: str) -> dict[str, Any]:
    if not namespace:
        return dict(manifest)
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {"name": metadata["name"], "namespace": namespace, **metadata},
    }


def _kustomize(
    exported: Mapping[str, Exported], secrets: SecretsChoice, namespace: str
) -> dict[PurePosixPath, str]:
    """Return the files: in the base what all environments have, the first one's form of it."""
    first = next(iter(exported.values()))
    everywhere = set.intersection(
        *(
            {key_of(item) for items in each.objects.values() for item in items}
            for each in exported.values()
        )
    )
    found: dict[PurePosixPath, str] = {}
    base: dict[Key, Manifest] = {}
    names = []
    for group, items in first.objects.items():
        kept = [item for item in items if _is_common(item, everywhere)]
        base |= {key_of(item): item for item in kept}
        if kept:
            names.append(f"{group}.yaml")
            found[PurePosixPath("base", names[-1])] = yaml_of(kept)
    found[PurePosixPath("base", KUSTOMIZATION)] = _kustomization(names)
    for environment, each in exported.items():
        found |= _overlay(PurePosixPath("overlays", environment), each, base, secrets, namespace)
    return found


def _is_common(manifest: Manifest, everywhere: set[Key]) -> bool:
    return key_of(manifest) in everywhere and manifest["kind"] != "ConfigMap"


def _overlay(
    folder: PurePosixPath,
    exported: Exported,
    base: Mapping[Key, Manifest],
    secrets: SecretsChoice,
    namespace: str,
) -> dict[PurePosixPath, str]:
    found: dict[PurePosixPath, str] = {}
    resources, patches = ["../../base"], []
    for group, items in exported.objects.items():
        own = [item for item in items if key_of(item) not in base]
        if own:
            resources.append(f"{group}.yaml")
            found[folder / resources[-1]] = yaml_of(own)
        for item in items:
            steps = patch(base[key_of(item)], item) if key_of(item) in base else []
            if steps:
                kind, name = key_of(item)
                path = f"patch-{kind.lower()}-{name}.yaml"
                found[folder / path] = yaml_of([steps])
                patches.append({"path": path, "target": {"kind": kind, "name": name}})
    if secrets == "write" and exported.secrets:
        resources.append(SECRETS)
        found[folder / SECRETS] = yaml_of(exported.secrets)
    found[folder / KUSTOMIZATION] = _kustomization(resources, patches, namespace)
    return found


def _kustomization(
    resources: list[str], patches: list[dict[str, Any]] | None = None, namespace: str = ""
) -> str:
    return yaml_of(
        [
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                **({"namespace": namespace} if namespace else {}),
                "resources": resources,
                **({"patches": patches} if patches else {}),
            }
        ]
    )


def patch(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """Return the steps from one object to another, as RFC 6902 has them; lists change whole."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [] if before == after else [{"op": "replace", "path": path, "value": after}]
    steps: list[dict[str, Any]] = []
    for key in before:
        here = f"{path}/{_pointer(key)}"
        if key not in after:
            steps.append({"op": "remove", "path": here})
        else:
            steps += patch(before[key], after[key], here)
    steps += [
        {"op": "add", "path": f"{path}/{_pointer(key)}", "value": value}
        for key, value in after.items()
        if key not in before
    ]
    return steps


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
