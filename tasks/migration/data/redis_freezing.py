"""Redis refuses writes: it asks for replicas that it has not, and answers NOREPLICAS.

Refused, not held up: `CLIENT PAUSE` would leave a writer waiting for an answer that it may
have given up before the write is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .redis_store import Server, library

_FROZEN = {"min-replicas-to-write": 1_000_000, "min-replicas-max-lag": 10}
"""More replicas than anybody has; with a lag of 0 the first would not count."""


def settings(found: Server) -> dict[str, Any]:
    """Return what `freeze` changes, as it is now."""
    try:
        return {name: int(found.client().config_get(name).get(name, 0)) for name in _FROZEN}
    except library().RedisError as error:
        raise found.refused("reading its settings", error) from error


def freeze(found: Server) -> None:
    """Refuse writes from now on."""
    _set(found, _FROZEN)


def frozen(found: Server) -> bool:
    """Return whether writes are refused."""
    return settings(found) == _FROZEN


def thaw(found: Server, record: Mapping[str, Any]) -> None:
    """Put the settings back as they were."""
    _set(found, record)


@contextmanager
def writable(found: Server) -> Iterator[None]:
    """Let a server that refuses writes take ours while the block runs.

    Another's that slips in is seen by the manifest that follows.
    """
    if not frozen(found):
        yield
        return
    thaw(found, dict.fromkeys(_FROZEN, 0))
    try:
        yield
    finally:
        freeze(found)


def _set(found: Server, values: Mapping[str, Any]) -> None:
    try:
        for name, value in values.items():
            found.client().config_set(name, value)
    except library().RedisError as error:
        raise found.refused("changing whether it takes writes", error) from error
