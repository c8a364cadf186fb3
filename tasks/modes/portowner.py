"""Who listens on a port of this host."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import PortTaken

if TYPE_CHECKING:
    from python_on_whales import DockerClient


def require_none(taken: Iterable[str], other: str) -> None:
    """Raise PortTaken when there are lines of ports that are taken.

    `other` is the command that stops this stack's other side, the owner most often.
    """
    lines = list(taken)
    if lines:
        raise PortTaken(
            "Ports that are taken:\n"
            + "\n".join(lines)
            + f"\nEnd what holds them (`inv {other}` if it is this stack), or change `ports:` in "
            "the compose file."
        )


def owner_of(port: int, client: DockerClient | None = None) -> str:
    """Return a description of the process or container that listens on `port`."""
    container = _container(port, client) if client is not None else None
    if container is not None:
        return container
    import psutil

    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                process = psutil.Process(connection.pid)
                with process.oneshot():
                    # Two words name a program; later ones may hold a secret.
                    words = " ".join(process.cmdline()[:2]) or process.name()
                    return f"process {process.pid} of {process.username()} ({words})"
    return "a process of another user"


def _container(port: int, client: DockerClient) -> str | None:
    from python_on_whales.exceptions import DockerException

    with contextlib.suppress(DockerException):
        for container in client.container.list(filters=[("publish", str(port))]):
            return f"container {container.name}"
    return None
