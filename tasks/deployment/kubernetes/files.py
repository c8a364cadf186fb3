"""Files that a container is given: ConfigMaps and Secrets with their contents."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..findings import Finding
from .environment import names_secret
from .model import Cluster, Container, FileUse, Manifest, Mount
from .names import metadata, object_name

LARGEST = 1024 * 1024
"""Bytes of a ConfigMap or Secret (API reference, ConfigMap)."""


class GivenFiles:
    """What the mounts and files of one container become."""

    def __init__(self, cluster: Cluster, container: Container) -> None:
        self._cluster = cluster
        self._container = container
        self.volumes: list[dict[str, Any]] = []
        self.mounts: list[dict[str, Any]] = []
        self.manifests: list[Manifest] = []
        self.findings: list[Finding] = []

    def bind(self, mount: Mount) -> None:
        """Take a file, or a folder of files, that is mounted from the project."""
        path = Path(os.path.normpath(self._cluster.base / mount.source))
        shown = _shown(path, self._cluster.root)
        if not path.exists():
            self._lost(f"{shown}: no such file here; {mount.target} is not mounted")
        elif not path.is_relative_to(self._cluster.root):
            self._lost(f"{shown}: a path of one host; {mount.target} is not mounted")
        elif not mount.read_only:
            self._lost(
                f"{shown}: mounted to be written; use a named volume, or mount it read-only (:ro)"
            )
        elif path.is_file():
            self._add(path.name, {path.name: path.read_bytes()}, mount.target, path.name, shown)
        else:
            self._folder(path, mount, shown)

    def use(self, use: FileUse) -> None:
        """Take an entry of `configs:` or `secrets:`."""
        source = self._cluster.sources.get((use.kind, use.source))
        if source is not None and source.content is not None:
            key = PurePosixPath(use.target).name
            self._add(
                f"{use.kind}-{use.source}",
                {key: source.content},
                use.target,
                key,
                f"{use.kind} {use.source}",
                private=use.kind == "secret",
                mode=use.mode,
            )
            return
        name = object_name(use.source)
        key = PurePosixPath(use.target).name
        reason = source.reason if source else "not declared"
        self._lost(
            f"{use.kind} {use.source}: {reason}; make a "
            f"{'Secret' if use.kind == 'secret' else 'ConfigMap'} {name!r} with the key {key!r}",
            lost=reason != "external",
        )
        self._mounted(use.kind == "secret", name, name, use.target, key, use.mode)

    def _folder(self, path: Path, mount: Mount, shown: str) -> None:
        entries = sorted(path.iterdir())
        if any(not entry.is_file() for entry in entries):
            self._lost(f"{shown}: a folder with folders in it; put it into the image")
            return
        contents = {entry.name: entry.read_bytes() for entry in entries}
        self._add(path.name, contents, mount.target, None, shown)

    def _add(
        self,
        name: str,
        contents: Mapping[str, bytes],
        target: str,
        key: str | None,
        shown: str,
        *,
        private: bool = False,
        mode: int | None = None,
    ) -> None:
        if sum(len(content) for content in contents.values()) > LARGEST:
            self._lost(f"{shown}: larger than 1 MiB; put it into the image, or on a volume")
            return
        hidden = self._cluster.hidden
        secret = private or any(
            names_secret(content.decode(errors="replace"), hidden) for content in contents.values()
        )
        for content in contents.values():
            if b"127.0.0.11" in content:
                self._lost(f"{shown}: names 127.0.0.11, Docker's DNS; the cluster has another")
        taken = {volume["name"] for volume in self.volumes}
        made = object_name(f"{self._container.name}-{name}")
        made = next(
            item
            for item in (made, *(f"{made[:60]}-{n}" for n in range(2, 99)))
            if item not in taken
        )
        self.manifests.append(
            _holder(self._cluster.project, self._container.name, made, contents, secret=secret)
        )
        self._mounted(secret, made, made, target, key, mode)

    def _mounted(
        self, secret: bool, name: str, volume: str, target: str, key: str | None, mode: int | None
    ) -> None:
        source: dict[str, Any] = (
            {"secret": {"secretName": name}} if secret else {"configMap": {"name": name}}
        )
        if mode is not None:
            next(iter(source.values()))["defaultMode"] = mode
        self.volumes.append({"name": volume, **source})
        self.mounts.append(
            {
                "name": volume,
                "mountPath": target,
                # One file, and what else is in that folder of the image stays.
                **({"subPath": key} if key is not None else {}),
                "readOnly": True,
            }
        )

    def _lost(self, what: str, *, lost: bool = True) -> None:
        self.findings.append(Finding(self._container.name, what, lost))


def _holder(
    project: str, service: str, name: str, contents: Mapping[str, bytes], *, secret: bool
) -> Manifest:
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, content in sorted(contents.items()):
        try:
            decoded = content.decode()
        except UnicodeDecodeError:
            decoded = "\0"
        if "\0" in decoded:
            binary[key] = base64.b64encode(content).decode()
        else:
            text[key] = decoded
    kind = "Secret" if secret else "ConfigMap"
    fields = ("stringData", "data") if secret else ("data", "binaryData")
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": metadata(project, service, name),
        **({"type": "Opaque"} if secret else {}),
        **{field: found for field, found in zip(fields, (text, binary), strict=True) if found},
    }


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
