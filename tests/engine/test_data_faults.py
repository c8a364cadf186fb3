"""A copy that cannot be made: the message says why, and no side has lost anything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tranship.migration.data import site

from . import datastacks
from .conftest import NewProject
from .datastacks import keys, port, sql
from .projects import Finished, Project, docker, until

ROUTE = ("--from", "local", "--to", "docker")
SERVERS = ("--service", "db,cache")

PATCHED = """
import os, signal, sys
from tranship import settings
from tranship.migration.data import {module}
from tranship.migration.data.commands import Moving

real = {module}.{name}
calls = []

def patched(*arguments, **options):
    calls.append(1)
    here = len(calls) == {call}
    if here and not {after}:
        act(*arguments)
    answer = real(*arguments, **options)
    if here and {after}:
        act(*arguments)
    return answer

def act(*arguments):
    {act}

{module}.{name} = patched
moving = Moving(settings.load(), {services})
moving.copy("local", "docker", replace=True, resume={resume}, tell=print)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(scope="module")
def up(module_project: NewProject) -> Iterator[tuple[Project, site.Site, site.Site]]:
    """Yield a project whose servers are up on both sides, each with data of its own."""
    project = datastacks.write(module_project())
    with datastacks.both_up(project) as (local, there):
        sql(port(local, "db"), "CREATE TABLE notes AS SELECT generate_series(1, 100) AS n")
        sql(port(there, "db"), "CREATE TABLE old AS SELECT 1 AS n")
        with keys(port(local, "cache")) as client:
            client.mset({f"key {i}": i for i in range(2000)})
        with keys(port(there, "cache")) as client:
            client.set("old", 1)
        yield project, local, there


def run_patched(
    project: Project,
    module: str,
    name: str,
    act: str,
    *,
    call: int = 1,
    after: bool = False,
    resume: bool = False,
    services: tuple[str, ...] = ("db", "cache"),
) -> Finished:
    """Run a copy in which `act` happens before (or after) one call of a function."""
    source = PATCHED.format(
        module=module,
        name=name,
        act=act,
        call=call,
        after=after,
        resume=resume,
        services=services,
    )
    return project.start(sys.executable, "-c", source).finish()


def held(where: site.Site) -> tuple[str, str]:
    """Return which of the two contents each server of a side has."""
    tables = {row[0] for row in sql(port(where, "db"), _TABLES)}
    with keys(port(where, "cache")) as client:
        found = "new" if client.dbsize() == 2000 else "old" if client.get("old") else "part"
    return ("new" if tables == {"notes"} else "old" if tables == {"old"} else str(tables)), found


_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


def answers(where: site.Site) -> bool:
    """Return whether the database of a side takes connections."""
    try:
        sql(port(where, "db"), "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def put_old_back(there: site.Site) -> None:
    """Give the target what it had."""
    sql(port(there, "db"), "DROP TABLE IF EXISTS notes, old")
    sql(port(there, "db"), "CREATE TABLE old AS SELECT 1 AS n")
    with keys(port(there, "cache")) as client:
        client.flushall()
        client.set("old", 1)


KILLED_AT = [
    # module, function, call, after it; what the target then has
    ("postgres_restoring", "restore", 1, True, ("old", "old")),
    ("redis_moving", "_restore", 2, True, ("new", "part")),
    ("postgres_moving", "_exchange", 1, True, ("new", "old")),
]


@pytest.mark.parametrize(("module", "name", "call", "after", "expected"), KILLED_AT)
def test_after_a_kill_both_sides_are_whole_and_the_copy_goes_on(
    up: tuple[Project, site.Site, site.Site],
    module: str,
    name: str,
    call: int,
    after: bool,
    expected: tuple[str, str],
) -> None:
    project, local, there = up
    put_old_back(there)

    killed = run_patched(project, module, name, KILL, call=call, after=after)

    assert -signal.SIGKILL == killed.code, killed.text
    assert ("new", "new") == held(local)
    assert expected == held(there)
    project.inv("data.list").exits(0).says(
        "Left refusing writes", "inv data.thaw", "--from local --to docker --resume"
    )
    project.inv("data.copy", *ROUTE, *SERVERS, "--resume", "--replace").exits(0)
    assert ("new", "new") == held(there)
    project.inv("data.verify", *ROUTE, *SERVERS).exits(0)
    sql(port(local, "db"), "CREATE TABLE later (); DROP TABLE later")
    assert [] == sql(
        port(there, "db"), "SELECT datname FROM pg_database WHERE datname LIKE 'tranship%'"
    )
    assert "Left" not in project.inv("data.list").exits(0).text


def test_thaw_undoes_what_a_kill_left_frozen(up: tuple[Project, site.Site, site.Site]) -> None:
    project, local, there = up
    put_old_back(there)
    run_patched(project, "dumps", "dumped", KILL, call=3)

    done = project.inv("data.thaw").exits(0)

    done.says("db on local takes writes again.", "cache on local takes writes again.")
    sql(port(local, "db"), "CREATE TABLE later (); DROP TABLE later")
    with keys(port(local, "cache")) as client:
        client.set("later", 1)
        client.delete("later")


def test_a_write_during_the_copy_is_never_lost(up: tuple[Project, site.Site, site.Site]) -> None:
    """One that insists (READ WRITE) gets through the freeze; then there is no copy."""
    project, local, there = up
    put_old_back(there)
    number = port(local, "db")
    insisting = (
        "import psycopg; c = psycopg.connect(host='127.0.0.1', port="
        f"{number}, user='shop', password={datastacks.PASSWORD!r}, dbname='shop', "
        "autocommit=True, options='-c default_transaction_read_only=off'); "
        "c.execute('INSERT INTO notes VALUES (101)')"
    )

    done = run_patched(project, "postgres_moving", "dump", insisting, call=2, after=True)

    assert 0 != done.code
    done.says("db on local changed while it was read", "100 rows before, 101 after")
    assert ("old", "old") == held(there)
    assert [(101,)] == sql(number, "SELECT count(*) FROM notes")
    sql(number, "DELETE FROM notes WHERE n = 101")


def test_a_target_that_dies_leaves_the_source_as_it_was(
    up: tuple[Project, site.Site, site.Site],
) -> None:
    project, local, there = up
    put_old_back(there)
    container = project.container("db")["Id"]
    kill = f"import subprocess; subprocess.run(['docker', 'kill', {container!r}], check=True)"

    done = run_patched(project, "postgres_restoring", "restore", kill)

    assert 0 != done.code
    done.says("db on docker:", "failed")
    docker("start", container)
    until(lambda: answers(there), "the database of the docker side")
    assert ("new", "new") == held(local)
    assert ("old", "old") == held(there)
    sql(port(local, "db"), "CREATE TABLE later (); DROP TABLE later")


def test_servers_that_a_kill_left_running_are_ended_and_no_others(project: Project) -> None:
    datastacks.write(project)
    run_patched(project, "redis_moving", "load", KILL, services=("cache",))
    assert project.processes()
    assert project.containers()

    project.inv("data.copy", *ROUTE, "--service", "cache", "--resume").exits(0)

    assert [] == project.processes()
    assert [] == project.containers()
    run_patched(project, "redis_moving", "load", KILL, services=("cache",))
    project.inv("local.up", "--service", "cache,db").exits(0)
    project.inv("data.snapshot", "--side", "local", "--service", "cache").exits(0)
    assert "running" == project.inv("local.status").exits(0).row("cache")[1]
    project.inv("local.down").exits(0)


def test_a_wrong_password_is_named_and_is_shown_nowhere(project: Project) -> None:
    datastacks.write(project)
    project.inv("local.up", "--service", "db,cache").exits(0)
    project.inv("local.down").exits(0)
    text = project.compose_file.read_text()
    wrong = "another-password"
    project.compose_file.write_text(text.replace(datastacks.PASSWORD.replace("$", "$$"), wrong))
    project.compose_file.write_text(project.compose_file.read_text().replace("s3cr''et$$x", wrong))
    assert wrong in project.compose_file.read_text()

    done = project.inv("data.snapshot", "--side", "local", "--service", "db").exits(4)

    done.says("db on local:", "password authentication failed", "another password than")
    assert wrong not in done.text
    assert [] == project.processes()
    assert "No snapshot" in project.inv("data.list").exits(0).text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_leaves_nothing_half_done(project: Project) -> None:
    datastacks.write(project)
    folder = project.root / "uploads"
    folder.mkdir()
    (folder / "big").write_bytes(os.urandom(400_000))
    state = project.root / ".tranship" / "migration"
    state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", state], check=True)
    try:
        done = project.inv("data.copy", *ROUTE, "--service", "web").exits(4)
        done.says("web:uploads", "No space left on device")
        assert [] == list((state / "copies").glob("*/*"))
        assert (folder / "big").stat().st_size == 400_000
    finally:
        subprocess.run(["umount", state], check=True)
    project.inv("data.copy", *ROUTE, "--service", "web").exits(0)


def test_wrong_use_is_said_before_anything_is_done(project: Project) -> None:
    datastacks.write(project)
    shutil.rmtree(project.root / ".tranship", ignore_errors=True)

    project.inv("data.copy", "--from", "local", "--to", "local").exits(2).says("both name local")
    project.inv("data.copy", "--from", "dock", "--to", "local").exits(2).says("docker")
    project.inv("data.copy", *ROUTE, "--resume").exits(2).says("was cut short")
    project.inv("data.restore", "absent", "--to", "docker").exits(2).says("No snapshot named")
    project.inv("data.copy", *ROUTE, "--service", "dbb").exits(2).says("did you mean 'db'")

    assert [] == project.left()
    assert not Path(project.root / ".tranship/migration/started-docker.json").exists()
    assert None is _frozen(project)


def _frozen(project: Project) -> object:
    path = project.root / ".tranship" / "migration" / "frozen.json"
    return json.loads(path.read_text()) if path.is_file() else None
