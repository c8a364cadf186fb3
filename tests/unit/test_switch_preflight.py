"""What stands against a switch: unproved items, older servers, a full disk, no command."""

from __future__ import annotations

import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from checklisted import Checklisted, trial
from tranship.envmap.project import Project, open_project
from tranship.errors import DataRefused, EnvironmentFailed, ItemFailed, ItemUnknown, UsageError
from tranship.migration.data.site import Site
from tranship.migration.data.stores import stores
from tranship.migration.switch import disk, preflight, traffic, versions
from tranship.migration.switch.asked import ask, require_known
from tranship.migration.switch.cargo import Cargo
from tranship.modes.base import silent
from tranship.modes.docker import DockerMode
from tranship.modes.ownlocal import local_mode

pytestmark = pytest.mark.usefixtures("no_docker")
MIB = 2**20


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checklisted:
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})
    return Checklisted(tmp_path / "project")


# --- the checklist


def test_a_project_that_never_compared_is_told_to(project: Checklisted) -> None:
    with pytest.raises(ItemUnknown) as caught:
        ask(project.settings, "docker", (), silent)

    assert [
        "A switch to docker asks for what is not proved:",
        "  docker-start (unknown): no record of mode docker. Prove it: nox -s compare",
        "  health-checks (unknown): no record of mode docker. Prove it: nox -s compare",
        "  docker-tests (unknown): no record of mode docker. Prove it: nox -s compare",
        "  same-tests (unknown): no record of mode local. Prove it: nox -s compare",
        "Nothing was touched. All the same, which the journal and the report keep: inv "
        "migrate.switch --to docker --without docker-start,health-checks,docker-tests,same-tests",
    ] == str(caught.value).splitlines()
    assert 5 == caught.value.exit_code


def test_one_that_failed_counts_for_more_than_one_that_is_unknown(project: Checklisted) -> None:
    failing = trial("docker")
    assert failing.suite is not None
    tests = (replace(failing.suite.tests[0], outcome="failed"), *failing.suite.tests[1:])
    project.record(trial("docker", tests=tests))

    with pytest.raises(ItemFailed, match=r"docker-tests \(failed\): 1 of 3 tests fail") as caught:
        ask(project.settings, "docker", (), silent)
    assert 3 == caught.value.exit_code
    without = ("docker-tests", "same-tests")
    assert {
        "docker-tests": "failed: 1 of 3 tests fail",
        "same-tests": "unknown: no record of mode local",
    } == ask(project.settings, "docker", without, silent)


def test_with_records_of_both_sides_a_switch_may_go_anywhere(project: Checklisted) -> None:
    for mode in ("local", "docker"):
        project.record(trial(mode))

    for target in ("docker", "local", "hybrid:api"):
        assert {} == ask(project.settings, target, ("docker-tests",), silent)


def test_what_fails_in_docker_keeps_nobody_from_leaving_it(project: Checklisted) -> None:
    project.record(trial("local"))

    assert {} == ask(project.settings, "local", (), silent)


def test_an_item_to_do_without_that_is_none(project: Checklisted) -> None:
    require_known(project.settings, "docker", ("docker-tests", "memory"))
    with pytest.raises(UsageError, match="did you mean 'docker-tests'") as caught:
        require_known(project.settings, "docker", ("docker-test",))
    assert "A switch to docker asks for: settings-format, variable-mapping," in str(caught.value)


# --- versions


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("postgres (PostgreSQL) 18.6", "18.6"),
        ("postgres (PostgreSQL) 16.4 (Debian 16.4-1.pgdg120+1)", "16.4"),
        ("postgres (PostgreSQL) 19beta1", "19beta1"),
        ("Redis server v=7.2.5 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.2.5"),
        ("Valkey server v=8.1.8 sha=00000000:1 malloc=libc bits=64", "7.2.4"),
        ("mysqld  Ver 8.4.2 for Linux on x86_64 (MySQL Community Server - GPL)", "8.4.2"),
        ("mariadbd  Ver 11.4.3-MariaDB-ubu2404 for debian-linux-gnu", "11.4.3-MariaDB-ubu2404"),
        ("not a server", ""),
    ],
)
def test_what_a_server_says_of_itself(output: str, version: str) -> None:
    assert version == versions.said(output)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("postgres:16.4-alpine", "16.4"),
        ("registry.test:5000/library/redis:6@sha256:00", "6"),
        ("postgis/postgis:15-3.4", "15"),
        ("pgvector/pgvector:0.8.0-pg17", ""),
        ("postgres:latest", ""),
        ("postgres", ""),
        ("", ""),
    ],
)
def test_what_a_tag_says_of_an_image_that_is_not_here(image: str, version: str) -> None:
    assert version == versions.tagged(image)


class Server:
    """A driver of a server of one version."""

    def __init__(self, version: str) -> None:
        self._version = version

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def version(self) -> str:
        return self._version


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("18.6", "16.4", "db: version 18.6 on local, 16.4 on docker, which is older. Name an "),
        ("10.11.8-MariaDB", "8.4.2", "MySQL and MariaDB do not read each other's dumps."),
        ("18.6", "18.1", None),
        ("16.4", "18.6", None),
        ("18.6", "19beta1", None),
        ("18.6", "", None),
    ],
)
def test_an_older_server_is_refused_with_both_versions(
    project: Checklisted,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    after: str,
    said: str | None,
) -> None:
    monkeypatch.setattr(versions, "driver", lambda site, store: Server(before))
    monkeypatch.setattr(versions, "expected", lambda site, store: after)
    opened, cargo = moving(project)
    sites = Site("local", opened, local_mode(opened.settings)), docker_site(opened)

    if said is None:
        versions.require_not_older(cargo, *sites)
    else:
        with pytest.raises(DataRefused, match="The servers on docker cannot take the data") as it:
            versions.require_not_older(cargo, *sites)
        assert said in str(it.value)


def test_an_older_server_of_this_host_is_known_by_its_program(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.change(
        "[CMD, pg_isready]}", "[CMD, pg_isready]}\n    x-tranship: {local: {server: postgres}}"
    )
    project.write("pyproject.toml", '[tool.tranship.local]\npostgres = "system"\n')
    for name in ("initdb", "postgres"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nprint('postgres (PostgreSQL) 15.8')\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(versions, "driver", lambda site, store: Server("18.6"))
    opened, cargo = moving(project)
    local = Site("local", opened, local_mode(opened.settings))

    with pytest.raises(DataRefused) as caught:
        versions.require_not_older(cargo, docker_site(opened), local)

    assert [
        "The servers on local cannot take the data:",
        "  db: version 18.6 on docker, 15.8 on local, which is older. Install version 18 or newer "
        "on this host.",
    ] == str(caught.value).splitlines()


# --- the disk and the volumes


def moving(project: Checklisted) -> tuple[Project, Cargo]:
    opened = open_project(project.settings)
    return opened, Cargo(stores(opened), silent)


def docker_site(opened: Project, **info: Any) -> Site:
    """Return a side whose engine says this of itself; there is none."""
    client = SimpleNamespace(info=lambda: SimpleNamespace(**info))
    mode = type("WithEngine", (DockerMode,), {"client": client})
    return Site("docker", opened, object.__new__(mode))


def test_what_goes_to_one_disk_is_added_up(tmp_path: Path) -> None:
    one = disk.Part(tmp_path / "not" / "yet", "a", 1)
    other = disk.Part(tmp_path, "b", 2)
    elsewhere = disk.Part(Path("/proc"), "c", 4)

    assert ((one, other), (elsewhere,)) == disk.by_disk([one, elsewhere, other])


def test_the_source_counts_twice_here_and_once_where_the_target_is(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, cargo = moving(project)
    root = opened.settings.state_directory / "engine"
    root.mkdir(parents=True)
    here = Site("local", opened, local_mode(opened.settings))
    there = docker_site(opened, docker_root_dir=str(root), name="host")
    data = root.parent / "local" / "db" / "data"
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "large").write_bytes(b"x" * 100 * MIB)
    data.parent.mkdir(parents=True)
    data.symlink_to(elsewhere)
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="host"))

    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(365 * MIB))
    disk.require_room(cargo, here, there)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(363 * MIB))
    with pytest.raises(DataRefused) as caught:
        disk.require_room(cargo, here, there)
    assert (
        f"363 MiB are free where {root.parent} and {root} is; the switch may need 364 MiB there: "
        "264 MiB for the snapshot and the dump of the data; 100 MiB for db on docker. Free some "
        "space there."
    ) == str(caught.value)

    # An engine elsewhere keeps its volumes there, whatever is in the folder of that name here.
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="another"))
    disk.require_room(cargo, here, there)


def test_where_a_container_can_write() -> None:
    mounts = [
        {"type": "volume", "source": "v", "target": "/data"},
        {"type": "bind", "source": "/etc", "target": "/conf", "read_only": True},
        {"type": "tmpfs", "target": "/tmp"},
        "pg:/var/lib/postgresql/data",
        "./conf:/etc/postgresql:ro",
        "/anonymous",
    ]

    assert ["/data", "/var/lib/postgresql/data"] == list(disk.mounted({"volumes": mounts}))
    assert [] == list(disk.mounted({}))


def test_a_store_without_a_volume_is_refused(project: Checklisted) -> None:
    preflight._require_lasting(*moving(project))
    text = (project.root / "compose.yaml").read_text()
    line = next(it for it in text.splitlines(keepends=True) if "volumes: [" in it)
    (project.root / "compose.yaml").write_text(text.replace(line, ""))

    with pytest.raises(DataRefused, match="db: no volume in the compose file"):
        preflight._require_lasting(*moving(project))


# --- the command that leads the traffic


def leading(project: Checklisted, *words: str) -> Project:
    opened = open_project(project.settings)
    migrate = replace(opened.settings.migrate, move_traffic=words)
    return replace(opened, settings=replace(opened.settings, migrate=migrate))


def test_a_command_that_is_not_there_is_found_before(project: Checklisted) -> None:
    for words in ((), (sys.executable,), ("./lead.sh", "{side}")):
        (project.root / "lead.sh").write_text("#!/bin/sh\necho $1 > led\n")
        (project.root / "lead.sh").chmod(0o755)
        traffic.require_command(leading(project, *words), "docker", project.root)
    (project.root / "lead.sh").chmod(0o644)
    for words in (("./lead.sh",), ("no-such-command",)):
        with pytest.raises(EnvironmentFailed, match=f"move-traffic: {words[0]} is not there"):
            traffic.require_command(leading(project, *words), "docker", project.root)


def test_the_command_is_told_the_side_and_its_words_are_kept(project: Checklisted) -> None:
    words = ("-c", "import pathlib, sys; pathlib.Path('led').write_text(sys.argv[1])", "{side}")
    led = traffic.move(leading(project, sys.executable, *words), "docker", project.root, silent)
    assert f"{sys.executable} led the traffic to docker." == led
    assert "docker" == (project.root / "led").read_text()
    assert "" == traffic.move(leading(project), "docker", project.root, silent)
    stuck = leading(project, sys.executable, "-c", "print('stuck'); raise SystemExit(3)")
    with pytest.raises(EnvironmentFailed, match="ended with code 3: stuck"):
        traffic.move(stuck, "docker", project.root, silent)
