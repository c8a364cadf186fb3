"""Redis: its keys carried over as the server serialises them, with their expiry."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from ...errors import DataRefused
from .manifest import Manifest
from .redis_reading import BATCH, Key
from .redis_store import Server, described, library

_KEYS = "keys"
_FUNCTIONS = "functions"
_RECORD = struct.Struct(">IqIQ")
"""Before each key in the file: its database, its expiry, and the bytes of its name and dump."""
_BYTES = 4 * 1024 * 1024
"""Bytes of dumps that are restored at once."""
_RESTORE = """
for i, key in ipairs(KEYS) do
    redis.call('RESTORE', key, ARGV[2 * i - 1], ARGV[2 * i], 'REPLACE', 'ABSTTL')
end
"""


def dump(found: Server, folder: Path) -> tuple[Manifest, int]:
    """Write every key with its expiry, and the functions; return what they are, and the bytes."""
    redis = library()
    try:
        with (folder / _KEYS).open("wb") as stream:
            manifest = described(found, lambda database, key: _write(stream, database, key))
        with suppress(redis.ResponseError):  # before Redis 7
            blob = found.client().execute_command("FUNCTION", "DUMP")
            (folder / _FUNCTIONS).write_bytes(blob)
    except redis.RedisError as error:
        raise found.refused("dumping", error) from error
    return manifest, sum(path.stat().st_size for path in folder.iterdir())


def _write(stream: IO[bytes], database: int, key: Key) -> None:
    head = _RECORD.pack(database, max(0, key.expiry), len(key.name), len(key.blob))
    stream.write(b"".join((head, key.name, key.blob)))


def _written(stream: IO[bytes]) -> Iterator[tuple[int, bytes, int, bytes]]:
    """Yield (database, key, expiry, dump)."""
    while head := stream.read(_RECORD.size):
        database, expiry, name, blob = _RECORD.unpack(head)
        yield database, stream.read(name), expiry, stream.read(blob)


def empty(found: Server) -> None:
    """Remove every key and function."""
    redis = library()
    try:
        found.client().execute_command("FLUSHALL", "SYNC")
        with suppress(redis.ResponseError):  # before Redis 7
            found.client().execute_command("FUNCTION", "FLUSH", "SYNC")
    except redis.RedisError as error:
        raise found.refused("emptying", error) from error


def load(found: Server, folder: Path) -> None:
    """Restore what `dump` wrote into an emptied server.

    Raises DataRefused; the server then holds a part.
    """
    redis = library()
    if not (folder / _KEYS).is_file():
        raise DataRefused(f"{found.store}: no dump of its keys is in {folder}.")
    try:
        functions = folder / _FUNCTIONS
        if functions.is_file():
            found.client().execute_command("FUNCTION", "RESTORE", functions.read_bytes(), "FLUSH")
        with (folder / _KEYS).open("rb") as stream:
            batch: list[tuple[int, bytes, int, bytes]] = []
            size = 0
            for row in _written(stream):
                if batch and (batch[0][0] != row[0] or len(batch) >= BATCH or size > _BYTES):
                    _restore(found, batch)
                    batch, size = [], 0
                batch.append(row)
                size += len(row[3])
            if batch:
                _restore(found, batch)
    except redis.RedisError as error:
        raise found.refused("restoring", error) from error


def _restore(found: Server, batch: list[tuple[int, bytes, int, bytes]]) -> None:
    names = [key for _, key, _, _ in batch]
    values = [part for _, _, expiry, blob in batch for part in (expiry, blob)]
    client = found.client(batch[0][0])
    client.execute_command("EVAL", _RESTORE, len(names), *names, *values)
