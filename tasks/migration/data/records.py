"""Small records that outlive a crash: written whole, on the disk before the next step."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import DataRefused
from ...settings import Settings
from ...stack.isolation import write_private


def write_json(path: Path, value: object) -> None:
    """Write a record that only its owner reads; on return it is on the disk.

    Raises DataRefused when it cannot be written.
    """
    try:
        write_private(path, json.dumps(value, indent=1))
        for item in (path, path.parent):
            handle = os.open(item, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise DataRefused(f"{path} cannot be written: {error.strerror}.") from error


def read_json(path: Path) -> Any:
    """Return a record; None where there is none.

    Raises DataRefused for one that cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataRefused(
            f"{path} cannot be read ({error}). Look into it, or remove it."
        ) from error


def this_process() -> dict[str, Any]:
    """Return what a record says of the process that wrote it."""
    return {"pid": os.getpid(), "started": _started(os.getpid())}


def is_alive(process: Mapping[str, Any]) -> bool:
    """Return whether the process that wrote a record still runs."""
    return process["started"] is not None and _started(process["pid"]) == process["started"]


def _started(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


_held: set[Path] = set()


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other commands that move data of this checkout away while the block runs.

    Raises DataRefused when one runs.
    """
    path = settings.state_directory / "migration" / "lock"
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read() or "unknown"
            raise DataRefused(
                f"Another command moves data of this checkout (process {holder}). Wait for its end."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
