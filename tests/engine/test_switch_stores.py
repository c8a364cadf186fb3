"""A switch of the other kinds of store: MariaDB and files, there and back."""

from __future__ import annotations

import pytest

from . import mariadbstack
from .mariadbstack import Client
from .projects import Project, until


def test_mariadb_and_files_go_to_docker_and_come_back(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = mariadbstack.programs(tmp_path_factory.mktemp("mariadb"))
    port, web = mariadbstack.write_with_files(project, found)
    uploads = project.root / "uploads"
    uploads.mkdir()
    (uploads / "a").write_text("one")
    client = Client(found, port)
    project.inv("local.up").exits(0)
    client.ready().rows("CREATE TABLE orders (n INT); INSERT INTO orders VALUES (1)")

    project.inv("migrate.switch", "--to", "docker", "--watch", "1", "--interval", "0.3").exits(0)

    assert [] == project.processes()
    client.ready().rows("INSERT INTO orders VALUES (2)")
    container = project.container("web")["Id"]
    assert b"one" == mariadbstack.fetched(web, "a")
    mariadbstack.put_into(container, "b", "two")
    project.inv("migrate.rollback", "--reason", "rehearsed").exits(0)
    until(lambda: [["1"], ["2"]] == client.ready().rows("SELECT n FROM orders"), "both orders")
    assert "two" == (uploads / "b").read_text()
    assert b"two" == mariadbstack.fetched(web, "b")
