"""Redis: its keys carried over as the server serialises them, with their expiry."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from .redis_store import Server, library
from .redis_values import BATCH, keys


def dump(found: Server, folder: Path) -> int:
    """Write every key with its expiry, and the functions; return the bytes."""
    redis = library()
    path = folder / "keys.jsonl"
    try:
        with path.open("w", encoding="ascii") as stream:
            try:
                blob = found.client().execute_command("FUNCTION", "DUMP")
                stream.write(json.dumps({"functions": _encoded(blob)}) + "\n")
            except redis.ResponseError:  # before Redis 7
                pass
            for database in found.databases():
                client = found.client(database)
                for names in keys(client):
                    pipe = client.pipeline(transaction=False)
                    for key in names:
                        pipe.execute_command("DUMP", key)
                        pipe.execute_command("PEXPIRETIME", key)
                    answers = pipe.execute()
                    for key, blob, expiry in zip(names, answers[::2], answers[1::2], strict=True):
                        if blob is not None:
                            row = [database, _encoded(key), _encoded(blob), max(0, int(expiry))]
                            stream.write(json.dumps(row) + "\n")
    except redis.RedisError as error:
        raise found.refused("dumping", error) from error
    return path.stat().st_size


def _encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


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
    try:
        with (folder / "keys.jsonl").open(encoding="ascii") as stream:
            batch: list[list[Any]] = []
            for line in stream:
                row = json.loads(line)
                if isinstance(row, dict):
                    blob = base64.b64decode(row["functions"])
                    found.client().execute_command("FUNCTION", "RESTORE", blob, "FLUSH")
                    continue
                if batch and (batch[0][0] != row[0] or len(batch) >= BATCH):
                    _restore(found, batch)
                    batch = []
                batch.append(row)
            if batch:
                _restore(found, batch)
    except redis.RedisError as error:
        raise found.refused("restoring", error) from error


def _restore(found: Server, batch: list[list[Any]]) -> None:
    pipe = found.client(batch[0][0]).pipeline(transaction=False)
    for _, key, blob, expiry in batch:
        pipe.execute_command(
            "RESTORE", base64.b64decode(key), expiry, base64.b64decode(blob), "REPLACE", "ABSTTL"
        )
    pipe.execute()
