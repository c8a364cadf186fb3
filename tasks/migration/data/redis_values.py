"""Values of Redis in one form, whatever a server's version and their order in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BATCH = 500
"""Keys that are asked for at once."""


def keys(client: Any) -> Iterator[list[bytes]]:
    """Yield every key once, in batches; SCAN may name one twice."""
    seen: set[bytes] = set()
    cursor = 0
    while True:
        cursor, found = client.scan(cursor, count=BATCH)
        fresh = [key for key in dict.fromkeys(found) if key not in seen]
        seen.update(fresh)
        if fresh:
            yield fresh
        if cursor == 0:
            return


_READS: dict[bytes, tuple[tuple[object, ...], tuple[object, ...]]] = {
    b"string": (("GET",), ()),
    b"list": (("LRANGE",), (0, -1)),
    b"set": (("SMEMBERS",), ()),
    b"hash": (("HGETALL",), ()),
    b"zset": (("ZRANGE",), (0, -1, "WITHSCORES")),
    b"stream": (("XINFO", "STREAM"), ("FULL", "COUNT", 0)),
}
"""Type -> what stands before the key in the command that reads it, and behind."""


def values(client: Any) -> Iterator[tuple[bytes, bytes, int, bytes]]:
    """Yield (key, type, expiry in ms since the epoch or -1, value in one form) of all keys."""
    for batch in keys(client):
        pipe = client.pipeline(transaction=False)
        for key in batch:
            pipe.execute_command("TYPE", key)
            pipe.execute_command("PEXPIRETIME", key)
        head = pipe.execute()
        kinds, expiries = head[::2], head[1::2]
        pipe = client.pipeline(transaction=False)
        for key, kind in zip(batch, kinds, strict=True):
            name = kind if isinstance(kind, bytes) else str(kind).encode()
            # A type of a module: its own serialisation is all that there is.
            before, after = _READS.get(name, (("DUMP",), ()))
            pipe.execute_command(*before, key, *after)
        for key, kind, expiry, value in zip(batch, kinds, expiries, pipe.execute(), strict=True):
            if value is None or expiry == -2:  # expired meanwhile
                continue
            name = kind if isinstance(kind, bytes) else str(kind).encode()
            yield key, name, int(expiry), canonical(name, value)


_OF_A_SERVER = {b"length", b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time"}
"""What `XINFO STREAM` says of the server's own bookkeeping."""


def canonical(kind: bytes, value: Any) -> bytes:
    """Return an answer of the server as bytes, the same for the same value."""
    if isinstance(value, dict):
        value = [part for pair in sorted(value.items()) for part in pair]
    elif kind == b"hash" and isinstance(value, list):
        pairs = sorted(zip(value[::2], value[1::2], strict=True))
        value = [part for pair in pairs for part in pair]
    elif kind == b"set":
        value = sorted(value)
    elif kind == b"stream":
        value = _plain(value)
    return joined(value)


def _plain(value: Any) -> Any:
    """Return a stream's answer without what differs from server to server."""
    if isinstance(value, dict):
        return [[k, _plain(v)] for k, v in sorted(value.items()) if k not in _OF_A_SERVER]
    if isinstance(value, list):
        if (
            len(value) % 2 == 0
            and value
            and isinstance(value[0], bytes)
            and _OF_A_SERVER & {item for item in value[::2] if isinstance(item, bytes)}
        ):
            return _plain(dict(zip(value[::2], value[1::2], strict=True)))
        return [_plain(item) for item in value]
    return value


def joined(value: Any) -> bytes:
    """Return nested lists as bytes, in which no two values look alike."""
    if isinstance(value, (list, tuple)):
        parts = [joined(item) for item in value]
        return b"[%d:" % len(parts) + b"".join(b"%d:" % len(p) + p for p in parts) + b"]"
    return value if isinstance(value, bytes) else str(value).encode()
