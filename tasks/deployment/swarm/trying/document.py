"""What a run deploys, and the compose file of its suite, made from the run's own document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....stack.model import Stack
from ....stack.probenetwork import NETWORK
from ..model import Source
from ..networks import is_open

_WITHOUT = ("build", "container_name", "depends_on", "deploy", "ports", "profiles")
"""What a container beside the stack has no use for."""


def opened_ports(
    declared: Mapping[str, Any], services: Iterable[str]
) -> tuple[tuple[str, int], ...]:
    """Return (service, container port) of the TCP ports that the compose file opens to all."""
    return tuple(
        dict.fromkeys(
            (name, int(port["target"]))
            for name in services
            for port in declared["services"][name].get("ports") or ()
            if is_open(port) and port.get("protocol", "tcp") == "tcp"
        )
    )


def deployed(
    document: dict[str, Any],
    ports: Mapping[tuple[str, int], int],
    kept: Mapping[str, str],
) -> dict[str, Any]:
    """Return the run's document as it is deployed.

    Published is what the compose file opens to all, under ports of the run's own: what it has
    on loopback alone would be everybody's. The networks let the suite's container in. `kept`
    is service -> image, of those that have the compose file's name, which a registry knows.
    """
    for name, body in document["services"].items():
        body["ports"] = [
            {"target": target, "published": str(port), "protocol": "tcp"}
            for (service, target), port in ports.items()
            if service == name
        ]
        # A Swarm's ports need no way in of their own.
        if body.get("networks"):
            body["networks"].pop(NETWORK, None)
        body["image"] = kept.get(name, body["image"])
    networks = document.get("networks") or {}
    networks.pop(NETWORK, None)
    for body in networks.values():
        body["attachable"] = True
    return document


def source_of(
    document: Mapping[str, Any],
    stack: Stack,
    services: Iterable[str],
    own_images: frozenset[str],
    hidden: frozenset[str],
) -> Source:
    """Return what is deployed: the services that a run starts."""
    chosen = tuple(services)
    name = str(document["name"])
    return Source(
        name=name,
        document=document,
        services=chosen,
        jobs=frozenset(it for it in chosen if stack.expected_to_exit(it)),
        own_images=own_images,
        base=stack.files[0].parent,
        hidden=hidden,
    )


def beside(document: Mapping[str, Any], suite: str) -> dict[str, Any]:
    """Return the compose file of the suite's container: in the stack's networks, alone."""
    stack = document["name"]
    body = {key: value for key, value in document["services"][suite].items() if key not in _WITHOUT}
    found: dict[str, Any] = {"name": stack, "services": {suite: body}}
    for kind in ("configs", "secrets"):
        if document.get(kind):
            found[kind] = document[kind]
    mounted = {it.get("source") for it in body.get("volumes") or () if it["type"] == "volume"}
    found["volumes"] = {
        name: it for name, it in (document.get("volumes") or {}).items() if name in mounted
    }
    found["networks"] = {
        name: {"external": True, "name": f"{stack}_{name}"} for name in body.get("networks") or ()
    }
    return found
