"""The probes that read files and records, and the clients of those that dial."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from checklisted import TESTS, WORDS, Checklisted, trial
from tranship.envmap.project import open_project
from tranship.migration.checklist.logins import logins, stores
from tranship.migration.checklist.postgresclient import PostgresClient, Refused, _Scram
from tranship.migration.checklist.redisclient import RedisClient
from tranship.modes.base import Address
from tranship.trials.record import Failure, TestOutcome, Trial

pytestmark = pytest.mark.usefixtures("no_docker")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checklisted:
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})
    return Checklisted(tmp_path / "project")


def stand(project: Checklisted, name: str) -> tuple[str, str]:
    found = project.of(name)
    return found.status, found.seen


# --- files


def test_what_is_written_is_proved_without_an_engine(project: Checklisted) -> None:
    assert ("proved", "read in development and test") == stand(project, "settings-format")
    assert ("proved", "no error in development or test") == stand(project, "variable-mapping")
    assert ("proved", "2 free, 0 the stack's own") == stand(project, "port-mapping")
    assert ("proved", "json-file, local for 2 services") == stand(project, "logs")
    assert ("proved", "no error, 1 warning") == stand(project, "stack-files")


def test_what_is_wrong_is_named(project: Checklisted, monkeypatch: pytest.MonkeyPatch) -> None:
    project.change("@db:5432", "@localhost:5432")
    assert "failed" == stand(project, "variable-mapping")[0]
    assert stand(project, "variable-mapping")[1].startswith("TE001 in development: ")

    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {5432: "process 7 (x)"})
    assert ("failed", "5432 is held by process 7 (x)") == stand(project, "port-mapping")


def test_who_holds_a_port_for_a_moment_is_nobody(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([{5432: "process 7 (postgres)"}, {}])
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: next(looks))

    assert ("proved", "2 free, 0 the stack's own") == stand(project, "port-mapping")

    project.change(
        "logging: {driver: json-file, options: {max-size: 10m}}", "logging: {driver: json-file}"
    )
    assert ("failed", "nothing bounds the logs of db (TM008)") == stand(project, "logs")
    project.change("logging: {driver: json-file}", "logging: {driver: none}")
    assert ("failed", "nothing is kept of db: log driver none") == stand(project, "logs")

    project.change('volumes: ["data:/var/lib/postgresql/data"]', "tty: true")
    assert stand(project, "stack-files")[1].startswith("TM012: db ")


def test_an_engine_that_is_absent_is_no_proof(project: Checklisted) -> None:
    project.change("logging: {driver: json-file, options: {max-size: 10m}}", "tty: true")

    assert ("unknown", "no engine answers, whose own log driver counts") == stand(project, "logs")
    assert ("unknown", "nothing runs: docker") == stand(project, "docker-database")


def test_production_is_looked_at_where_there_is_one(project: Checklisted) -> None:
    assert ("unknown", "no environment production: there is no envs/production.json") == stand(
        project, "production-variables"
    )
    for name in ("base", "development", "test", "production"):
        project.write(f"envs/{name}.json", "{}")

    assert ("proved", "no error in production") == stand(project, "production-variables")


def test_a_stack_without_a_store_needs_none(project: Checklisted) -> None:
    assert ("not needed", "the stack has no Redis") == stand(project, "docker-redis")


# --- records


def test_no_record_proves_nothing(project: Checklisted) -> None:
    names = ("local-start", "docker-tests", "memory", "edges", "mixed-tests")
    for name in names:
        assert "unknown" == project.of(name).status, name
    assert "no record of mode local" == project.of("local-start").seen
    assert "no record of a mixed placement" == project.of("mixed-tests").seen


def test_two_good_records_prove_what_they_measured(project: Checklisted) -> None:
    project.record(trial("local"))
    project.record(trial("docker", factor=1.05))

    for name, seen in {
        "local-start": "2 services answered within 1.00 s",
        "docker-start": "2 services answered within 1.05 s",
        "local-tests": "3 tests pass",
        "same-tests": "3 tests, none differs",
        "edges": "1 way, p95 3.0 ms at most (api to db)",
        "network": "p95 3.0 ms at most (api to db)",
        "health-checks": "2 have one; 100 of 100 probes passed",
        "startup": "ratio < 1.5: api 1.05x at worst",
        "memory": "ratio < 1.2: api 1.05x at worst",
        "latency": "p95 < 100ms: api 4.2 ms at worst",
        "health-rate": "rate > 99%: api 100.0 % at worst",
    }.items():
        found = project.of(name)
        assert ("proved", seen) == (found.status, found.seen), name
        assert ("nox -s compare", trial().started) == (found.by, found.at)


def test_a_record_that_is_older_than_the_stack_proves_nothing(project: Checklisted) -> None:
    project.record(trial("docker", started="2001-01-01T00:00:00.000+00:00"))

    os.utime(project.root / "compose.yaml", (4e9, 4e9))

    assert ("unknown", "the newest record of docker is older than compose.yaml") == stand(
        project, "docker-start"
    )


def test_bad_records_fail(project: Checklisted) -> None:
    bad = (*TESTS, TestOutcome("tests.test_orders", "test_x", "failed", 0.1, "assert 0"))
    project.record(trial("local"))
    project.record(trial("docker", factor=2.0, tests=bad, passed=40, failed_edges=7, p95=0.2))

    for name, seen in {
        "docker-tests": "1 of 4 tests fail",
        "same-tests": "same: they differ",
        "health-rate": "rate > 99%: api 80.0 %, db 80.0 %",
        "health-checks": "api passed 40 of 50, db passed 40 of 50",
        "edges": "not reached: api to db (7 of 100), api to db (7 of 100)",
    }.items():
        assert ("failed", seen) == stand(project, name), name


def test_a_figure_beyond_its_limit_in_one_run_may_be_noise(project: Checklisted) -> None:
    project.record(trial("local"))
    project.record(trial("docker", factor=2.0))

    status, seen = stand(project, "startup")

    assert "unknown" == status
    assert "api 2.00x, db 2.00x" in seen


def test_a_slow_way_fails_what_has_a_limit(project: Checklisted) -> None:
    project.record(trial("docker", p95=0.2))

    assert ("failed", "p95 200 ms at most (api to db)") == stand(project, "network")
    assert "proved" == project.of("edges").status


def test_a_part_of_the_suite_is_no_proof(project: Checklisted) -> None:
    project.record(trial("local"))
    for command in ((*WORDS, "-k", "orders"), (*WORDS[:3], "tests/test_orders.py"), WORDS[:3]):
        project.record(trial("docker", command=command))

        for name in ("docker-tests", "same-tests"):
            assert ("unknown", "only a part of the suite ran") == stand(project, name)


@pytest.mark.parametrize(
    ("stage", "status"), [("build", "failed"), ("start", "failed"), ("interrupted", "unknown")]
)
def test_a_mode_that_failed_did_not_start(project: Checklisted, stage: str, status: str) -> None:
    failure = Failure(stage, "db exited with code 1\nmore")  # type: ignore[arg-type]
    project.record(replace(trial("docker"), failure=failure, suite=None))

    assert status == project.of("docker-start").status
    assert status == project.of("docker-tests").status


def test_a_figure_that_was_not_measured_is_unknown(project: Checklisted) -> None:
    made = trial("docker")
    services = {name: replace(it, memory_bytes=None) for name, it in made.services.items()}
    project.record(trial("local"))
    project.record(replace(made, services=services))

    assert "unknown" == project.of("memory").status


def test_figures_are_of_runs_that_alternated(project: Checklisted) -> None:
    for repeat in (1, 2, 3):
        project.record(batched("local", repeat))
        project.record(batched("docker", repeat))
    # The local side of a later comparison with something else, on a busier machine.
    project.record(trial("local", factor=3.0, started="2097-01-01T00:00:00.000+00:00"))

    found = project.of("cpu")

    assert (found.status, found.seen) == ("proved", "ratio < 1.1: api 1.00x (1.00-1.00) at worst")


def batched(mode: str, repeat: int) -> Trial:
    started = f"2096-05-01T10:0{repeat}:00.000+00:00"
    return replace(trial(mode, started=started), batch="b1", repeat=repeat)


def test_a_gate_that_was_taken_away_is_not_asked_for(project: Checklisted) -> None:
    project.write("pyproject.toml", "[tool.tranship]\n[tool.tranship.gates]\ncpu = []\n")
    project.record(trial("local"))
    project.record(trial("docker"))

    assert ("not needed", "no gate on it") == stand(project, "cpu")


def test_the_newest_mixed_placement_counts(project: Checklisted) -> None:
    bad = (replace(TESTS[0], outcome="failed"),)
    project.record(trial("hybrid:db", tests=bad, started="2097-01-01T00:00:00.000+00:00"))
    assert "failed" == project.of("mixed-tests").status

    project.record(trial("hybrid:api", started="2098-01-01T00:00:00.000+00:00"))

    assert ("proved", "3 tests pass (hybrid:api)") == stand(project, "mixed-tests")


# --- logins


def test_logins_are_those_that_the_services_have(project: Checklisted) -> None:
    opened = open_project(project.settings)
    (service,) = stores(opened, "postgres")

    for side in ("docker", "local"):
        (login,) = logins(opened, service, side)  # type: ignore[arg-type]
        assert ("app", "geheim-1", "shop") == (login.user, login.password, login.database)
        assert "api.DB_URL" == login.variable
    assert () == stores(opened, "redis")


def test_scram_is_that_of_its_rfc() -> None:
    """The example of RFC 7677, section 3."""
    scram = _Scram("pencil", "user", "rOprNGfwEbeRWgbNEkqO")
    assert b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO" == scram.first()

    final = scram.final(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )

    assert final.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[Address, list[bytes]]]:
    """Run a server that gives these answers to one client, one for each thing it sends."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for text in answers:
                    heard.append(connection.recv(4096))
                    connection.sendall(text)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address("127.0.0.1", listening.getsockname()[1]), heard
        thread.join()


def test_redis_logs_in_and_reads() -> None:
    answers = (b"+OK\r\n", b"+OK\r\n", b"+PONG\r\n", b"$2\r\nab\r\n", b"$-1\r\n")
    with server(*answers) as (at, heard), RedisClient(at, "", "pw", "3", 2.0) as client:
        assert ["ab", None] == [client.call("GET", "k"), client.call("GET", "none")]
    assert b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n" == heard[0]
    assert b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" == heard[1]


def test_refusals_are_in_the_servers_words() -> None:
    with server(b"-WRONGPASS invalid\r\n") as (at, _), pytest.raises(Refused, match="WRONGPASS"):
        RedisClient(at, "", "pw", "", 2.0)
    error = b"SFATAL\0C28P01\0Mpassword wrong\0\0"
    reply = b"E" + (len(error) + 4).to_bytes(4, "big") + error
    with server(reply) as (at, _), pytest.raises(Refused, match=r"wrong \(SQLSTATE 28P01\)"):
        PostgresClient(at, "u", "p", "d", 2.0)


def test_a_server_that_goes_away_is_an_error_of_the_network() -> None:
    with server(b"") as (at, _), pytest.raises(ConnectionError):
        PostgresClient(at, "u", "p", "d", 2.0)
    with server(b"") as (at, _), pytest.raises(ConnectionError):
        RedisClient(at, "", "", "", 2.0)
