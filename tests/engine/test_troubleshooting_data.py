"""The symptoms of the troubleshooting page that one meets when data is to move."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from symptoms import Reproduced

from . import datastacks, switchstack
from .conftest import NewProject
from .projects import Finished, Project, until

Symptoms = Mapping[str, Reproduced]
ROUTE = ("--from", "local", "--to", "docker")
INSISTING = """
import os

import psycopg
import tranship
from tranship.migration.data import dumps

ns = tranship.namespace()
plain = dumps.dumped


def dumped(*arguments, **options):
    answer = plain(*arguments, **options)
    with psycopg.connect(os.environ["INSIST"], autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("INSERT INTO notes VALUES (101)")
    return answer


if "INSIST" in os.environ:
    dumps.dumped = dumped
"""
"""A tasks.py in which somebody who insists on writing does so in the middle of a copy."""


def printed(done: Finished) -> tuple[str, int]:
    """Return what is on the screen, and the exit code."""
    assert "Traceback (most recent call last)" not in done.text
    return done.text, done.code


@pytest.mark.symptom("the-source-changed-while-it-was-read", "password-authentication-failed")
def test_a_database_that_refuses(symptom: Symptoms, project: Project) -> None:
    datastacks.write(project)
    (project.root / "tasks.py").write_text(INSISTING)
    project.inv("local.up", "--service", "db").exits(0)
    port = project.inv("local.status").row("db")[3].split(":")[1]
    datastacks.sql(int(port), "CREATE TABLE notes AS SELECT generate_series(1, 100) AS n")
    found = symptom["the-source-changed-while-it-was-read"]
    password = datastacks.PASSWORD.replace("'", "\\'")
    at = f"host=127.0.0.1 port={port} user=shop password='{password}' dbname=shop"
    snapshot = ("data.snapshot", "--side", "local", "--service", "db")
    found.says(*printed(project.inv(*snapshot, INSIST=at)))
    found.tells(project.root, project.environment, 1)
    datastacks.sql(int(port), "DELETE FROM notes WHERE n = 101")
    found.tells(project.root, {**project.environment, "INSIST": at}, 2)
    project.inv("local.down").exits(0)
    found = symptom["password-authentication-failed"]
    document = yaml.safe_load(project.compose_file.read_text())
    document["services"]["db"]["environment"]["POSTGRES_PASSWORD"] = "another"
    url = "postgresql://shop:another@db:5432/shop"
    document["services"]["web"]["environment"] = {"DATABASE_URL": url}
    project.compose_file.write_text(yaml.safe_dump(document))
    found.says(*printed(project.inv(*snapshot)))
    project.inv("local.up", "--service", "db").exits(0)
    found.tells(project.root, project.environment, 1)
    right = quote(datastacks.PASSWORD, safe="")
    text = project.compose_file.read_text()
    project.compose_file.write_text(text.replace("shop:another@", f"shop:{right}@"))
    found.tells(project.root, project.environment, 2)
    project.inv("local.down").exits(0)


@pytest.fixture(scope="module")
def stack(module_project: NewProject) -> tuple[Project, switchstack.Ports]:
    """Return a stack that is up on this host, and whose containers hold a copy."""
    project = module_project()
    ports = switchstack.write(project, database=False)
    project.inv("local.up").exits(0)
    assert 200 == switchstack.call(ports.web, "POST", "/count/first")[0]
    project.inv("data.copy", *ROUTE).exits(0)
    return project, ports


@pytest.mark.symptom("not-empty", "another-command-moves-data", "no-space-left-on-device")
def test_copies_that_are_refused(
    symptom: Symptoms, stack: tuple[Project, switchstack.Ports]
) -> None:
    project, ports = stack
    found = symptom["not-empty"]
    found.says(*printed(project.inv("data.copy", *ROUTE)), 1)
    found.says(*printed(project.inv("migrate.switch", "--to", "docker")), 2)
    found.tells(project.root, project.environment, 2)
    assert 200 == switchstack.call(ports.web, "POST", "/count/second")[0]
    found.tells(project.root, project.environment, 1)
    found = symptom["another-command-moves-data"]
    holder = project.start_inv("data.verify", *ROUTE)
    lock = project.root / ".tranship" / "migration" / "lock"
    until(lambda: lock.read_text() == str(holder.process.pid), "that it moves data")
    holder.signal(signal.SIGSTOP)
    try:
        found.says(*printed(project.inv("data.copy", *ROUTE)))
        found.tells(project.root, project.environment, 1, pid=str(holder.process.pid))
    finally:
        holder.signal(signal.SIGCONT)
        holder.finish()
    found.tells(project.root, project.environment, 2, pid=str(holder.process.pid))
    found = symptom["no-space-left-on-device"]
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    for name in (os.urandom(30_000).hex() for _ in range(3)):  # which nothing makes smaller
        assert 200 == switchstack.call(ports.web, "POST", f"/count/{name}")[0]
    state = project.root / ".tranship" / "migration"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", state], check=True)
    try:
        found.says(*printed(project.inv("data.copy", *ROUTE, "--replace")))
        (state / "full").write_bytes(b"")
        _fill(state / "full")
        found.tells(project.root, project.environment, 1)
        found.tells(project.root, project.environment, 2)
    finally:
        subprocess.run(["umount", state], check=True)


def _fill(path: Path) -> None:
    """Write until there is no space left."""
    with path.open("ab", buffering=0) as stream:
        try:
            while stream.write(b"x" * 4096):
                pass
        except OSError:
            return


@pytest.mark.symptom("a-switch-is-under-way", "the-journal-cannot-be-read")
def test_a_switch_that_was_killed(
    symptom: Symptoms, stack: tuple[Project, switchstack.Ports]
) -> None:
    project, ports = stack
    switch = ("migrate.switch", "--to", "docker", "--watch", "1", "--interval", "0.3")
    assert -signal.SIGKILL == project.inv(*switch, "--replace", KILL_AT="copy begun").code
    found = symptom["a-switch-is-under-way"]
    found.says(*printed(project.inv(*switch)))
    found.tells(project.root, project.environment)
    found = symptom["the-journal-cannot-be-read"]
    path = switchstack.journal(project)
    whole, before = path.read_text(), path.with_name("switch.previous.json")
    path.write_text(whole[:200])
    found.tells(project.root, project.environment, 1)
    earlier = before.read_text()
    before.write_text("")
    found.says(*printed(project.inv("migrate.rollback")))
    found.tells(project.root, project.environment, 2)
    before.write_text(earlier)
    project.inv("migrate.rollback").exits(0)
    assert "local" == switchstack.side(ports.web)
