"""A stack with a database, keys and files, and what is put into them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from tranship import settings
from tranship.envmap import project as projects
from tranship.migration.data import site, stores

from .projects import PYTHON_IMAGE, Project, free_port
from .switchstack import PACE, POSTGRES_IMAGE, REDIS_IMAGE

PASSWORD = "s3cr'et$x"
KEY_PASSWORD = 'p w"d'


def write(project: Project, *, volumes: dict[str, Any] | None = None) -> Project:
    """Write the project's files."""
    ports = {"db": free_port(), "cache": free_port()}
    project.compose(
        {
            "db": {
                "image": POSTGRES_IMAGE,
                "environment": {
                    "POSTGRES_USER": "shop",
                    "POSTGRES_PASSWORD": PASSWORD.replace("$", "$$"),
                    "POSTGRES_DB": "shop",
                    "PGDATA": "/var/lib/postgresql/data/pgdata",
                },
                "command": ["postgres", "-c", "fsync=off"],
                "ports": [f"127.0.0.1:{ports['db']}:5432"],
                "volumes": ["db-data:/var/lib/postgresql/data"],
                "healthcheck": {"test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"], **PACE},
                "x-tranship": {
                    "local": {"server": "postgres"},
                    "health": {"postgres": True, "port": 5432},
                },
            },
            "cache": {
                "image": REDIS_IMAGE,
                "command": ["redis-server", "--dir", "/data", "--requirepass", KEY_PASSWORD],
                "ports": [f"127.0.0.1:{ports['cache']}:6379"],
                "volumes": ["cache-data:/data"],
                "x-tranship": {
                    "local": {"server": "redis"},
                    "health": {"redis": True, "port": 6379},
                },
            },
            "web": {
                "image": PYTHON_IMAGE,
                "command": ["python", "-m", "http.server"],
                "volumes": ["uploads:/srv/uploads"],
                "x-tranship": {"data": [{"volume": "uploads", "local": "uploads"}]},
            },
        },
        volumes={"db-data": {}, "cache-data": {}, "uploads": {}, **(volumes or {})},
        settings={"start-timeout": 90},
    )
    return project


def sites(project: Project) -> tuple[site.Site, site.Site, tuple[stores.Store, ...]]:
    """Return both sides and the stores of the servers."""
    opened = projects.open_project(settings.load(project.root))
    return (
        site.own_site(opened, "local"),
        site.own_site(opened, "docker"),
        stores.stores(opened, ["db", "cache"]),
    )


@contextmanager
def both_up(project: Project) -> Iterator[tuple[site.Site, site.Site]]:
    """Have the servers of both sides run, the docker side's on other ports."""
    local, docker, servers = sites(project)
    project.inv("local.up", "--service", "db,cache").exits(0)
    try:
        with site.opened(docker, servers) as there:
            yield local, there
    finally:
        project.inv("local.down").exits(0)


def port(where: site.Site, service: str) -> int:
    """Return the host's port of a server."""
    return where.mode.addresses()[service].port


def sql(number: int, text: str, database: str = "shop", **options: Any) -> list[Any]:
    """Run SQL and return its rows."""
    with psycopg.connect(
        host="127.0.0.1",
        port=number,
        user="shop",
        password=PASSWORD,
        dbname=database,
        autocommit=True,
        **options,
    ) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def keys(number: int, database: int = 0) -> Iterator[Any]:
    """Yield a client of a Redis server."""
    with redis.Redis(port=number, password=KEY_PASSWORD, db=database) as client:
        yield client


SCHEMA = """
CREATE ROLE app LOGIN PASSWORD 'app-password';
CREATE ROLE readers;
GRANT readers TO app;
CREATE SCHEMA crm AUTHORIZATION app;
CREATE TYPE crm.mood AS ENUM ('sad', 'ok');
CREATE TABLE crm.people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a ""name" text, mood crm.mood,
    at timestamptz DEFAULT now(), number float8, document jsonb, blob bytea,
    upper text GENERATED ALWAYS AS (upper("a ""name")) STORED);
INSERT INTO crm.people ("a ""name", mood, number, document, blob)
    SELECT 'o''name ' || i, 'ok', random(), '{"a": 1}', decode('00ff', 'hex')
    FROM generate_series(1, 2000) AS i;
CREATE TABLE parted (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2022-01-01');
INSERT INTO parted SELECT i, '2020-01-01'::date + i FROM generate_series(1, 300) AS i;
CREATE SEQUENCE loose START 7;
SELECT nextval('loose');
CREATE VIEW many AS SELECT count(*) FROM crm.people;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE INDEX by_number ON crm.people (number);
GRANT SELECT ON crm.people TO readers;
SELECT lo_from_bytea(0, '\\x010203');
ALTER DATABASE shop SET work_mem = '8MB';
ALTER DATABASE shop SET search_path = "$user", public, crm;
"""


def fill(where: site.Site) -> None:
    """Put something of every kind into the servers of a side."""
    number = port(where, "db")
    sql(number, SCHEMA)
    sql(number, 'CREATE DATABASE "other db" OWNER app')
    sql(number, "CREATE TABLE t AS SELECT generate_series(1, 10) AS n", "other db")
    with keys(port(where, "cache")) as client:
        client.set("text", b"\x00\xff binary")
        client.set("expiring", "x", px=3_600_000)
        client.rpush("list", *range(1000))
        client.sadd("set", *range(50))
        client.hset("hash", mapping={str(i): i for i in range(300)})
        client.zadd("scores", {"a": 1.5, "b": float("inf")})
        client.xadd("stream", {"a": 1})
        client.xadd("stream", {"a": 2})
        client.xgroup_create("stream", "group", id="0")
        client.xreadgroup("group", "consumer", {"stream": ">"}, count=1)
        client.pfadd("guess", 1, 2, 3)
        client.function_load(
            "#!lua name=own\nredis.register_function('f', function() return 1 end)"
        )
    with keys(port(where, "cache"), 3) as client:
        client.set("in the third", 3)


def fill_folder(folder: Path) -> None:
    """Make a folder with files of every kind."""
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a").write_text("hi\n")
    (folder / "a").chmod(0o640)
    os.chown(folder / "a", 10_001, 10_002)
    os.chown(folder, 10_001, -1)
    os.link(folder / "a", folder / "same")
    (folder / "link").symlink_to("a")
    (folder / "elsewhere").symlink_to("/etc/./absent")
    (folder / "sub" / "deep" / ".hidden").write_text("x")
    (folder / "sub").chmod(0o2750)
    (folder / "a name\twith ü").write_bytes(os.urandom(100_000))
    (folder / os.fsdecode(b"bad\xff")).write_text("")
    os.mkfifo(folder / "pipe")
    with (folder / "hollow").open("wb") as stream:
        stream.truncate(8 << 20)
        stream.seek(0, os.SEEK_END)
        stream.write(b"end")
