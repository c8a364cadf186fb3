"""Every object of the stack, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..findings import Finding
from . import network, scaling
from .model import Cluster, Manifest
from .names import metadata
from .options import Options
from .pods import arguments_name, config_name
from .volumes import claims
from .workloads import workload

VOLUMES = "volumes"
"""The file of the claims that several services share."""


@dataclass(frozen=True)
class Exported:
    """What one environment of the stack becomes."""

    objects: Mapping[str, tuple[Manifest, ...]]
    """Service (or `volumes`) -> its objects, without Secrets."""
    secrets: tuple[Manifest, ...]
    findings: tuple[Finding, ...]

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All objects, Secrets last."""
        return (*(item for each in self.objects.values() for item in each), *self.secrets)


def export(cluster: Cluster, options: Options) -> Exported:
    """Return the objects; raises ComposeFileError or SettingsError for what cannot be made."""
    scaling.require_known(cluster, options)
    claimed = claims(cluster, options)
    entries, found = network.ingress(cluster, options)
    found += cluster.findings
    objects: dict[str, tuple[Manifest, ...]] = {}
    secrets: list[Manifest] = []
    for name, container in cluster.containers.items():
        work, lost = workload(cluster, container, options)
        scaled, limits = scaling.scaling(cluster, container, options)
        made = [
            *_configs(cluster, name),
            *(
                claimed.pop(mount.source)
                for mount in container.mounts
                if mount.source in claimed and not cluster.shared(mount.source)
            ),
            *work,
            *network.services(cluster, container),
            network.policy(cluster, container, options),
            *scaled,
            *([entries[name]] if name in entries else []),
        ]
        secrets += [*_secrets(cluster, name), *(it for it in made if it["kind"] == "Secret")]
        objects[name] = tuple(item for item in made if item["kind"] != "Secret")
        found += [*lost, *limits]
    if claimed:
        objects[VOLUMES] = tuple(claimed.values())
    return Exported(objects, tuple(secrets), tuple(dict.fromkeys(found)))


def _configs(cluster: Cluster, service: str) -> list[Manifest]:
    plain = cluster.environments[service].plain
    if not plain:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(cluster.project, service, config_name(service)),
            "data": dict(sorted(plain.items())),
        }
    ]


def _secrets(cluster: Cluster, service: str) -> list[Manifest]:
    environment = cluster.environments[service]
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(cluster.project, service, name),
            "type": "Opaque",
            "stringData": dict(sorted(values.items())),
        }
        for name, values in (
            (config_name(service), environment.secret),
            (arguments_name(service), environment.given),
        )
        if values
    ]
