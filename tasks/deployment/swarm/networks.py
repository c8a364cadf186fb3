"""Networks, published ports and fixed hosts of a stack file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..findings import Finding
from .model import Source
from .options import Options

_ALL = {"", "0.0.0.0", "::"}  # noqa: S104 - what Compose writes for every address


def networks(source: Source, used: set[str]) -> tuple[dict[str, Any], list[Finding]]:
    """Return the top-level `networks:` of those that services use, each over all nodes."""
    found: dict[str, Any] = {}
    findings = []
    known = source.document.get("networks") or {}
    for name in sorted(used):
        body = known.get(name) or {}
        if body.get("external"):
            found[name] = {"external": True, "name": body.get("name") or name}
            findings.append(
                Finding(name, "networks: external; it has to be an overlay", lost=False)
            )
            continue
        driver = body.get("driver")
        if driver not in (None, "bridge", "overlay"):
            findings.append(Finding(name, f"networks: driver {driver}: overlay instead"))
        kept = {key: body[key] for key in ("attachable", "internal", "labels") if body.get(key)}
        options = body.get("driver_opts") or {}
        if driver == "overlay" and options:
            kept["driver_opts"] = options
        elif options:
            findings.append(Finding(name, f"networks: driver_opts {', '.join(options)}"))
        if (body.get("ipam") or {}).get("config"):
            kept["ipam"] = body["ipam"]
        if _own_name(body, name, source):
            kept["name"] = body["name"]
        found[name] = {"driver": "overlay", **kept}
    return found, findings


def _own_name(body: Mapping[str, Any], name: str, source: Source) -> bool:
    # `docker compose config` writes PROJECT_NAME for every one that has no name of its own.
    usual = {f"{source.document.get('name')}_{name}", f"{source.name}_{name}"}
    return bool(body.get("name")) and body["name"] not in usual


def attached(name: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return a service's networks with its aliases."""
    written = body.get("networks")
    if not written:
        return ({} if body.get("network_mode") else {"default": {}}), []
    if isinstance(written, list):
        return {item: {} for item in written}, []
    found: dict[str, Any] = {}
    findings = []
    for network, details in written.items():
        details = details or {}
        found[network] = {"aliases": details["aliases"]} if details.get("aliases") else {}
        for key in sorted(set(details) - {"aliases"}):
            if details[key]:
                findings.append(Finding(name, f"networks.{network}.{key}: no place in a Swarm"))
    return found, findings


def is_open(port: Mapping[str, Any]) -> bool:
    """Return whether a port of the compose file is on every address of the host."""
    return str(port.get("host_ip") or "") in _ALL


def ports(
    name: str, body: Mapping[str, Any], options: Options
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Return the published ports. One that only an address of the host has is not published.

    A Swarm listens on every address of a node: what was the host's own would be everybody's.
    """
    found = []
    findings = []
    for port in body.get("ports") or ():
        published = str(port.get("published") or "")
        host = str(port.get("host_ip") or "")
        if not is_open(port):
            what = f"port {published or port['target']} on {host}: a Swarm would publish it on all"
            findings.append(Finding(name, f"{what} addresses; not published"))
            continue
        if published and not published.isdigit():
            findings.append(Finding(name, f"port {published}: a range; not published"))
            continue
        item = {
            "target": int(port["target"]),
            "protocol": port.get("protocol") or "tcp",
            "mode": options.publish,
        }
        if published and published != "0":
            item["published"] = int(published)
        found.append(item)
    return found, findings


def hosts(name: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Finding | None]]:
    """Yield `extra_hosts` in the form of a stack file."""
    written = body.get("extra_hosts") or ()
    pairs = (
        [(host, address) for host, address in written.items()]
        if isinstance(written, Mapping)
        else [_pair(str(item)) for item in written]
    )
    for host, address in pairs:
        if address == "host-gateway":
            what = f"extra_hosts {host}: the host of a container is any node"
            yield "", Finding(name, what)
        else:
            yield f"{host}:{address}", None


def _pair(item: str) -> tuple[str, str]:
    host, _, address = item.partition("=" if "=" in item else ":")
    return host, address
