"""Which services keep data, and what the tasks say of it."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tranship import settings
from tranship.envmap.project import Project, open_project
from tranship.errors import ComposeFileError, DataRefused, UnknownServiceError, UsageError
from tranship.migration.data import records, snapshots
from tranship.migration.data.drivers import Driver
from tranship.migration.data.postgres import identifier, literal, named
from tranship.migration.data.redis_values import canonical, joined
from tranship.migration.data.site import own_site
from tranship.migration.data.stores import Store, homeless, stores
from tranship.migration.data.stores_alone import stores_alone
from tranship.stack.model import VolumeFolder, parse

COMPOSE = """
name: shop
services:
  db:
    image: registry.example/own/postgres:17@sha256:00
    ports: ["15432:5432"]
    volumes: ["db-data:/var/lib/postgresql/data"]
    x-tranship: {local: {server: postgres}, health: {postgres: true}}
  cache:
    image: valkey/valkey:8
    ports: ["16379:6379"]
    x-tranship: {local: {server: redis}}
  old: {image: "mariadb:11"}
  web:
    image: web
    depends_on: [db]
    volumes: ["uploads:/srv/uploads", "other:/srv/other", "./web:/app", "shared:/shared:ro"]
    x-tranship: {data: [{volume: uploads, local: var/uploads}]}
  api: {image: api}
volumes: {db-data: {}, uploads: {}, other: {}, shared: {}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "pyproject.toml").write_text("[tool.tranship]\n")
    return open_project(settings.load(tmp_path))


def test_stores_are_found_by_server_health_and_image(project: Project) -> None:
    found = {store.name: store.kind for store in stores(project)}

    assert {"cache": "redis", "db": "postgres", "old": "mysql", "web:uploads": "files"} == found


def test_a_volume_has_its_folder_beside_the_compose_file(project: Project) -> None:
    (store,) = [store for store in stores(project) if store.kind == "files"]

    root = project.settings.root
    assert Store(
        "web:uploads", "files", "web", "uploads", "/srv/uploads", root / "var/uploads"
    ) == (store)
    assert ("web:other",) == homeless(project)


def test_a_service_without_data_is_an_error(project: Project) -> None:
    with pytest.raises(UsageError, match="api keeps no data"):
        stores(project, ["api"])
    with pytest.raises(UnknownServiceError):
        stores(project, ["dbb"])
    with pytest.raises(UsageError, match="no local folder for the volume other"):
        stores(project, ["web"])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"volume": "uploads"}, "must be a list"),
        ([{"volume": "uploads"}], r"data\[0\]: name both `volume` and `local`"),
        ([{"volume": "uploads", "local": "x", "to": 1}], "unknown key 'to'"),
        ([{"volume": "upload", "local": "x"}], r"no volume 'upload' \(did you mean 'uploads'\?\)"),
    ],
)
def test_a_wrong_data_key_is_named(written: Any, message: str) -> None:
    document = {
        "services": {
            "web": {
                "volumes": [{"type": "volume", "source": "uploads", "target": "/u"}],
                "x-tranship": {"data": written},
            }
        }
    }

    with pytest.raises(ComposeFileError, match=message):
        parse(document, [Path("compose.yaml")], confirmed=True)


def test_the_folder_of_a_volume_is_read() -> None:
    document = {
        "services": {
            "web": {
                "volumes": ["uploads:/u"],
                "x-tranship": {"data": [{"volume": "uploads", "local": "var"}]},
            }
        }
    }

    stack = parse(document, [Path("/p/compose.yaml")], confirmed=False)

    assert (VolumeFolder("uploads", Path("/p/var")),) == stack.services["web"].data


def test_stores_start_alone_on_the_ports_that_are_given(project: Project) -> None:
    db = next(store for store in stores(project) if store.name == "db")

    document, stack = stores_alone(project, [db], {("db", 5432): 20_001})

    assert ["db"] == list(document["services"]) == list(stack.services)
    assert "20001" == document["services"]["db"]["ports"][0]["published"]
    assert "shop" == stack.name


def test_a_store_in_an_internal_network_can_be_reached(project: Project) -> None:
    db = next(store for store in stores(project) if store.name == "db")
    closed = {**project.document, "networks": {"default": {"internal": True}}}
    closed["services"] = copy.deepcopy(closed["services"])
    closed["services"]["db"]["networks"] = {"default": None}

    document, _ = stores_alone(replace(project, document=closed), [db], {("db", 5432): 20_001})

    # An engine publishes nothing of what is in internal networks alone.
    (way_in,) = set(document["services"]["db"]["networks"]) - {"default"}
    assert not document["networks"][way_in].get("internal")


def test_a_store_whose_data_goes_with_its_container_is_refused(project: Project) -> None:
    cache = next(store for store in stores(project) if store.name == "cache")

    with pytest.raises(DataRefused, match="cache keeps its data in no volume"):
        stores_alone(project, [cache], {("cache", 6379): 20_001})


class Old:
    """A driver of an old server."""

    def version(self) -> str:
        return "16.4"

    def close(self) -> None:
        """Nothing to close."""


def test_an_older_server_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    @contextmanager
    def driver(site: object, store: Store) -> Any:
        yield Old()

    monkeypatch.setattr(snapshots, "driver", driver)
    monkeypatch.setattr("tranship.migration.data.site.docker_mode", lambda _: None)
    db = next(store for store in stores(project) if store.name == "db")
    site = own_site(project, "docker")

    snapshots.require_not_older(site, [db], {"db": "16.9"})
    with pytest.raises(DataRefused, match=r"version 16.4, the data version 18.1: an older server"):
        snapshots.require_not_older(site, [db], {"db": "18.1"})
    assert Driver.__doc__


def test_two_commands_do_not_move_data_at_once(tmp_path: Path) -> None:
    import fcntl

    made = settings.Settings(tmp_path, state_directory=tmp_path)
    with records.alone(made), records.alone(made):
        pass
    with (tmp_path / "migration" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataRefused, match="Another command moves data"), records.alone(made):
            pass


def test_a_record_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert records.read_json(path) is None
    path.write_text('{"pid": 1')

    with pytest.raises(DataRefused, match=r"record.json cannot be read"):
        records.read_json(path)


def test_names_are_quoted_for_what_reads_them() -> None:
    assert "'o''neil'" == literal("o'neil")
    assert '"a ""b"' == identifier('a "b')
    assert r"dbname='o\'neil \\'" == named("o'neil \\")


def test_values_of_redis_have_one_form_whatever_their_order() -> None:
    assert canonical(b"hash", {b"b": b"2", b"a": b"1"}) == canonical(
        b"hash", [b"a", b"1", b"b", b"2"]
    )
    assert canonical(b"set", {b"x", b"y"}) == canonical(b"set", [b"y", b"x"])
    assert canonical(b"list", [b"x", b"y"]) != canonical(b"list", [b"y", b"x"])
    assert joined([b"a", b"b"]) != joined([b"ab"])
    assert joined([[b"a"], b"b"]) != joined([b"a", [b"b"]])
