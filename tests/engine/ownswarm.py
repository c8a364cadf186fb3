"""A Swarm of engines of a test module's own, wired into one network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import namespaces
from .ownengine import OwnEngine, own_engine

_NETWORK = "10.77.0"
_CABLE = "swarm0"


@contextmanager
def own_swarm(count: int, *images: str) -> Iterator[list[OwnEngine]]:
    """Have a Swarm of so many nodes, each with these images; the first is its manager.

    The cables meet in a bridge of a namespace of its own: in one of the engines', the rules
    that Docker makes for forwarding would drop what passes between the others.
    """
    with ExitStack() as stack:
        nodes = [stack.enter_context(own_engine(*images)) for _ in range(count)]
        folder = nodes[0].folder / "hub"
        hub = stack.enter_context(namespaces.made(f"hub-{os.urandom(2).hex()}", folder, "1m"))
        _ip(hub, "link", "add", _CABLE, "type", "bridge")
        _ip(hub, "link", "set", _CABLE, "up")
        for number, node in enumerate(nodes, 1):
            peer = ("type", "veth", "peer", "name", _CABLE, "netns", str(node.first))
            _ip(hub, "link", "add", f"node{number}", *peer)
            _ip(hub, "link", "set", f"node{number}", "master", _CABLE, "up")
            _ip(node.first, "addr", "add", f"{_NETWORK}.{number}/24", "dev", _CABLE)
            _ip(node.first, "link", "set", _CABLE, "up")
        on(nodes[0], "swarm", "init", "--advertise-addr", f"{_NETWORK}.1")
        token = on(nodes[0], "swarm", "join-token", "--quiet", "worker")
        for number, node in enumerate(nodes[1:], 2):
            address = ("--advertise-addr", f"{_NETWORK}.{number}")
            on(node, "swarm", "join", *address, "--token", token, f"{_NETWORK}.1:2377")
        yield nodes


def on(node: OwnEngine, *words: str) -> str:
    """Return what a docker command prints on a node."""
    argv = ["docker", "--host", node.host, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def _ip(process: int, *words: str) -> None:
    argv = ["nsenter", "--target", str(process), "--net", "ip", *words]
    subprocess.run(argv, check=True, cwd=Path("/"))
