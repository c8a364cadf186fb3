"""What two checkouts on one machine share: locks, and the count of an engine's users.

Locks are flocks: the kernel drops them when their holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import SetupError

# Readable by all: a user whom sudo serves counts as a user of root's engine.
ENGINE_FOLDER = Path("/run/tranship")


def own_folder() -> Path:
    """Return a folder of this user for locks, made when absent."""
    if os.geteuid() == 0:
        ENGINE_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        return ENGINE_FOLDER
    folder = Path(tempfile.gettempdir(), f"tranship-{os.geteuid()}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # The parent is open to all, so the name may have been taken by another user.
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise SetupError(f"{folder} belongs to another user. Remove it, or set TMPDIR.")
    return folder


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold `path` as a lock; wait while another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class EngineUse:
    """A shared lock that says: this process needs the engine that a run started."""

    def __init__(self, folder: Path = ENGINE_FOLDER) -> None:
        self._path = folder / "engine.use"
        self._descriptor: int | None = None

    def begin(self) -> None:
        """Count this process as a user, where there is a folder to count in."""
        if self._descriptor is not None:
            return
        flags = os.O_RDONLY | os.O_CLOEXEC
        if os.access(self._path.parent, os.W_OK):
            flags |= os.O_CREAT
        with suppress(FileNotFoundError):
            self._descriptor = os.open(self._path, flags, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def end(self) -> None:
        """Stop counting this process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether no other process uses the engine, and let none begin meanwhile.

        Call it after `end`.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield True
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)
