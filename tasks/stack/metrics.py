"""Where a service shows its metrics (x-tranship.metrics)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ComposeFileError, near

FIELDS = ("path", "port")


@dataclass(frozen=True)
class Metrics:
    """The container port and the path at which Prometheus reads a service."""

    port: int
    path: str = "/metrics"


def metrics_of(value: object, default_port: int | None, key: str) -> Metrics | None:
    """Return what x-tranship.metrics says; None where the service has no metrics.

    Raises ComposeFileError, naming the key.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ComposeFileError(f"{key}: must be a mapping, such as {{path: /metrics}}.")
    for name in value:
        if name not in FIELDS:
            raise ComposeFileError(
                f"{key}: unknown key {name!r}{near(str(name), FIELDS)}. Keys: {', '.join(FIELDS)}."
            )
    path, port = value.get("path", "/metrics"), value.get("port", default_port)
    if not isinstance(port, int) or isinstance(port, bool):
        raise ComposeFileError(
            f"{key}: no port to read. Add `port:` here, or `ports:` or `expose:` to the service."
        )
    if not 0 < port < 65536:
        raise ComposeFileError(f"{key}.port: {port} is no port.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ComposeFileError(f"{key}.path: must be a path that begins with a slash.")
    return Metrics(port, path)
