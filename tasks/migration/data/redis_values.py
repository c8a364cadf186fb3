"""Values of Redis in one form, whatever a server's version and their order in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

READS: dict[bytes, tuple[tuple[object, ...], tuple[object, ...]]] = {
    b"string": (("GET",), ()),
    b"list": (("LRANGE",), (0, -1)),
    b"set": (("SMEMBERS",), ()),
    b"hash": (("HGETALL",), ()),
    b"zset": (("ZRANGE",), (0, -1, "WITHSCORES")),
    b"stream": (("XINFO", "STREAM"), ("FULL", "COUNT", 0)),
}
"""Type -> what stands before the key in the command that reads it, and behind."""

_OF_A_SERVER = {b"length", b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time"}
"""What `XINFO STREAM` says of the server's own bookkeeping."""
_HALF = 12
"""Digits of a digest that are summed at a time: Lua counts in doubles."""


def digest(key: bytes, kind: bytes, value: Any) -> str:
    """Return the digest of a key and its value, as redis_read.lua makes it in the server."""
    return hashlib.sha1(b"\0".join((key, kind, canonical(kind, value)))).hexdigest()  # noqa: S324


def canonical(kind: bytes, value: Any) -> bytes:
    """Return an answer of the server as bytes, the same for the same value."""
    if kind == b"hash":
        pairs = (
            value.items() if isinstance(value, dict) else zip(value[::2], value[1::2], strict=True)
        )
        return _unordered([joined(list(pair)) for pair in pairs])
    if kind == b"set":
        return _unordered([bytes(item) for item in value])
    if kind == b"zset":
        # Versions print one score differently; 17 digits are all that there are.
        return joined([p for name, score in _pairs(value) for p in (name, b"%.17g" % float(score))])
    if kind == b"stream":
        value = _plain(value)
    return joined(value)


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return pairs, which the client may have made of the answer already."""
    if isinstance(value, dict):
        return value.items()
    if value and isinstance(value[0], (list, tuple)):
        return [(name, score) for name, score in value]
    return zip(value[::2], value[1::2], strict=True)


def _unordered(parts: Sequence[bytes]) -> bytes:
    """Return the sum of the digests of parts that have no order."""
    sums = [0, 0]
    for part in parts:
        text = hashlib.sha1(part).hexdigest()  # noqa: S324 - against accidents
        for number in (0, 1):
            half = int(text[number * _HALF : (number + 1) * _HALF], 16)
            sums[number] = (sums[number] + half) % 16**_HALF
    return b"%d-%d-%d" % (len(parts), *sums)


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
