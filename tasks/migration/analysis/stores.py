"""Stores that are known by the name of their image: where they keep what must not be lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Store:
    """One kind of store."""

    name: str
    data: tuple[str, ...]
    """The folders whose loss is the loss of the data (of the image's own documentation)."""
    variable: str | None = None
    """The variable that moves that folder."""


_POSTGRES = Store("postgres", ("/var/lib/postgresql",), "PGDATA")
_MYSQL = Store("mysql", ("/var/lib/mysql",))
_STORES = {
    "postgres": _POSTGRES,
    "postgis": _POSTGRES,
    "pgvector": _POSTGRES,
    "timescaledb": _POSTGRES,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "percona": _MYSQL,
    "redis": Store("redis", ("/data",)),
    "valkey": Store("valkey", ("/data",)),
    "mongo": Store("mongo", ("/data/db",)),
    "rabbitmq": Store("rabbitmq", ("/var/lib/rabbitmq",)),
    "elasticsearch": Store("elasticsearch", ("/usr/share/elasticsearch/data",)),
    "opensearch": Store("opensearch", ("/usr/share/opensearch/data",)),
    "clickhouse-server": Store("clickhouse", ("/var/lib/clickhouse",)),
    "cassandra": Store("cassandra", ("/var/lib/cassandra",)),
    "influxdb": Store("influxdb", ("/var/lib/influxdb2", "/var/lib/influxdb")),
    "memcached": Store("memcached", ()),
}
CACHES = frozenset({"redis", "valkey"})
"""Stores that often hold nothing that must last."""


def store_of(image: str) -> Store | None:
    """Return the store that an image is, by its last name; None for others.

    Bitnami's images are left out: they keep their data elsewhere.
    """
    path = image.split("@")[0]
    name = path.rsplit("/", 1)[-1].split(":")[0]
    return None if "bitnami" in path else _STORES.get(name)
