"""Images on their way to the nodes through a registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import EnvironmentFailed, StackFailed
from .images import id_of
from .model import Carried, Pushed, Step
from .nodes import Engine

HEADERS = ("image", "digest")


def to_registry(
    engine: Engine, images: Iterable[Carried], ids: Mapping[str, str], registry: str, step: Step
) -> Pushed:
    """Push each; raises StackFailed with what the registry says and the mend."""
    rows = []
    for image in images:
        engine.tag(id_of(image, ids), image.name, ids)
        with step(f"pushing {image.name}"):
            try:
                said = engine.ask("push", image.name, seconds=None)
            except EnvironmentFailed as error:
                raise StackFailed(
                    f"Pushing {image.name} failed: {error}.{_refused(str(error), registry)}"
                ) from error
        # The last line: `1.4: digest: sha256:... size: 1572`.
        digest = said.rpartition("digest: ")[2].split(" ")[0]
        rows.append((image.name, digest))
    return Pushed(HEADERS, tuple(rows))


_REFUSALS = {
    "server gave HTTP response to HTTPS client": (
        ' It speaks plain HTTP: give it a certificate, or name it in "insecure-registries" of '
        "daemon.json, here and on every node."
    ),
    "x509": (" Put its CA into /etc/docker/certs.d/{host}/ca.crt, here and on every node."),
    "denied": " `docker login {host}` first, and deploy with --with-registry-auth.",
    "unauthorized": " `docker login {host}` first, and deploy with --with-registry-auth.",
    "no basic auth": " `docker login {host}` first, and deploy with --with-registry-auth.",
    "authentication required": (
        " `docker login {host}` first, and deploy with --with-registry-auth."
    ),
}


def _refused(said: str, registry: str) -> str:
    host = registry.split("/")[0]
    for mark, mend in _REFUSALS.items():
        if mark in said:
            return mend.format(host=host)
    return f" Is {host} a registry that this engine reaches?"
