"""Reading Redis: every key once, many at a time, by a script in the server itself.

By commands for each key most of the time went into asking; a script answers for hundreds, and
keeps the server from others for some milliseconds at the most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from . import abreast
from .redis_values import READS, digest

BATCH = 500
"""Keys that are asked for at once."""
_SCRIPT = (Path(__file__).parent / "redis_read.lua").read_text()
_HEAD = 40 + 20 + 10
"""Of a key in the script's answer: its digest, its expiry and the length of its dump."""
_OTHER = "-" * 40
_AHEAD = 2

K = TypeVar("K")
T = TypeVar("T")


class Key(NamedTuple):
    """One key; a tuple, for there are many."""

    name: bytes
    digest: str
    expiry: int
    """Milliseconds since the epoch, or -1."""
    blob: bytes
    """As the server serialises it; empty where that was not asked for."""


def keys(client: Any) -> Iterator[list[bytes]]:
    """Yield every key once, in batches; SCAN may name one twice."""
    seen: set[bytes] = set()
    cursor = 0
    while True:
        abreast.require_going()
        cursor, found = client.scan(cursor, count=BATCH)
        fresh = [key for key in dict.fromkeys(found) if key not in seen]
        seen.update(fresh)
        if fresh:
            yield fresh
        if cursor == 0:
            return


def read(client: Any, *, dumps: bool = False) -> Iterator[Key]:
    """Yield all keys of a database with the digests of their values."""
    for answers in _ahead(keys(client), lambda names: _asked(client, names, dumps=dumps)):
        for names, head, blobs in answers:
            yield from _answered(client, names, head, blobs, dumps=dumps)


def _ahead(items: Iterable[K], work: Callable[[K], T]) -> Iterator[T]:
    """Yield what `work` gives; the server works on the next while the caller is at one."""
    under_way: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) > _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _asked(client: Any, names: list[bytes], *, dumps: bool) -> list[tuple[list[bytes], str, bytes]]:
    """Ask for the keys, in as many turns as the script takes."""
    found = []
    while names:
        head, blobs = client.execute_command("EVAL_RO", _SCRIPT, len(names), *names, int(dumps))
        done = len(head) // _HEAD
        found.append((names[:done], head.decode("ascii"), blobs))
        names = names[done:]
    return found


def _answered(
    client: Any, names: Sequence[bytes], head: str, blobs: bytes, *, dumps: bool
) -> Iterator[Key]:
    others = []
    at = 0
    for number, name in enumerate(names):
        row = head[number * _HEAD : (number + 1) * _HEAD]
        expiry, size = int(row[40:60]), int(row[60:])
        if row.startswith(_OTHER):
            others.append(name)
        elif expiry != _GONE:
            yield Key(name, row[:40], expiry, blobs[at : at + size])
        at += size
    yield from _one_by_one(client, others, dumps=dumps)


_GONE = -2
"""The expiry of a key that has expired meanwhile."""


def _one_by_one(client: Any, names: Sequence[bytes], *, dumps: bool) -> Iterator[Key]:
    """Yield keys that the script leaves alone: large ones, streams, types of modules."""
    for name in names:
        kind = client.execute_command("TYPE", name)
        kind = kind if isinstance(kind, bytes) else str(kind).encode()
        # A type of a module: its own serialisation is all that there is.
        before, after = READS.get(kind, (("DUMP",), ()))
        pipe = client.pipeline(transaction=False)
        pipe.execute_command(*before, name, *after)
        pipe.execute_command("PEXPIRETIME", name)
        if dumps:
            pipe.execute_command("DUMP", name)
        value, expiry, *blob = pipe.execute()
        if expiry == _GONE or value is None or None in blob:
            continue
        yield Key(name, digest(name, kind, value), int(expiry), blob[0] if blob else b"")
