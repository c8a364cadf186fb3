"""What stands against a switch before anything is touched, on one stack that stays in use."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from . import switchstack
from .projects import Finished, Project, docker, until

SWITCH = ("migrate.switch", "--to", "docker", "--watch", "0.5", "--interval", "0.3")
WITHOUT = ("--without", ",".join(switchstack.ASKED))
OLD = """
FROM {image}
COPY --chmod=755 <<-"EOF" /old/postgres
	#!/bin/sh
	echo "postgres (PostgreSQL) 16.4"
EOF
COPY --chmod=755 <<-"EOF" /old/redis-server
	#!/bin/sh
	echo "Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64"
EOF
ENV PATH=/old:$PATH
"""
"""An image whose servers say that they are older than any that local mode has."""


Stack = tuple[Project, switchstack.Writer]


@pytest.fixture(scope="module")
def stack(module_project: object) -> Iterator[Stack]:
    """Yield one stack for all of these, up on this host; nobody ever compared, one writes."""
    project: Project = module_project()  # type: ignore[operator]
    ports = switchstack.write(project, waived=False)
    project.inv("local.up").exits(0)
    with switchstack.Writer(ports.web) as writer:
        yield project, writer


@contextmanager
def written(project: Project, *pairs: tuple[str, str]) -> Iterator[None]:
    """Have the compose file say other things while the block runs."""
    before = project.compose_file.read_text()
    text = before
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    project.compose_file.write_text(text)
    try:
        yield
    finally:
        project.compose_file.write_text(before)


def refused(stack: Stack, code: int, *words: str) -> Finished:
    """Fail unless the switch ends so, and the source is in use as if there had been none."""
    project, writer = stack
    writer.until(1)
    done = project.inv(*SWITCH, *words).exits(code)
    writer.until(1)
    switchstack.require_kept(writer.port, writer.so_far())
    assert [] == project.containers()
    assert [] == project.volumes()
    made = {path.name for path in switchstack.journal(project).parent.iterdir()}
    assert made <= {"evidence.json", "evidence.lock", "lock"}
    return done


def test_what_is_not_proved_is_named_with_its_command(
    stack: Stack,
) -> None:
    done = refused(stack, 3)
    done.says(
        "A switch to docker asks for what is not proved:",
        "  docker-tests (unknown): no record of mode docker. Prove it: nox -s compare\n",
        "  health-checks (failed): no health check: cache, web (TM001). Prove it: nox -s compare\n",
        "--to docker --without docker-start,health-checks,docker-tests,same-tests",
    )
    assert "variable-mapping" not in done.text
    refused(stack, 5, "--without", "health-checks").says("docker-start (unknown)")
    wrong = stack[0].inv(*SWITCH, "--without", "docker-test").exits(2)
    wrong.says("did you mean 'docker-tests'?", "A switch to docker asks for: settings-format,")
    stack[0].inv("migrate.status").exits(0).says("No switch was begun here")


def test_older_servers_are_refused_by_what_they_say(
    stack: Stack,
) -> None:
    project, _ = stack
    old = f"{project.name}-old:1"
    words = (
        "build",
        "--quiet",
        "--tag",
        old,
        "--label",
        f"com.docker.compose.project={project.name}",
    )
    text = OLD.format(image=switchstack.POSTGRES_IMAGE)
    subprocess.run(["docker", *words, "-"], input=text, text=True, check=True, capture_output=True)
    images = (switchstack.POSTGRES_IMAGE, switchstack.REDIS_IMAGE)
    with written(project, *((image, old) for image in images)):
        done = refused(stack, 4, *WITHOUT)
    done.says("The servers on docker cannot take the data:")
    redis, postgres = sorted(line for line in done.text.splitlines() if line.startswith("  "))
    assert re.fullmatch(
        r"  db: version 1[789][\w.]* on local, 16\.4 on docker, which is older\. Name an image of "
        rf"version 1[789] or newer in its place: {old}\.",
        postgres,
    )
    assert re.match(r"  cache: version [789]\.[\d.]+ on local, 6\.2\.14 on docker", redis)


def test_a_password_that_the_source_does_not_take(
    stack: Stack,
) -> None:
    project, _ = stack
    with written(project, ("POSTGRES_PASSWORD: s3cretly", "POSTGRES_PASSWORD: an0ther")):
        done = refused(stack, 4, *WITHOUT)
    done.says(
        "db on local: ",
        'password authentication failed for user "shop"',
        "The data was made with another password than the settings have now",
    )
    assert "an0ther" not in done.text


def test_a_store_that_would_lose_its_data_with_its_container(
    stack: Stack,
) -> None:
    project, _ = stack
    with written(project, ("- cache-data:/data", "- ./nothing:/nothing:ro")):
        refused(stack, 4, *WITHOUT).says("cache: no volume in the compose file")


def test_a_password_that_the_target_does_not_take(stack: Stack) -> None:
    """Of a volume that was made when the settings had another one."""
    project, writer = stack
    made_before(project, "before1")
    done = project.inv(*SWITCH, *WITHOUT).exits(4)
    done.says("db on docker: ", "password authentication failed", "made with another password")
    assert "s3cretly" not in done.text
    writer.until(1)
    switchstack.require_kept(writer.port, writer.so_far())
    assert [] == project.containers()
    project.inv("migrate.status").exits(0).says("No switch was begun here", "On this host: cache,")


def made_before(project: Project, password: str) -> None:
    """Have the volume of PostgreSQL as an earlier stack left it, made with this password."""
    labels = (f"com.docker.compose.project={project.name}", "com.docker.compose.volume=db-data")
    volume = f"{project.name}_db-data"
    docker("volume", "create", *(f"--label={label}" for label in labels), volume)
    variables = {
        "POSTGRES_USER": "shop",
        "POSTGRES_DB": "shop",
        "POSTGRES_PASSWORD": password,
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        # By default the image trusts whoever is in the container.
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256",
    }
    options = [f"--env={name}={value}" for name, value in variables.items()]
    name = f"{project.name}-before"
    mount = f"--volume={volume}:/var/lib/postgresql/data"
    docker("run", "-d", "--name", name, mount, *options, switchstack.POSTGRES_IMAGE)
    try:
        ready = ("exec", name, "pg_isready", "-q", "-h", "127.0.0.1")
        until(lambda: not subprocess.run(["docker", *ready], check=False).returncode, "PostgreSQL")
    finally:
        docker("stop", name)
        docker("rm", "--force", "--volumes", name)


def test_a_disk_with_no_room_for_what_the_volumes_hold(project: Project) -> None:
    ports = switchstack.write(project, database=False)
    state = project.root / ".tranship"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=250m", "tmpfs", str(state)], check=True)
    try:
        project.inv("docker.up").exits(0)
        cache = project.container("cache")["Id"]
        docker("exec", cache, "sh", "-c", "head -c 70m /dev/zero > /data/large")
        done = project.inv("migrate.switch", "--to", "local").exits(4)
        done.says("MiB are free where", "204 MiB for the snapshot and the dump of the data; 70 MiB")
        assert "docker" == switchstack.side(ports.web)
        project.inv("docker.down").exits(0)
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)
