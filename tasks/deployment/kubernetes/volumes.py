"""Volumes: claims for those that have a name, and memory for tmpfs."""

from __future__ import annotations

from typing import Any

from ..findings import Finding
from .files import GivenFiles
from .model import Cluster, Container, Manifest, Mount
from .names import labels, object_name, object_names
from .options import Options
from .quantities import memory


def claims(cluster: Cluster, options: Options) -> dict[str, Manifest]:
    """Return volume -> its PersistentVolumeClaim, of all that a service mounts."""
    owners: dict[str, list[str]] = {}
    for container in cluster.containers.values():
        for mount in container.mounts:
            if mount.kind == "volume" and mount.source:
                owners.setdefault(mount.source, []).append(container.name)
    names = object_names(owners, "volumes")
    return {
        volume: {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": names[volume], "labels": labels(cluster.project, users[0])},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                **({"storageClassName": options.storage_class} if options.storage_class else {}),
                "resources": {
                    "requests": {"storage": options.volume_sizes.get(volume, options.volume_size)}
                },
            },
        }
        for volume, users in sorted(owners.items())
        if volume not in cluster.external
    }


def given(cluster: Cluster, container: Container) -> GivenFiles:
    """Return the pod's volumes, where they are mounted, and the objects that they need."""
    found = GivenFiles(cluster, container)
    for number, mount in enumerate(container.mounts):
        if mount.kind == "bind":
            found.bind(mount)
        elif mount.kind == "tmpfs":
            _memory(found, f"tmpfs-{number}", mount.target, mount.size)
        elif mount.kind == "volume" and mount.source:
            _claimed(found, mount)
            if cluster.shared(mount.source):
                found.findings.append(
                    Finding(
                        container.name,
                        f"volume {mount.source}: several services mount it; without a class that "
                        "allows ReadWriteMany all their pods must be on one node",
                        lost=False,
                    )
                )
        elif mount.kind == "volume":
            _memory(found, f"scratch-{number}", mount.target, mount.size, medium="")
        else:
            found.findings.append(
                Finding(container.name, f"{mount.kind} at {mount.target}: not mounted")
            )
    if container.shm_size:
        _memory(found, "shm", "/dev/shm", container.shm_size)  # noqa: S108 - in the container
    for use in container.files:
        found.use(use)
    return found


def _claimed(found: GivenFiles, mount: Mount) -> None:
    name = object_name(mount.source)
    if name not in {item["name"] for item in found.volumes}:
        found.volumes.append({"name": name, "persistentVolumeClaim": {"claimName": name}})
    found.mounts.append(
        {
            "name": name,
            "mountPath": mount.target,
            **({"subPath": mount.subpath} if mount.subpath else {}),
            **({"readOnly": True} if mount.read_only else {}),
        }
    )


def _memory(
    found: GivenFiles, name: str, target: str, size: int | None, medium: str = "Memory"
) -> None:
    body: dict[str, Any] = {"medium": medium} if medium else {}
    if size:
        body["sizeLimit"] = memory(size)
    found.volumes.append({"name": name, "emptyDir": body})
    found.mounts.append({"name": name, "mountPath": target})
