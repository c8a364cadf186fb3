"""Services, NetworkPolicies and the Ingress: who reaches whom, and under which name."""

from __future__ import annotations

from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from .model import Cluster, Container, Manifest
from .names import metadata, require_service_names, selector
from .options import Options
from .pods import ports_of
from .workloads import kind_of

_LOOPBACK = ("127.", "::1", "localhost")


def services(cluster: Cluster, container: Container) -> list[Manifest]:
    """Return the Services under whose names a container is dialled: its own, and its aliases.

    Without a known port it is headless: its name leads to the pod, on whatever port.
    """
    if kind_of(cluster, container) == "Job" and not ports_of(cluster, container):
        return []
    require_service_names(container.aliases)
    for alias in container.aliases:
        if alias in cluster.containers:
            raise ComposeFileError(
                f"services.{container.name}: the alias {alias!r} is another service's name. "
                "Rename one."
            )
    return [
        _service(cluster, container, name)
        for name in dict.fromkeys((container.name, *container.aliases))
    ]


def _service(cluster: Cluster, container: Container, name: str) -> Manifest:
    ports = [
        {
            "name": f"{protocol}-{port}",
            "port": port,
            "targetPort": port,
            "protocol": protocol.upper(),
        }
        for port, protocol in ports_of(cluster, container)
    ]
    # A StatefulSet's Service has to be headless (API reference, StatefulSet, `serviceName`).
    headless = not ports or kind_of(cluster, container) == "StatefulSet"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster.project, container.name, name),
        "spec": {
            **({"clusterIP": "None"} if headless else {"type": "ClusterIP"}),
            "selector": selector(cluster.project, container.name),
            **({"ports": ports} if ports else {}),
        },
    }


def published(container: Container) -> list[tuple[int, str]]:
    """Return the container ports that Compose publishes beyond the host's own loopback."""
    return sorted(
        {
            (port.target, port.protocol)
            for port in container.service.ports
            if not (port.host_ip or "").startswith(_LOOPBACK)
        }
    )


def policy(cluster: Cluster, container: Container, options: Options) -> Manifest:
    """Return who reaches the pods of a service, and whom they reach.

    In: those that name it, and everybody at the ports that are published. Out: those that it
    names, the cluster's DNS and, unless all its networks are internal, the outside.
    """
    callers = cluster.callers[container.name]
    inward: list[dict[str, Any]] = []
    if callers:
        rule: dict[str, Any] = {"from": [_pods(cluster, name) for name in sorted(callers)]}
        inward.append(_at(rule, ports_of(cluster, container)))
    public = published(container)
    if public:
        inward.append(_at({}, public))
    outward: list[dict[str, Any]] = [
        {
            "to": [{"namespaceSelector": {}}],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ]
    for name, others in sorted(cluster.callers.items()):
        if container.name in others:
            target = {"to": [_pods(cluster, name)]}
            outward.append(_at(target, ports_of(cluster, cluster.containers[name])))
    if options.egress and not container.networks <= cluster.internal:
        outward.append({"to": [{"ipBlock": {"cidr": cidr}} for cidr in options.egress]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(cluster.project, container.name, container.name),
        "spec": {
            "podSelector": {"matchLabels": selector(cluster.project, container.name)},
            "policyTypes": ["Ingress", "Egress"],
            # No `ingress` means nobody, and that is meant.
            "ingress": inward,
            "egress": outward,
        },
    }


def _pods(cluster: Cluster, service: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": selector(cluster.project, service)}}


def _at(rule: dict[str, Any], ports: list[tuple[int, str]]) -> dict[str, Any]:
    if not ports:
        return rule
    return {
        **rule,
        "ports": [{"protocol": protocol.upper(), "port": port} for port, protocol in ports],
    }


def ingress(cluster: Cluster, options: Options) -> tuple[dict[str, Manifest], list[Finding]]:
    """Return service -> its Ingress, where a host name was given and one port is published."""
    public = {
        name: ports
        for name, container in cluster.containers.items()
        if (ports := [port for port, protocol in published(container) if protocol == "tcp"])
    }
    if not options.host:
        return {}, [
            Finding(
                name,
                f"{_named(ports)}: published by Compose; --host NAME writes an Ingress, "
                f"`kubectl port-forward service/{name} 8080:{ports[0]}` tries it",
                lost=False,
            )
            for name, ports in public.items()
        ]
    if len(public) != 1:
        return {}, [
            Finding(
                name,
                f"{_named(ports)}: {len(public)} services publish ports, and {options.host} can "
                "lead to one; write the Ingress by hand",
            )
            for name, ports in public.items()
        ]
    ((name, ports),) = public.items()
    backend = {"service": {"name": name, "port": {"number": ports[0]}}}
    rest = [Finding(name, f"port {port}: not in the Ingress") for port in ports[1:]]
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {
        **({"ingressClassName": options.ingress_class} if options.ingress_class else {}),
        "rules": [{"host": options.host, "http": {"paths": [path]}}],
    }
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(cluster.project, name, name),
        "spec": spec,
    }
    return {name: made}, rest


def _named(ports: list[int]) -> str:
    return f"port{'s' * (len(ports) > 1)} {', '.join(map(str, ports))}"
