"""`inv data.*` with MariaDB on both sides: a server of its own kind, filled in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tranship import settings
from tranship.envmap import project as projects
from tranship.errors import DataRefused
from tranship.migration.data import copying, freezing, mysql, site, stores

from . import mariadbstack
from .conftest import NewProject
from .mariadbstack import Client
from .projects import Project

ROUTE = ("--from", "local", "--to", "docker")
BACK = ("--from", "docker", "--to", "local")


@dataclass(frozen=True)
class Both:
    """A project whose server is up on both sides."""

    project: Project
    local: Client
    docker: Client
    here: site.Site
    there: site.Site
    chosen: tuple[stores.Store, ...]


@pytest.fixture(scope="module")
def both(module_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Yield a project; the local side holds something of every kind."""
    found = mariadbstack.programs(tmp_path_factory.mktemp("mariadb"))
    project = module_project()
    port = mariadbstack.write(project, found)
    opened = projects.open_project(settings.load(project.root))
    here, there = site.own_site(opened, "local"), site.own_site(opened, "docker")
    chosen = stores.stores(opened)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", project.environment["PATH"])
        project.inv("local.up").exits(0)
        with site.opened(there, chosen) as beside:
            other = Client(found, beside.mode.addresses()["sqldb"].port).ready()
            local = Client(found, port).ready()
            local.rows(mariadbstack.SCHEMA)
            yield Both(project, local, other, here, beside, chosen)


def test_a_copy_has_all_of_it(both: Both) -> None:
    done = both.project.inv("data.copy", *ROUTE).exits(0)

    assert ["sqldb", "mysql", "2015"] == done.row("sqldb")[:3]
    assert "same on both sides" == done.row("sqldb")[-1]
    done.says("The source refused writes for")
    assert mariadbstack.PASSWORD not in done.text
    people = "SELECT HEX(name), HEX(blobs), price, ratio, HEX(bits), at, stamp, twice FROM people"
    assert both.local.rows(people) == both.docker.rows(people)
    assert ["5A6FC3AB20F09FA68A", "0001FF0A5C27"] == both.docker.rows(people)[0][:2]
    there = both.docker
    assert [["2003"]] == there.rows("SELECT n FROM many")
    assert [["12"]] == there.rows("SELECT thrice(4)")
    counter = "SHOW CREATE TABLE people"
    assert both.local.rows(counter) == there.rows(counter)
    there.rows("INSERT INTO `odd ``name` VALUES (5, 6); CALL fill(7)")
    assert [["odd"], ["p7"]] == there.rows("SELECT what FROM told ORDER BY what")[-2:]
    assert [["later"]] == there.rows("SELECT event_name FROM information_schema.events")
    assert [["10"]] == there.rows("SELECT COUNT(*) FROM `other db`.t")


def test_one_changed_row_is_seen_and_what_is_replaced_is_kept(both: Both) -> None:
    both.project.inv("data.copy", *ROUTE, "--replace").exits(0)
    both.project.inv("data.verify", *ROUTE).exits(0)
    both.docker.rows("UPDATE people SET blobs = X'0001FF0A5C28' WHERE id = 41")

    done = both.project.inv("data.verify", *ROUTE).exits(1)

    done.says("sqldb: table shop.people: the rows differ on local and on docker.")
    refused = both.project.inv("data.copy", *ROUTE).exits(2)
    refused.says("sqldb on docker holds", "--replace")
    kept = both.project.inv("data.copy", *ROUTE, "--replace").exits(0)
    name = kept.out.split("kept in the snapshot ")[1].split()[0].rstrip(".")
    assert [["0001FF0A5C27"]] == both.docker.rows("SELECT HEX(blobs) FROM people WHERE id = 41")
    both.project.inv("data.restore", name, "--to", "docker", "--replace").exits(0)
    assert [["0001FF0A5C28"]] == both.docker.rows("SELECT HEX(blobs) FROM people WHERE id = 41")


def test_what_the_containers_hold_comes_back(both: Both) -> None:
    both.docker.rows("INSERT INTO told VALUES ('in docker')")

    both.project.inv("data.copy", *BACK, "--replace").exits(0)

    assert [["in docker"]] == both.local.rows("SELECT what FROM told WHERE what LIKE 'in%'")
    both.project.inv("data.verify", *ROUTE).exits(0)


def test_a_frozen_server_refuses_writes_and_ends_sessions(both: Both) -> None:
    app = replace(both.local, user="app", password="app-password")
    with freezing.frozen(both.here, both.chosen) as pause:
        done = app.run("INSERT INTO told VALUES ('frozen')")
        assert "--read-only" in done.stderr
        assert [["2003"]] == app.rows("SELECT n FROM many")
    assert 0 < pause.seconds < 30
    app.rows("INSERT INTO told VALUES ('thawed'); DELETE FROM told WHERE what = 'thawed'")


def test_a_write_that_gets_through_ends_the_copy(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = both.docker.rows("SELECT what FROM told ORDER BY what")
    plain = mysql.dump

    def dump(found: mysql.Server, folder: Path) -> int:
        size = plain(found, folder)
        if found.tools.side == "local":
            both.local.rows("INSERT INTO told VALUES ('late')")  # an administrator may
        return size

    monkeypatch.setattr(mysql, "dump", dump)
    with pytest.raises(DataRefused, match="sqldb on local changed while it was read"):
        copying.copy(both.here, both.there, both.chosen, replace=True)

    assert before == both.docker.rows("SELECT what FROM told ORDER BY what")
    assert [["late"]] == both.local.rows("SELECT what FROM told WHERE what = 'late'")
