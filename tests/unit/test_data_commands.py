"""What the tasks of `data` print, and what they refuse before anything is done."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tranship import settings
from tranship.errors import DataRefused, UsageError
from tranship.migration.data import copy_journal, freezing, records, redis_store, tables, tools
from tranship.migration.data.commands import Moving
from tranship.migration.data.copying import Copied, CopyReport
from tranship.migration.data.manifest import Manifest
from tranship.migration.data.stores import Store
from tranship.migration.data.tools import _mend, _telling


@pytest.fixture
def moving(tmp_path: Path) -> Moving:
    return Moving(settings.Settings(tmp_path, state_directory=tmp_path / ".tranship"), ())


def copied(kind: str, *, before: bool = False) -> Copied:
    empty = Manifest("db", kind, "", {})
    return Copied("db", kind, 3, 2048, 1.25, empty, empty, before)


def test_a_copy_is_a_table_and_its_pause() -> None:
    report = CopyReport("id", (copied("postgres"), copied("redis", before=True)), 2.04)

    rows, _ = tables.copied_rows(report)

    assert ["db", "postgres", 3, "2.0 KiB", "1.2 s", "same on both sides"] == rows[0]
    assert "before" == rows[1][4]
    assert ["The source refused writes for 2.0 s."] == list(tables.copy_lines(report, ()))


def test_files_alone_refuse_nobody() -> None:
    report = CopyReport("id", (copied("files"),), 2.04)

    lines = list(tables.copy_lines(report, ["web:other"]))

    assert 2 == len(lines)
    assert lines[0].startswith("Nobody was kept from writing to files")
    assert "web:other" in lines[1]


def test_bytes_are_shown_for_people() -> None:
    sizes = (999, 2048, 3 << 20, 5 << 30)

    assert ["999 B", "2.0 KiB", "3.0 MiB", "5.0 GiB"] == [tables.in_bytes(size) for size in sizes]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("", "docker", r"--from \(nothing\): the sides are local and docker\."),
        ("local", "dockr", r"--to dockr: .*did you mean 'docker'\?"),
        ("local", "local", "--from and --to both name local"),
    ],
)
def test_wrong_sides_are_refused(moving: Moving, source: str, target: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        moving.copy(source, target, replace=False, resume=False)


def test_what_a_kill_left_is_listed_and_what_runs_is_not(moving: Moving) -> None:
    folder = moving.settings.state_directory / "migration"
    dead = {"pid": os.getpid(), "started": 1.0}
    record = {"side": "local", "store": "db", "service": "db", "environment": "development"}
    records.write_json(
        folder / "frozen.json",
        {
            "db on local": {**record, "process": dead, "settings": {}},
            "cache on local": {**record, "process": records.this_process(), "settings": {}},
        },
    )
    records.write_json(
        folder / "copies" / "1.json", {"from": "local", "to": "docker", "environment": "test"}
    )

    lines = list(tables.left_lines(moving.left_frozen(), moving.unfinished()))

    assert [
        "Left refusing writes: db on local. Undo it: inv data.thaw",
        "A copy from local to docker was cut short. Go on with it: inv data.copy --from local "
        "--to docker --resume",
    ] == lines
    assert 1 == len(copy_journal.unfinished(moving.settings))


def test_what_a_running_command_froze_is_not_thawed(moving: Moving) -> None:
    process = {"pid": os.getppid(), "started": records._started(os.getppid())}
    records.write_json(
        moving.settings.state_directory / "migration" / "frozen.json",
        {"db on local": {"process": process}},
    )

    with pytest.raises(DataRefused, match="frozen by a command that still runs"):
        freezing.thaw(moving.settings)


def test_without_the_client_of_redis_its_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(UsageError, match=r"pip install 'tranship\[data\]'"):
        redis_store.library()


def test_a_password_is_in_no_command_line(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "of the shell")
    monkeypatch.setattr(tools, "container_of", lambda *_: SimpleNamespace(id="0123"))
    site: Any = SimpleNamespace(side="docker", mode=SimpleNamespace(hidden=frozenset()))

    made = tools.tools(site, Store("db", "postgres", "db"), {"PGPASSWORD": "secret"}, None)

    assert ("--env", "PGPASSWORD", "0123") == made.prefix[-3:]
    assert "secret" not in " ".join(made.prefix)
    # What the shell has under that name is not taken from the docker command.
    assert ("-u", "PGPASSWORD") not in tuple(itertools.pairwise(made.prefix))
    shown = str(made.refused("reading", "wrong password secret"))
    assert "db on docker: reading failed: wrong password ******" == shown


def test_of_a_tools_last_words_the_first_telling_one_is_shown() -> None:
    stderr = b"psql: warning: x\npg_restore: error: could not extend file\nDETAIL: y\n"

    assert "pg_restore: error: could not extend file" == _telling(stderr)
    assert "last" == _telling(b"first\nlast\n")
    assert "" == _telling(b"")
    assert " Free some space there." == _mend("x: No space left on device")
    assert "" == _mend("anything else")


def test_a_server_without_a_local_side_is_named_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "name: shop\nservices: {sqldb: {image: 'mariadb:11', volumes: ['d:/var/lib/mysql']}}\n"
        "volumes: {d: {}}\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.tranship]\ncompose-files = ['compose.yaml']\n")
    moving = Moving(settings.load(tmp_path), ())

    with pytest.raises(UsageError, match="sqldb has no local side: "):
        moving.copy("docker", "local", replace=False, resume=False)
    with pytest.raises(UsageError, match="sqldb has no local side"):
        moving.snapshot("local", "")
