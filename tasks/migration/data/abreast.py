"""Stores worked on at the same time; the first that fails, or Ctrl-C, ends the work on all."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from ...errors import DataRefused

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_halted = threading.Event()
_running: set[subprocess.Popen[bytes]] = set()


def each(items: Sequence[K], work: Callable[[K], T]) -> dict[K, T]:
    """Return what `work` gives for each item, all at the same time.

    Raises the first error; on return no work is under way in either case.
    """
    if len(items) < 2:
        return {item: work(item) for item in items}
    with ThreadPoolExecutor(len(items)) as pool:
        futures = {item: pool.submit(work, item) for item in items}
        try:
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            _halt()
            raise
        finally:
            pool.shutdown()
            _halted.clear()
    return {item: future.result() for item, future in futures.items()}


def _halt() -> None:
    """End the programs that run for the others; each finds its own failed, and cleans up."""
    _halted.set()
    for process in tuple(_running):
        process.kill()


def require_going() -> None:
    """Raise DataRefused where this work has become needless."""
    if _halted.is_set():
        raise DataRefused("Ended, since another store could not be copied.")


@contextmanager
def killable(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have a program ended when the work that it is for has become needless."""
    _running.add(process)
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        _running.discard(process)
