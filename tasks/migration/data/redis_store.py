"""Redis and Valkey: a server, its client, and what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ...errors import DataRefused, UsageError
from ...modes.base import Address
from ...modes.local import LocalMode
from ...modes.servers import redis_options
from ...stack.placement import LOOPBACK
from . import last_words
from .manifest import Entry, Manifest, keyed, major
from .redis_reading import Key, read
from .site import Site
from .stores import Store
from .tools import container_of, variables_of

_OLDEST = 7
_MASK = (1 << 128) - 1


class Server:
    """One server, asked through redis-py."""

    def __init__(
        self,
        store: str,
        side: str,
        address: Address,
        password: str | None,
        log: Callable[[], str] = str,
    ) -> None:
        self.store, self.side = store, side
        self.last_words = log
        """What its own log says, in a sentence."""
        self._address, self._password = address, password
        self._clients: dict[tuple[int, float | None], Any] = {}

    def client(self, database: int = 0, *, patience: float | None = 60.0) -> Any:
        """Return a client of one of the databases, bytes in and out.

        `patience` is how many seconds an answer may take; None: as long as it does.
        """
        key = database, patience
        if key not in self._clients:
            redis = library()
            self._clients[key] = redis.Redis(
                host=self._address.host,
                port=self._address.port,
                db=database,
                password=self._password,
                protocol=2,
                socket_timeout=patience,
                socket_connect_timeout=10,
            )
        return self._clients[key]

    def databases(self) -> tuple[int, ...]:
        """Return the databases that have keys."""
        found = self.client().info("keyspace")
        return tuple(sorted(int(name.removeprefix("db")) for name in found))

    def refused(self, doing: str, error: BaseException) -> DataRefused:
        """Return the error that says what failed here."""
        return DataRefused(f"{self.store} on {self.side}: {doing} failed: {error}")

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()


def library() -> Any:
    """Return redis-py; raises UsageError that says how to get it."""
    try:
        import redis
    except ImportError as error:
        raise UsageError(
            "Moving the data of Redis needs its Python client: pip install 'tranship[data]'"
        ) from error
    return redis


def server(site: Site, store: Store) -> Server:
    """Return the store's server on this side.

    Raises DataRefused when it does not run.
    """
    service = site.project.stack.services[store.service]
    port = service.container_port or 6379
    if isinstance(site.mode, LocalMode):
        address = Address(LOOPBACK, site.mode.ports.local[store.service, port])
    else:
        container = container_of(site, store)
        address = container.published.get(port) or Address(
            next(iter(container.addresses), LOOPBACK), port
        )
    log = partial(last_words.of, site, store)
    return Server(store.name, site.side, address, _password(site, store), log)


def _password(site: Site, store: Store) -> str | None:
    service = site.project.stack.services[store.service]
    written = dict(redis_options(service.command)).get("requirepass")
    if written:
        return written[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    variables = variables_of(site, store)
    for name in ("REDIS_PASSWORD", "VALKEY_PASSWORD", "REDISCLI_AUTH"):
        if variables.get(name):
            return variables[name]
    return None


def version(found: Server) -> str:
    """Return the version of Redis that the server is, or is compatible with."""
    try:
        return str(found.client().info("server")["redis_version"])
    except library().RedisError as error:
        raise found.refused("asking its version", error) from error


def manifest(found: Server) -> Manifest:
    """Return what the server holds: digests of values, not of how a version encodes them.

    Raises DataRefused.
    """
    try:
        return described(found)
    except library().RedisError as error:
        raise found.refused("reading", error) from error


def described(found: Server, take: Callable[[int, Key], None] | None = None) -> Manifest:
    """Return what the server holds; each key is given to `take`, if there, with its dump.

    Raises what the client does, and DataRefused for a server that cannot be read.
    """
    release = version(found)
    if major(release) < _OLDEST:
        raise DataRefused(
            f"{found.store} on {found.side} is Redis {release}: keys are read with their expiry by "
            f"what Redis has since {_OLDEST}. Update it first."
        )
    entries, fleeting = [], []
    for database in found.databases():
        count, total = 0, 0
        for key in read(found.client(database), dumps=take is not None):
            if take is not None:
                take(database, key)
            if key.expiry < 0:
                count += 1
                total = (total + int(key.digest[:32], 16)) & _MASK
            else:
                name = f"{_shown(key.name)} of database {database}"
                fleeting.append(Entry("key", name, key.digest[:32], key.expiry))
        if count:
            entries.append(Entry("database", str(database), f"{total:032x}", count, "keys"))
    functions = _functions(found.client())
    if functions:
        code = hashlib.sha256(json.dumps(functions).encode()).hexdigest()[:32]
        entries.append(Entry("functions", "", code, len(functions), "libraries"))
    seconds, micros = found.client().time()
    return Manifest(
        found.store,
        "redis",
        release,
        keyed(*entries),
        seconds + micros / 1e6,
        keyed(*fleeting),
    )


def _shown(key: bytes) -> str:
    """Return a key as a message may show it: whole when it is short, else by its digest."""
    text = key.decode("utf-8", "backslashreplace")
    return text if len(text) <= 60 else f"{text[:40]}...{hashlib.sha256(key).hexdigest()[:12]}"


def _functions(client: Any) -> list[list[str]]:
    try:
        found = client.execute_command("FUNCTION", "LIST", "WITHCODE")
    except library().ResponseError:  # before Redis 7
        return []
    pairs = [dict(zip(item[::2], item[1::2], strict=True)) for item in found]
    return sorted(
        [item[b"library_name"].decode(), item[b"library_code"].decode("utf-8", "replace")]
        for item in pairs
    )


def holds(described: Manifest) -> str | None:
    """Return what there is to lose, in words; None when there is nothing."""
    rows = described.rows
    return f"{rows} key{'s' if rows > 1 else ''}" if rows else None
