"""How long a copy has the source refuse writes: a million rows and 100,000 keys.

Beside it the same data moved by hand and not compared with anything: `pg_dump | pg_restore`,
then DUMP and RESTORE of each key by pipelines. Both in one run, so that a machine that is slow
or busy is so for both.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tranship.migration.data import copying, postgres, site
from tranship.migration.data.stores import Store

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.engine import datastacks  # noqa: E402
from tests.engine.datastacks import keys, port, sql  # noqa: E402
from tests.engine.projects import Project  # noqa: E402

LIMIT = 2.5
ROWS = """
CREATE TABLE orders AS SELECT i AS id, md5(i::text) AS ref, i * 1.5 AS amount,
    now() - i * interval '1 s' AS at, 'customer ' || (i % 1000) AS customer
FROM generate_series(1, 600000) AS i;
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE INDEX ON orders (customer);
CREATE TABLE fills AS SELECT i AS id, i % 1000 AS position, md5((i * 7)::text) AS ref
FROM generate_series(1, 400000) AS i;
ALTER TABLE fills ADD PRIMARY KEY (id);
"""
KEYS = 100_000
BATCH = 1000

pytestmark = pytest.mark.engine


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[site.Site, site.Site, tuple[Store, ...]]]:
    """Yield both sides of a stack, up, and its stores; the local side holds the data."""
    project = datastacks.write(Project(tmp_path, f"pause-{os.urandom(3).hex()}", tmp_path / "no"))
    try:
        with datastacks.both_up(project) as (local, there):
            sql(port(local, "db"), ROWS)
            sql(port(local, "db"), "VACUUM ANALYZE")
            sql(port(local, "db"), "CHECKPOINT")
            with keys(port(local, "cache")) as client:
                for first in range(0, KEYS, BATCH):
                    pipe = client.pipeline(transaction=False)
                    for number in range(first, first + BATCH):
                        put(pipe, number)
                    pipe.execute()
            yield local, there, datastacks.sites(project)[2]
    finally:
        project.clean()


def put(pipe: Any, number: int) -> None:
    """Write one key: of each ten a hash, a list, a sorted set and one that expires."""
    kind = number % 10
    if kind == 0:
        pipe.hset(f"h:{number}", mapping={"a": number, "b": "x" * 20, "c": number * 2})
    elif kind == 1:
        pipe.rpush(f"l:{number}", *range(5))
    elif kind == 2:
        pipe.zadd(f"z:{number}", {"a": number, "b": number + 0.5})
    else:
        pipe.set(f"s:{number}", f"value {number}" * 3, ex=86_400 if kind == 3 else None)


def by_hand(local: site.Site, there: site.Site, store: Store, folder: Path) -> float:
    """Move all of it and compare nothing; return the seconds that it took."""
    source, target = postgres.server(local, store), postgres.server(there, store)
    with keys(port(there, "cache")) as other:
        other.flushall()
    began = time.perf_counter()
    with (folder / "dump").open("wb") as stream:
        source.tools.run("pg_dump", "-Fc", "-d", "shop", doing="dumping", write=stream)
    target.psql("template1", "CREATE DATABASE by_hand", "making a database")
    with (folder / "dump").open("rb") as stream:
        target.tools.run("pg_restore", "-d", "by_hand", doing="restoring", read=stream)
    with keys(port(local, "cache")) as client, keys(port(there, "cache")) as other:
        names = list(client.scan_iter(count=BATCH))
        for first in range(0, len(names), BATCH):
            batch = names[first : first + BATCH]
            pipe = client.pipeline(transaction=False)
            for name in batch:
                pipe.dump(name)
                pipe.pexpiretime(name)
            answers = pipe.execute()
            back = other.pipeline(transaction=False)
            for name, blob, at in zip(batch, answers[::2], answers[1::2], strict=True):
                back.restore(name, max(0, at), blob, absttl=True)
            back.execute()
    seconds = time.perf_counter() - began
    target.psql("template1", "DROP DATABASE by_hand", "removing the database")
    return seconds


def test_the_pause_is_near_what_moving_alone_takes(
    both: tuple[site.Site, site.Site, tuple[Store, ...]], tmp_path: Path
) -> None:
    local, there, stores = both
    database = next(store for store in stores if store.kind == "postgres")

    plain = [by_hand(local, there, database, tmp_path)]
    report = copying.copy(local, there, stores, replace=True)
    plain.append(by_hand(local, there, database, tmp_path))

    assert [1_000_000, KEYS] == [item.rows for item in report.stores]
    ratio = report.pause_seconds / min(plain)
    sys.stdout.write(
        f"\npause {report.pause_seconds:.1f} s; by hand, compared with nothing: "
        f"{min(plain):.1f} s; ratio {ratio:.2f}; load {os.getloadavg()[0]:.1f}\n"
    )
    assert ratio < LIMIT
