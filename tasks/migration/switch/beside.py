"""The target beside the source: the same project and data, on free ports of this host."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...envmap.project import Project
from ...modes import secretfiles
from ...modes.docker import DockerMode
from ...stack import isolation
from ...stack.model import parse
from ...stack.placement import LOOPBACK, Placement, declared_ports
from ...stack.probenetwork import add_probe_network


def docker_beside(
    project: Project, mode: DockerMode, ports: Mapping[tuple[str, int], int]
) -> DockerMode:
    """Return the developer's own containers with other published ports.

    The compose project is the same, so that its volumes are: what is copied into them is
    there when the containers are made anew on the declared ports.
    """
    if project.mapped:
        sides = Placement(dict.fromkeys(project.stack.services, "docker"))
        document = project.document_for(sides, declared_ports(project.stack))
    else:
        document = copy.deepcopy(dict(project.document))
    secretfiles.handed_over(document, secretfiles.folder_of(project.settings))
    for name, body in document["services"].items():
        body["ports"] = [
            {"target": target, "host_ip": LOOPBACK, "protocol": "tcp", "published": str(port)}
            for (service, target), port in ports.items()
            if service == name
        ]
    add_probe_network(document)
    path = project.settings.state_directory / "migration" / "beside.json"
    isolation.write_compose_file(document, path)
    stack = parse(document, project.compose.files, confirmed=True)
    return replace(
        mode,
        stack=stack,
        services=tuple(stack.services[service.name] for service in mode.services),
        project=replace(
            mode.project,
            files=(path,),
            name=mode.project_name,
            directory=project.compose.files[0].parent,
            env_files=(Path(os.devnull),),
        ),
    )
