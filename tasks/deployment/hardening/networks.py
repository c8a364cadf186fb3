"""Networks: internal, but for the one that what is published stands in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import Line

EDGE = "edge"


def proxies(services: Mapping[str, Mapping[str, Any]], named: Iterable[str]) -> frozenset[str]:
    """Return the services that stay published: those named, else those on open interfaces.

    Where all are published on loopback alone, each of them stays.
    """
    chosen = frozenset(named)
    if chosen:
        return chosen
    publishing = {name: body.get("ports") or () for name, body in services.items()}
    open_ones = frozenset(
        name
        for name, ports in publishing.items()
        if any(not str(port.get("host_ip") or "").startswith("127.") for port in ports)
    )
    return open_ones or frozenset(name for name, ports in publishing.items() if ports)


def network_lines(
    document: Mapping[str, Any], services: Iterable[str], outside: frozenset[str]
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Return the lines that make networks internal, and notes on those that cannot be.

    `outside` are the services that keep a way out: the published ones, and those named.
    """
    bodies = {name: document["services"][name] for name in services}
    if not set(bodies) - outside:
        return (), ()
    known = document.get("networks") or {}
    used = {name: set(body.get("networks") or {"default": None}) for name, body in bodies.items()}
    closing = {network for name, nets in used.items() if name not in outside for network in nets}
    lines: list[Line] = []
    notes: list[str] = []
    closed = {name for name, body in known.items() if (body or {}).get("internal")}
    for network in sorted(closing - closed):
        if (known.get(network) or {}).get("external"):
            notes.append(f"network {network}: external, so not made internal")
            closing.discard(network)
            continue
        reason = "no way leads out of it, and nothing in it can be published"
        lines.append(Line("", ("networks", network, "internal"), True, reason))
    left = [name for name in bodies if name in outside and used[name] <= closing | closed]
    for name in sorted(left):
        reason = "the way to the outside"
        lines.append(Line(name, ("networks",), sorted({*used[name], EDGE}), reason))
    if left and EDGE not in known:
        lines.append(Line("", ("networks", EDGE), None, "for what is published alone"))
    return tuple(lines), tuple(notes)
