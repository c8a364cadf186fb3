"""No garbage collection while much is built that lives on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold Python's cycle collector while the block runs.

    Records of 50,000 tests are a million objects without a cycle, and the collector walks them
    again and again as they grow: a third of the time of a comparison.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
