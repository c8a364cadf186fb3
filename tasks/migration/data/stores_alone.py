"""The compose document of a stack's stores alone, so that they can run beside the other side."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ...envmap.project import Project
from ...errors import DataRefused
from ...modes import secretfiles
from ...stack.model import Stack, named_volumes, parse
from ...stack.placement import LOOPBACK, Placement, declared_ports
from ...stack.probenetwork import add_probe_network
from .stores import Store


def stores_alone(
    project: Project, stores: Sequence[Store], ports: dict[tuple[str, int], int]
) -> tuple[dict[str, Any], Stack]:
    """Return the compose document with these stores alone, on these host ports.

    Raises DataRefused for a store whose data would go with its container.
    """
    names = {store.service for store in stores}
    if project.mapped:
        placement = Placement(dict.fromkeys(project.stack.services, "docker"))
        document = project.document_for(placement, declared_ports(project.stack), names)
    else:
        document = copy.deepcopy(dict(project.document))
    document["services"] = {name: document["services"][name] for name in sorted(names)}
    secretfiles.handed_over(document, secretfiles.folder_of(project.settings))
    for name, body in document["services"].items():
        if not named_volumes(body) and not any(
            mount.get("type") == "bind" for mount in body.get("volumes") or ()
        ):
            raise DataRefused(
                f"{name} keeps its data in no volume: what is copied there goes with its "
                "container. Give it a named volume, or start it first: inv docker.up"
            )
        body["depends_on"] = {}
        body["ports"] = [
            {"target": target, "host_ip": LOOPBACK, "protocol": "tcp", "published": str(port)}
            for (service, target), port in ports.items()
            if service == name
        ]
    add_probe_network(document)
    return document, parse(document, project.compose.files, confirmed=True)
