"""An engine that really stops, is killed, or has no disk left: in a switch, and in a copy."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psycopg
import pytest
import redis

from . import ownengine, switchstack, switchtasks
from .ownengine import OwnEngine
from .projects import Project
from .switchstack import Ports

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

IMAGES = (switchstack.POSTGRES_IMAGE, switchstack.REDIS_IMAGE, switchstack.PYTHON_IMAGE)
BOTH = (signal.SIGTERM, signal.SIGKILL)
SWITCH = ("migrate.switch", "--interval", "0.3")
TO_DOCKER = (*SWITCH, "--to", "docker")
COPY = ("data.copy", "--from", "local", "--to", "docker", "--replace")

RESTORE = "migration.data.postgres_restoring.restore"
LOAD = "migration.data.redis_moving.load"
GONE = "Cannot connect to the Docker daemon"
START_IT = "Start it (`sudo systemctl start docker`)"


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """Yield the engine that all of these have for themselves."""
    with ownengine.own_engine(*IMAGES) as found, found.entered():
        yield found


@pytest.fixture(scope="module")
def stack(engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ports]:
    """Return one stack for all of these, up beside the engine as processes."""
    root = tmp_path_factory.mktemp("project")
    project = engine.project(root, tmp_path_factory.getbasetemp() / "environments")
    ports = switchstack.write(project, "[tool.tranship.migrate.triggers]\nchecks = 2\n")
    project.inv("local.up").exits(0)
    return project, ports


def test_an_engine_that_ends_in_the_copy(engine: OwnEngine, stack: tuple[Project, Ports]) -> None:
    """The source needs no engine: it takes writes again at once."""
    project, ports = stack
    with switchstack.Writer(ports.web, names="copy-") as writer:
        for number in BOTH:
            done = project.inv(*TO_DOCKER, DURING=RESTORE, DO=engine.ending(number)).exits(4)
            done.says(f"The step copy failed: db on docker: restoring shop failed: {GONE}")
            done.says(START_IT, "Everything is on local again, with all data")
            writer.until(1)
            assert "local" == switchstack.side(ports.web)
            # What the first has left there is ours: the second needs no --replace.
            engine.again()
    status = project.inv("migrate.status").exits(0)
    status.says("went back to local: the step copy failed", "On this host: cache, db, web.")
    project.inv(*SWITCH, "--resume").exits(2).says("Nothing is under way")
    switchstack.require_all(ports.web, writer.acknowledged, writer.names)


@pytest.mark.parametrize("number", BOTH)
def test_an_engine_that_ends_in_the_watch(
    engine: OwnEngine, stack: tuple[Project, Ports], number: signal.Signals
) -> None:
    """What was written since the move is where nobody can reach it, until the engine is back."""
    project, ports = stack
    with switchstack.Writer(ports.web, names=f"{number.name}-") as writer:
        running = project.start_inv(*TO_DOCKER, "--watch", "60")
        running.until("Watching docker")
        writer.until(2)
        engine.end(number)
        done = running.finish().exits(4)
        done.says("silence: no measurement in 2 checks running", GONE, START_IT)
        done.says("docker holds what was written since the switch", "rollback --leave-writes")
        status = project.inv("migrate.status").exits(4)
        status.says("on its way back: last step freeze (failed)", "Finish it: inv migrate.rollback")
        status.says("On this host: nothing.", "In containers: not known (No Docker engine answers")
        project.inv(*SWITCH, "--resume").exits(2).says("Finish that: inv migrate.rollback")
        project.inv("migrate.rollback").exits(4).says(START_IT)
        engine.again()
        project.inv("migrate.rollback").exits(0).says("Everything is on local again")
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    switchstack.require_all(ports.web, writer.acknowledged, writer.names)


def test_an_engine_that_stops_in_a_copy_leaves_the_source_to_its_writers(
    engine: OwnEngine, stack: tuple[Project, Ports]
) -> None:
    project, ports = stack

    done = project.inv(*COPY, DURING=RESTORE, DO=engine.ending(signal.SIGTERM)).exits(4)

    done.says(f"db on docker: restoring shop failed: {GONE}", START_IT)
    assert 200 == switchstack.call(ports.web, "POST", "/count/after-the-copy")[0]
    project.inv(*COPY).exits(4).says(START_IT)
    engine.again()
    project.inv(*COPY).exits(0)
    assert "Left" not in project.inv("data.list").exits(0).text


def test_a_full_disk_of_the_engine(engine: OwnEngine, stack: tuple[Project, Ports]) -> None:
    project, ports = stack
    sql(ports, "CREATE TABLE large AS SELECT md5(n::text) FROM generate_series(1, 200000) AS n")
    with redis.Redis(port=ports.cache, password="key") as client:
        client.set("large", os.urandom(4 << 20))
    with switchstack.Writer(ports.web, names="full-") as writer:
        writer.until(1)
        # Filled up when no check of ours can see it any more: first under PostgreSQL, ...
        filled = engine.filling(leaving=4 << 20)
        done = project.inv(*TO_DOCKER, "--replace", DURING=RESTORE, DO=filled).exits(4)
        done.says("The step copy failed: db on docker: restoring shop failed")
        done.says("No space left on device", "Free some space there.")
        done.says("Everything is on local again, with all data")
        engine.empty()
        writer.until(1)
        sql(ports, "DROP TABLE large")
        # ... then under Redis, which takes all of it and cannot keep it, ...
        filled = engine.filling(leaving=0)
        done = project.inv(*TO_DOCKER, "--replace", DURING=LOAD, DO=filled).exits(4)
        done.says("The step copy failed: cache on docker: it cannot write to its disk.")
        done.says("No space left on device", "Everything is on local again, with all data")
        engine.empty()
        writer.until(1)
        # ... and at last where both are stopped to start again on the declared ports.
        switch = (*TO_DOCKER, "--replace", "--watch", "0.5")
        project.inv(*switch, DURING=switchtasks.CLOSE_BESIDE, DO=filled).exits(0)
        assert "docker" == switchstack.side(ports.web)
        writer.until(1)
        engine.empty()
        project.inv("migrate.rollback").exits(0)
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    switchstack.require_all(ports.web, writer.acknowledged, writer.names)
    with redis.Redis(port=ports.cache, password="key") as client:
        assert 4 << 20 == client.strlen("large")


def sql(ports: Ports, text: str) -> None:
    """Run SQL on the local side's database."""
    where = f"host=127.0.0.1 port={ports.db} user=shop password=s3cretly dbname=shop"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(text)
