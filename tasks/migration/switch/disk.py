"""Room on the disk: what a switch writes, where, and whether it fits there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataRefused
from ...modes import containers
from ...modes.docker import DockerMode
from ...stack.engine import engine_errors
from ..data.site import Site
from ..data.stores import Store
from .cargo import Cargo

_SPARE = 64 * 2**20
"""Bytes that a switch needs beside the data itself: servers that start, logs, records."""
_DU = ("sh", "-c", 'du -sk "$0" 2>/dev/null || :')
"""It fails for a file that a server removes meanwhile, and says the sum all the same."""


@dataclass(frozen=True)
class Part:
    """What is written into one folder."""

    folder: Path
    what: str
    size: int


def require_room(cargo: Cargo, here: Site, there: Site) -> None:
    """Raise DataRefused for a disk without room for the snapshot, the copy and its dump.

    By what the source takes on its disk, for both dumps too: how small they are is known when
    they are written. What cannot be measured counts nothing.
    """
    sizes = {store.name: held(here, store) for store in cargo.stores}
    state = here.project.settings.state_directory
    total = sum(sizes.values())
    parts = [Part(state, "the snapshot and the dump of the data", 2 * total + _SPARE)]
    for store in cargo.stores:
        folder = destination(there, store)
        if folder is not None:
            parts.append(Part(folder, f"{store.name} on {there.side}", sizes[store.name]))
    for disk in by_disk(parts):
        needed = sum(part.size for part in disk)
        free = shutil.disk_usage(_existing(disk[0].folder)).free
        if free < needed:
            shown = "; ".join(f"{_in_mib(part.size)} for {part.what}" for part in disk)
            folders = " and ".join(dict.fromkeys(str(part.folder) for part in disk))
            raise DataRefused(
                f"{_in_mib(free)} are free where {folders} is; the switch may need "
                f"{_in_mib(needed)} there: {shown}. Free some space there."
            )


def by_disk(parts: Iterable[Part]) -> tuple[tuple[Part, ...], ...]:
    """Return the parts together that are written to one file system."""
    found: dict[int, list[Part]] = {}
    for part in parts:
        found.setdefault(_existing(part.folder).stat().st_dev, []).append(part)
    return tuple(tuple(disk) for disk in found.values())


def held(here: Site, store: Store) -> int:
    """Return the bytes that a store takes on the disk of its side."""
    if isinstance(here.mode, DockerMode):
        return _in_container(here, here.mode, store)
    if store.kind == "files":
        return size_of(store.folder) if store.folder is not None else 0
    return size_of(here.mode.directory / store.service / "data")


def destination(there: Site, store: Store) -> Path | None:
    """Return the folder that a store will be in; None for a disk that is not this host's."""
    if isinstance(there.mode, DockerMode):
        return _root_of_engine(there.mode)
    if store.kind == "files":
        return store.folder
    return (there.mode.directory / store.service / "data").resolve()


def _in_container(here: Site, mode: DockerMode, store: Store) -> int:
    """Return what `du` in the store's container says of its volumes and mounted folders."""
    body: Mapping[str, object] = here.project.document["services"].get(store.service) or {}
    folders = [store.inside] if store.kind == "files" else list(mounted(body))
    with engine_errors("Looking at the containers"):
        found = containers.of_project(mode.client, mode.project_name)
    running = [item.id for item in found if item.service == store.service and item.running]
    if not running or not folders:
        return 0
    from python_on_whales.exceptions import DockerException

    total = 0
    for folder in folders:
        # An image without them, or a folder that its user may not read.
        with suppress(DockerException, ValueError, IndexError):
            said = mode.client.container.execute(running[0], [*_DU, folder], tty=False)
            total += int(str(said).split()[0]) * 1024
    return total


def mounted(body: Mapping[str, object]) -> Iterator[str]:
    """Yield where a container has its volumes and folders that it can write to."""
    mounts = body.get("volumes") or ()
    for mount in mounts if isinstance(mounts, (list, tuple)) else ():
        if isinstance(mount, str):  # where Compose did not resolve the file
            _, _, rest = mount.partition(":")
            target, _, options = rest.partition(":")
            if target and "ro" not in options.split(","):
                yield target
        elif mount.get("type") in ("volume", "bind") and not mount.get("read_only"):
            yield str(mount["target"])


def _root_of_engine(mode: DockerMode) -> Path | None:
    """Return the folder in which the engine keeps volumes, where that is on this host."""
    with engine_errors("Asking the engine for its folder"):
        info = mode.client.info()
    root = Path(info.docker_root_dir or os.devnull)
    # An engine elsewhere, or in a machine of its own, has another name; and so has a container
    # with the engine's socket in it, where the folder is another one too.
    return root if info.name == os.uname().nodename and root.is_dir() else None


def size_of(folder: Path) -> int:
    """Return the bytes below a folder on its disk; what cannot be read counts nothing."""
    total = 0
    # The data of a server that refuses root may be elsewhere, and a link leads to it.
    for parent, _, files in os.walk(folder.resolve()):
        for name in files:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _in_mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
