"""The entry script that both sides use for PostgreSQL, with a fake server's programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tasks/modes/postgres.sh"
INITDB = """\
#!/bin/sh
echo "initdb $*" >>"$CALLS"
for word; do
    case $word in --pgdata=*) data=${word#--pgdata=} ;; --sync-only) exit 0 ;; esac
done
cat >"$data/password"
mkdir -p "$data/base"
echo 18 >"$data/PG_VERSION"
touch "$data/pg_hba.conf"
[ -z "${KILL-}" ] || kill -9 $PPID
"""
POSTGRES = """\
#!/bin/sh
echo "postgres $* password=${POSTGRES_PASSWORD-}" >>"$CALLS"
[ "$1" != --single ] || cat >>"$CALLS"
"""


class Cluster:
    """A folder for data, fake programs, and what was asked of them."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.calls = folder / "calls"
        self.programs = folder / "bin"
        self.programs.mkdir()
        # As root the script would become another user, who may not reach pytest's folder.
        fakes = {"initdb": INITDB, "postgres": POSTGRES, "id": "#!/bin/sh\necho 1000\n"}
        for name, text in fakes.items():
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PGBIN": str(self.programs),
            "PGDATA": str(self.data),
            "CALLS": str(self.calls),
            "POSTGRES_PASSWORD": "word",
            **variables,
        }
        return subprocess.run(
            ["sh", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True
        )

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_a_new_cluster_is_made_and_the_server_started(cluster: Cluster) -> None:
    done = cluster.run("postgres", "-p", "5433", POSTGRES_USER="athena", POSTGRES_DB='a"b')

    assert done.returncode == 0, done.stderr
    first, single, statement, sync, server = cluster.asked()
    assert "--username=athena" in first
    assert "--encoding=UTF8 --locale=C.UTF-8" in first
    assert "word" not in first
    assert single.startswith("postgres --single -D ")
    assert statement == 'CREATE DATABASE "a""b"'
    assert "--sync-only" in sync
    assert server == f"postgres -D {cluster.data} -c listen_addresses=* -p 5433 password="
    assert sorted(path.name for path in cluster.data.iterdir()) == [
        "PG_VERSION",
        "base",
        "password",
        "pg_hba.conf",
    ]
    assert (cluster.data / "password").read_text() == "word\n"
    assert cluster.data.stat().st_mode & 0o777 == 0o700


def test_a_made_cluster_is_only_started(cluster: Cluster) -> None:
    cluster.run()
    cluster.run("-c", "fsync=off")

    assert cluster.asked() == [
        f"postgres -D {cluster.data} -c listen_addresses=* -c fsync=off password="
    ]


def test_the_database_of_the_user_named_postgres_is_there_already(cluster: Cluster) -> None:
    cluster.run()

    assert not any("--single" in call for call in cluster.asked())


def test_a_kill_while_initialising_is_made_good(cluster: Cluster) -> None:
    assert cluster.run(KILL="1").returncode == -9
    assert not (cluster.data / "PG_VERSION").exists()

    done = cluster.run()

    assert "cut short" in done.stdout
    assert (cluster.data / "PG_VERSION").exists()
    assert not (cluster.data / "initialising").exists()


def test_a_kill_while_moving_is_made_good(cluster: Cluster) -> None:
    cluster.run()
    staging = cluster.data / "initialising"
    staging.mkdir()
    (cluster.data / "PG_VERSION").rename(staging / "PG_VERSION")
    (cluster.data / "base/of-before").touch()

    done = cluster.run()

    assert "cut short" in done.stdout
    assert not (cluster.data / "base/of-before").exists()


def test_a_kill_after_the_commit_keeps_the_cluster(cluster: Cluster) -> None:
    cluster.run()
    (cluster.data / "initialising").mkdir()
    (cluster.data / "base/orders").touch()

    done = cluster.run()

    assert "cut short" not in done.stdout
    assert (cluster.data / "base/orders").exists()
    assert not (cluster.data / "initialising").exists()


def test_a_folder_of_something_else_stays_as_it_is(cluster: Cluster) -> None:
    cluster.data.mkdir(mode=0o755)
    (cluster.data / "thesis.txt").touch()

    done = cluster.run()

    assert done.returncode == 1
    assert "neither empty nor a PostgreSQL cluster" in done.stderr
    assert cluster.asked() == []
    assert cluster.data.stat().st_mode & 0o777 == 0o755


def test_the_password_may_be_in_a_file(cluster: Cluster, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")

    done = cluster.run(POSTGRES_PASSWORD="", POSTGRES_PASSWORD_FILE=str(secret))

    assert done.returncode == 0, done.stderr
    assert (cluster.data / "password").read_text() == "from a file\n"
    assert not [line for line in cluster.asked() if "from a file" in line]


@pytest.mark.parametrize("name", ["PGDATA", "POSTGRES_PASSWORD"])
def test_a_missing_variable_is_named(cluster: Cluster, name: str) -> None:
    done = cluster.run(**{name: ""})

    assert done.returncode == 1
    assert f"{name} is not set" in done.stderr


def test_another_command_runs_as_it_is(cluster: Cluster) -> None:
    done = cluster.run("echo", "hello")

    assert done.stdout == "hello\n"
    assert not cluster.data.exists()
