"""Pods: one container of a service, with what it is given and what it waits for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ..findings import Finding
from .files import GivenFiles
from .images import image
from .model import Cluster, Container, Environment
from .names import labels
from .options import Options
from .probes import probes
from .quantities import whole_seconds
from .security import container_security, pod_security


def config_name(service: str) -> str:
    """Return the name of the ConfigMap, and of the Secret, with a service's variables."""
    return f"{service}-env"


def arguments_name(service: str) -> str:
    """Return the name of the Secret with what stands in for secrets of the command line."""
    return f"{service}-arguments"


def template(
    cluster: Cluster,
    container: Container,
    options: Options,
    given: GivenFiles,
    found: list[Finding],
) -> dict[str, Any]:
    """Return the pod's template; what it cannot say is added to `found`."""
    job = container.name in cluster.jobs
    restart = container.service.restart.partition(":")[0]
    waits = _waits(cluster, container, options, found)
    pod: dict[str, Any] = {
        # Neither is in a container of Docker: a token of the API, and variables such as
        # REDIS_PORT=tcp://..., which programs take for their own settings.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"restartPolicy": "Never" if restart == "no" else "OnFailure"} if job else {}),
        "terminationGracePeriodSeconds": whole_seconds(container.service.stop_grace_seconds),
        **({"shareProcessNamespace": True} if container.init else {}),
        "securityContext": pod_security(container),
    }
    if container.hosts:
        pod["hostAliases"] = [
            {"ip": address, "hostnames": [name]}
            for name, address in sorted(container.hosts.items())
        ]
    if waits:
        pod["initContainers"] = waits
    pod["containers"] = [_container(cluster, container, options, given, found)]
    if given.volumes:
        pod["volumes"] = given.volumes
    return {"metadata": _pod_metadata(cluster, container, given), "spec": pod}


def _pod_metadata(cluster: Cluster, container: Container, given: GivenFiles) -> dict[str, Any]:
    found: dict[str, Any] = {"labels": labels(cluster.project, container.name)}
    # Pods do not notice a changed ConfigMap; a changed template has new ones made. Nothing of a
    # Secret is in it: a short one could be found from its checksum.
    plain = [
        cluster.environments[container.name].plain,
        *(item for item in given.manifests if item["kind"] == "ConfigMap"),
    ]
    if any(plain):
        text = json.dumps(plain, sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        found["annotations"] = {"tranship/config": digest}
    return found


def _container(
    cluster: Cluster,
    container: Container,
    options: Options,
    given: GivenFiles,
    found: list[Finding],
) -> dict[str, Any]:
    environment = cluster.environments[container.name]
    name, policy, about_image = image(cluster, container, options)
    security, about_security = container_security(container)
    asked, about_probes = (
        ({}, [])
        if container.name in cluster.jobs
        else probes(container, options.liveness, cluster.hidden)
    )
    found += [*about_image, *about_security, *about_probes]
    body: dict[str, Any] = {"name": container.name, "image": name, "imagePullPolicy": policy}
    if environment.entrypoint == ():
        # Emptied in Compose; in Kubernetes only a command takes the image's own away.
        body["command"] = list(environment.arguments)
    else:
        if environment.entrypoint is not None:
            body["command"] = list(environment.entrypoint)
        if environment.arguments:
            body["args"] = list(environment.arguments)
    for key, value in (
        ("workingDir", container.working_dir),
        ("stdin", container.stdin),
        ("tty", container.tty),
    ):
        if value:
            body[key] = value
    ports = ports_of(cluster, container)
    if ports:
        body["ports"] = [
            {"name": f"{protocol}-{port}", "containerPort": port, "protocol": protocol.upper()}
            for port, protocol in ports
        ]
    body |= _variables(container.name, environment)
    body |= asked
    resources = {
        key: dict(amounts)
        for key, amounts in (("requests", container.requests), ("limits", container.limits))
        if amounts
    }
    if resources:
        body["resources"] = resources
    if security:
        body["securityContext"] = security
    if given.mounts:
        body["volumeMounts"] = given.mounts
    return body


def _variables(service: str, environment: Environment) -> dict[str, Any]:
    sources: list[Mapping[str, Any]] = []
    if environment.plain:
        sources.append({"configMapRef": {"name": config_name(service)}})
    if environment.secret:
        sources.append({"secretRef": {"name": config_name(service)}})
    given = [
        {
            "name": name,
            "valueFrom": {"secretKeyRef": {"name": arguments_name(service), "key": name}},
        }
        for name in environment.given
    ]
    return {**({"env": given} if given else {}), **({"envFrom": sources} if sources else {})}


def ports_of(cluster: Cluster, container: Container) -> list[tuple[int, str]]:
    """Return the ports of a service: declared, asked for its health, or dialled by others."""
    service = container.service
    found = {(port.target, port.protocol) for port in service.ports}
    numbers = {*service.expose, *cluster.dialled.get(container.name, ())}
    if service.health is not None:
        numbers.add(service.health.port)
    return sorted(found | {(number, "tcp") for number in numbers})


def _waits(
    cluster: Cluster, container: Container, options: Options, found: list[Finding]
) -> list[dict[str, Any]]:
    result = []
    for item in container.service.depends_on:
        if item.condition == "service_completed_successfully":
            found.append(
                Finding(
                    container.name,
                    f"depends_on {item.service}: pods do not wait for a Job; run it before, with "
                    f"`kubectl wait --for=condition=complete job/{item.service}`",
                )
            )
        elif item.condition == "service_healthy" and item.service in cluster.containers:
            ports = ports_of(cluster, cluster.containers[item.service])
            port = next((number for number, protocol in ports if protocol == "tcp"), None)
            if options.wait_image and port is not None:
                result.append(_wait(item.service, port, options.wait_image))
            else:
                found.append(
                    Finding(
                        container.name,
                        "depends_on: pods start together, and again until what they need answers; "
                        "[tool.tranship.kubernetes] wait-image makes them wait",
                        lost=False,
                    )
                )
    return result


def _wait(service: str, port: int, name: str) -> dict[str, Any]:
    # A Service accepts connections once a pod of it is ready.
    script = f"until nc -z -w 2 {service} {port}; do sleep 1; done"
    return {
        "name": re.sub(r"-+$", "", f"wait-for-{service}"[:63]),
        "image": name,
        "command": ["/bin/sh", "-c", script],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
