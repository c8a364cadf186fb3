"""Several stores at the same time, and the forms in which two of them are carried."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest
from tranship.errors import DataRefused
from tranship.migration.data import abreast, postgres_restoring, redis_moving
from tranship.migration.data.manifest import Entry, Manifest, keyed
from tranship.migration.data.redis_reading import Key


def test_all_are_worked_on_at_the_same_time() -> None:
    met = threading.Barrier(3, timeout=10)

    def work(item: str) -> str:
        met.wait()
        return item.upper()

    assert {"a": "A", "b": "B", "c": "C"} == abreast.each(["a", "b", "c"], work)
    assert {"a": "a"} == abreast.each(["a"], str)
    assert {} == abreast.each([], str)


def test_the_first_failure_ends_the_programs_of_the_others() -> None:
    running = threading.Event()
    codes: list[int] = []

    def work(item: str) -> None:
        if item == "fails":
            running.wait(10)
            raise DataRefused("no")
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        with abreast.killable(process):
            running.set()
            process.wait(30)
        codes.append(process.returncode)
        abreast.require_going()

    with pytest.raises(DataRefused, match="no"):
        abreast.each(["runs", "fails"], work)

    assert [-9] == codes
    abreast.require_going()


def test_keys_are_read_as_they_were_written() -> None:
    stream = io.BytesIO()
    redis_moving._write(stream, 3, Key(b"a\n\0", "", -1, b"dump"))
    redis_moving._write(stream, 0, Key(b"", "", 1 << 45, b""))
    stream.seek(0)

    assert [(3, b"a\n\0", 0, b"dump"), (0, b"", 1 << 45, b"")] == list(
        redis_moving._written(stream)
    )


def test_several_connections_are_for_several_big_tables() -> None:
    tables = [
        Entry("table", f"shop.public.{name}", "", rows, "rows")
        for name, rows in {"a": 20_000, "b": 900_000, "c": 19_999}.items()
    ]
    held = Manifest("db", "postgres", "18", keyed(*tables, Entry("table", "x.y.z", "", 1 << 20)))

    assert 2 == postgres_restoring.big(held, "shop")
    large = postgres_restoring.PARALLEL_FROM
    assert [2, 1, 1, 1, 4] == [
        postgres_restoring.jobs(large, 2, 8),
        postgres_restoring.jobs(large - 1, 2, 8),
        postgres_restoring.jobs(large, 1, 8),
        postgres_restoring.jobs(large, 2, 1),
        postgres_restoring.jobs(large, 9, 8),
    ]
