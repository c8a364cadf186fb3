"""The way from the host to services whose networks are internal, for as long as it is needed.

The engine publishes no port of a container that is in internal networks only, so that nobody
could ask its health. A run, and a store that is started to be copied, gets one more network, which
lets the host in and still nobody out: what leaves it keeps an address that nobody answers to.
"""

from __future__ import annotations

from typing import Any

NETWORK = "tranship-probes"
NO_WAY_OUT = {"com.docker.network.bridge.enable_ip_masquerade": "false"}


def add_probe_network(document: dict[str, Any]) -> tuple[str, ...]:
    """Add the network to the document where a service needs it; return what a run tells of it."""
    known = document.get("networks") or {}
    internal = {name for name, body in known.items() if (body or {}).get("internal")}
    closed = []
    for name, body in document["services"].items():
        networks = body.get("networks") or {}
        if body.get("ports") and networks and set(networks) <= internal:
            closed.append(name)
            body["networks"] = {**networks, NETWORK: None}
    if not closed:
        return ()
    document["networks"] = {**known, NETWORK: {"driver": "bridge", "driver_opts": {**NO_WAY_OUT}}}
    return (
        f"{', '.join(closed)}: only in internal networks; the run's probes reach them by a "
        "network of its own, which leads nowhere else",
    )
