"""Where a container has written to its root (`docker diff`), and what can be a tmpfs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_ENGINES_OWN = ("/usr/sbin/docker-init", "/sbin/docker-init")
"""Where the engine puts the init of a container that asks for one, whatever its root is."""


@dataclass(frozen=True)
class Writes:
    """What a read-only root would take from a container."""

    tmpfs: tuple[str, ...]
    """Folders that can be a tmpfs: nothing of the image is in them."""
    shadowed: tuple[str, ...]
    """Paths that no tmpfs can stand in for: the image has something there, or beside it."""


def writes_of(
    changes: Mapping[str, str],
    mounts: Iterable[str],
    listed: Callable[[str], tuple[str, ...] | None],
) -> Writes:
    """Return the writes of a container from `docker diff`: path -> A, C or D.

    `mounts` are the targets of its mounts; `listed` gives the names in a folder of it, None
    where nobody can tell.
    """
    mounts = (*mounts, *_ENGINES_OWN)
    own = {
        path: kind
        for path, kind in changes.items()
        if not any(_inside(mount, path) or _inside(path, mount) for mount in mounts)
    }
    added = {path for path, kind in own.items() if kind == "A"}
    tops = sorted(path for path in added if str(PurePosixPath(path).parent) not in added)
    folders: dict[str, None] = {}
    shadowed: dict[str, None] = {}
    for top in tops:
        parent = _parent(top)
        names = listed(parent) if parent != "/" else None
        beside = {PurePosixPath(path).name for path in tops if _parent(path) == parent}
        if names is not None and set(names) <= beside:
            folders[parent] = None
        elif any(path != top and _inside(path, top) for path in added):
            folders[top] = None  # a folder that is new, beside what the image has
        else:
            shadowed[top] = None
    for path, kind in own.items():
        # A folder is changed when something in it is; a file without any such is itself.
        inner = any(other != path and _inside(other, path) for other in changes)
        if kind == "D" or (kind == "C" and not inner):
            shadowed[path] = None
    return Writes(tuple(sorted(folders)), tuple(sorted(shadowed)))


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _inside(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)
