"""`inv data.*`: what is in one side's stores is, after a copy, in the other's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from tranship.migration.data import (
    copying,
    freezing,
    postgres,
    postgres_manifest,
    postgres_restoring,
    redis_reading,
    site,
    tools,
)
from tranship.migration.data.manifest import differences

from . import datastacks
from .conftest import NewProject
from .datastacks import keys, port, sql
from .projects import Project, docker

ROUTE = ("--from", "local", "--to", "docker")
SERVERS = ("--service", "db,cache")


@pytest.fixture(scope="module")
def up(module_project: NewProject) -> Iterator[tuple[Project, site.Site, site.Site]]:
    """Yield a project whose servers are up on both sides; the local ones hold data."""
    project = datastacks.write(module_project())
    with datastacks.both_up(project) as (local, there):
        datastacks.fill(local)
        yield project, local, there


def test_a_copy_has_all_of_it(up: tuple[Project, site.Site, site.Site]) -> None:
    project, local, there = up

    done = project.inv("data.copy", *ROUTE, *SERVERS).exits(0)

    assert ["db", "postgres", "2311"] == done.row("db")[:3]
    assert "same on both sides" == done.row("cache")[-1]
    done.says("The source refused writes for")
    number = port(there, "db")
    assert [("8MB", '"$user", public, crm')] == sql(
        number, "SELECT current_setting('work_mem'), current_setting('search_path')"
    )
    assert [(8,)] == sql(number, "SELECT nextval('loose')")
    assert [(10,)] == sql(number, "SELECT count(*) FROM t", "other db")
    with psycopg.connect(
        host="127.0.0.1", port=number, user="app", password="app-password", dbname="shop"
    ) as connection:
        assert connection.execute("SELECT count(*) FROM crm.people").fetchone() == (2000,)
    with keys(port(there, "cache")) as client, keys(port(local, "cache")) as original:
        assert original.pexpiretime("expiring") == client.pexpiretime("expiring") > 0
        assert original.xinfo_groups("stream") == client.xinfo_groups("stream")
        assert 1 == client.fcall("f", 0)
    with keys(port(there, "cache"), 3) as client:
        assert b"3" == client.get("in the third")
    state = project.root / ".tranship" / "migration"
    assert [] == list((state / "copies").iterdir())
    assert {} == json.loads((state / "frozen.json").read_text())
    for where in (local, there):
        sql(port(where, "db"), "CREATE TABLE new (); DROP TABLE new")
        assert [] == sql(
            port(where, "db"), "SELECT datname FROM pg_database WHERE datname LIKE 'tranship%'"
        )
        with keys(port(where, "cache")) as client:
            client.incr("a counter")
            client.delete("a counter")
    # nextval above moved the copy on.
    project.inv("data.verify", *ROUTE, *SERVERS).exits(1).says(
        "db: sequence shop.public.loose: differs on local and on docker."
    )


def test_what_is_replaced_is_in_a_snapshot(up: tuple[Project, site.Site, site.Site]) -> None:
    project, local, there = up
    sql(port(there, "db"), "CREATE TABLE only_here AS SELECT 1 AS n; CREATE ROLE only_here")
    with keys(port(there, "cache")) as client:
        client.set("only here", "kept")
    refused = project.inv("data.copy", *ROUTE, *SERVERS).exits(2)
    refused.says("cache on docker holds", "db on docker holds", "--replace")

    done = project.inv("data.copy", *ROUTE, *SERVERS, "--replace").exits(0)

    name = done.out.split("kept in the snapshot ")[1].split()[0].rstrip(".")
    with keys(port(there, "cache")) as client, keys(port(local, "cache")) as original:
        assert sorted(original.keys()) == sorted(client.keys())
    assert [] == sql(port(there, "db"), "SELECT 1 FROM pg_class WHERE relname = 'only_here'")
    project.inv("data.list").exits(0).says(name)
    project.inv("data.restore", name, "--to", "docker", "--replace").exits(0)
    assert [(1,)] == sql(port(there, "db"), "SELECT n FROM only_here")
    with keys(port(there, "cache")) as client:
        assert b"kept" == client.get("only here")


def test_frozen_stores_refuse_writes_and_answer_reads(
    up: tuple[Project, site.Site, site.Site],
) -> None:
    project, local, _ = up
    _, _, servers = datastacks.sites(project)
    number = port(local, "db")
    with psycopg.connect(
        host="127.0.0.1", port=number, user="shop", password=datastacks.PASSWORD, dbname="shop"
    ) as before:
        before.execute("SELECT 1")
        with freezing.frozen(local, servers) as pause:
            with pytest.raises(psycopg.errors.AdminShutdown):
                before.execute("INSERT INTO parted VALUES (1, '2020-01-01')")
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                sql(number, "INSERT INTO parted VALUES (1, '2020-01-01')")
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                sql(number, "SELECT nextval('loose')")
            assert [(300,)] == sql(number, "SELECT count(*) FROM parted")
            with keys(port(local, "cache")) as client:
                with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
                    client.set("text", 1)
                assert 50 == client.scard("set")
    assert 0 < pause.seconds < 30
    sql(number, "INSERT INTO parted VALUES (1, '2020-01-01')")
    sql(number, "DELETE FROM parted WHERE id = 1 AND day = '2020-01-01'")


def test_what_was_written_since_is_found_without_reading_the_rows_again(
    up: tuple[Project, site.Site, site.Site],
) -> None:
    _, local, _ = up
    number = port(local, "db")
    server = postgres.server(local, datastacks.sites(up[0])[2][0])
    sql(number, "CREATE TABLE seen AS SELECT i AS n, 'text' AS t FROM generate_series(1, 9) AS i")
    with psycopg.connect(
        host="127.0.0.1", port=number, user="shop", password=datastacks.PASSWORD, dbname="shop"
    ) as under_way:
        under_way.execute("UPDATE seen SET t = 'later' WHERE n = 9")
        before = postgres_manifest.manifest(server)
        quick = postgres_manifest.manifest(server, marks=before.marks)
        tables = [entry for entry in quick.entries.values() if entry.kind == "table"]
        assert {""} == {entry.digest for entry in tables}
        assert dict(before.entries) == dict(postgres_manifest.again(server, before).entries)
        under_way.commit()
    changes = {
        "SELECT": "table shop.public.seen: the rows differ",  # what was under way is done
        "UPDATE seen SET n = 10 WHERE n = 1": "table shop.public.seen: the rows differ",
        "DELETE FROM seen WHERE n = 2": "table shop.public.seen: 9 rows before, 8 after",
        "DELETE FROM seen WHERE n = 3; INSERT INTO seen VALUES (3, 'other')": "the rows differ",
        "SELECT nextval('loose')": "sequence shop.public.loose: differs",
        "ALTER TABLE seen ADD COLUMN more int DEFAULT 1": "columns of table shop.public.seen",
        "DROP TABLE seen": "table shop.public.seen is there before and not after",
    }
    for change, expected in changes.items():
        sql(number, change)
        after = postgres_manifest.again(server, before)
        found = differences(before, after)
        assert any(expected in line for line in found), (change, found)
        before = postgres_manifest.manifest(server)
        assert dict(before.entries) == dict(after.entries)


def test_the_server_and_this_side_make_one_digest_of_a_key(
    up: tuple[Project, site.Site, site.Site],
) -> None:
    _, local, _ = up
    with keys(port(local, "cache"), 5) as client:
        client.mset({"a\x00b": "x", "": "empty name", "large": "y" * 100_000})
        client.zadd("odd scores", {b"\xff": 0.1, "b": -1e300, "c": float("-inf"), "d": 3})
        client.sadd("many", *range(400))
        client.hset("fields", mapping={"b": "", "a": b"\x00", "": "c"})
        client.rpush("row", "", "a", b"\r\n")
        for database in (0, 5):
            client.select(database)
            read = {key.name: key for key in redis_reading.read(client, dumps=True)}
            names = [name for batch in redis_reading.keys(client) for name in batch]
            plain = redis_reading._one_by_one(client, names, dumps=True)
            assert read == {key.name: key for key in plain}
            assert set(names) == set(read)
        client.select(5)
        client.flushdb()


def test_big_tables_are_restored_by_several_connections(
    up: tuple[Project, site.Site, site.Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, local, there = up
    store = datastacks.sites(project)[2][0]
    sql(port(local, "db"), "CREATE TABLE second AS SELECT i FROM generate_series(1, 900) AS i")
    monkeypatch.setattr(postgres_restoring, "PARALLEL_FROM", 1)
    monkeypatch.setattr(postgres_restoring, "BIG_ROWS", 900)
    monkeypatch.setattr(postgres_restoring, "cpus", lambda: 2)
    calls: list[tuple[str, ...]] = []
    plain = tools.Tools.run

    def run(found: tools.Tools, *words: str, **options: Any) -> str:
        calls.append(words)
        return plain(found, *words, **options)

    monkeypatch.setattr(tools.Tools, "run", run)
    copying.copy(local, there, [store], replace=True)
    assert 1 == sum("--jobs=2" in words and words[0] == "sh" for words in calls)
    copying.copy(there, local, [store], replace=True)
    assert 1 == sum("--jobs=2" in words and words[0] == "pg_restore" for words in calls)

    # A container that has no room for the dump reads it as a stream.
    script = postgres_restoring._BY_A_FILE.replace("mktemp", "mktemp -p /absent")
    monkeypatch.setattr(postgres_restoring, "_BY_A_FILE", script)
    calls.clear()
    copying.copy(local, there, [store], replace=True)
    restores = [words for words in calls if "pg_restore" in words]
    assert ["pg_restore", "sh", "pg_restore"] == [words[0] for words in restores]
    assert "--jobs=2" not in restores[2]


def test_files_arrive_with_owners_modes_links_and_holes(project: Project) -> None:
    datastacks.write(project)
    folder = project.root / "uploads"
    datastacks.fill_folder(folder)

    done = project.inv("data.copy", *ROUTE, "--service", "web").exits(0)
    done.says("a change would have ended the copy")
    before = folder.rename(project.root / "before")
    project.inv("data.copy", "--from", "docker", "--to", "local", "--service", "web").exits(0)

    for path in sorted(before.rglob("*")):
        one, other = path.lstat(), (folder / path.relative_to(before)).lstat()
        assert (one.st_mode, one.st_uid, one.st_gid, one.st_size, one.st_nlink) == (
            other.st_mode,
            other.st_uid,
            other.st_gid,
            other.st_size,
            other.st_nlink,
        ), path
    assert "/etc/./absent" == os.readlink(folder / "elsewhere")  # noqa: PTH115 - untidied
    assert (folder / "hollow").stat().st_blocks * 512 < 1 << 20
    assert (folder / "a").samefile(folder / "same")
    assert "" == docker("ps", "-aq", "--filter", f"label=io.tranship.helper={project.name}")
    assert {"uploads"} == {p.name for p in project.root.glob("uploads*")}


def test_a_changed_file_is_found(project: Project) -> None:
    datastacks.write(project)
    folder = project.root / "uploads"
    folder.mkdir()
    (folder / "a").write_text("one")
    project.inv("data.copy", *ROUTE, "--service", "web").exits(0)
    (folder / "a").write_text("two")
    (folder / "b").write_text("new")

    done = project.inv("data.verify", *ROUTE, "--service", "web").exits(1)

    done.says("web:uploads: file a: its bytes, its mode or its further names differ on local")
    done.says("web:uploads: file b is there on local and not on docker.")
    project.inv("data.copy", *ROUTE, "--service", "web").exits(2).says("holds 1 file")
    project.inv("data.copy", *ROUTE, "--service", "web", "--replace").exits(0)
    project.inv("data.verify", *ROUTE, "--service", "web").exits(0)


def test_stores_alone_are_started_for_a_copy_and_stopped_after_it(project: Project) -> None:
    datastacks.write(project)

    project.inv("data.copy", *ROUTE, "--service", "cache").exits(0)

    assert [] == project.containers()
    assert [f"{project.name}_cache-data"] == project.volumes()
    assert [] == project.processes()
    assert not Path(project.root / ".tranship/migration/started-docker.json").exists()
