"""The stack as frozen values, and its x-tranship fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tranship.errors import ComposeFileError, UnknownServiceError, UsageError
from tranship.stack.model import (
    Dependency,
    Health,
    LocalRecipe,
    Port,
    Service,
    Stack,
    duration,
    parse,
)
from tranship.stack.placement import Endpoint, Placement, Ports, Side, endpoint

FILE = Path("/project/compose/compose.yaml")


def stack_of(services: dict[str, Any], **top: Any) -> Stack:
    return parse({"services": services, **top}, [FILE], confirmed=True)


def service_of(**body: Any) -> Service:
    return stack_of({"api": body}).services["api"]


def test_everything_of_a_service_is_read() -> None:
    expected = Service(
        name="api",
        image="example/api:1",
        buildable=True,
        command=("python", "-m", "api service"),
        ports=(
            Port(8000, 18000, "127.0.0.1", "tcp"),
            Port(8001, None, None, "tcp"),
            Port(53, 53, None, "udp"),
        ),
        expose=(9000, 9100),
        environment={"A": "1", "B": None},
        depends_on=(
            Dependency("db", "service_healthy", True),
            Dependency("log", "service_started", False),
            Dependency("bus"),
        ),
        profiles=("extra",),
        restart="unless-stopped",
        has_healthcheck=True,
        stop_grace_seconds=90.0,
        health=Health("http", 8000, "/health"),
        local=LocalRecipe(
            command=("python", "-m", "api"),
            directory=FILE.parent / "services",
            environment={"PORT": "{port}", "DEBUG": "true", "EMPTY": "", "N": "3"},
        ),
    )

    assert expected == service_of(
        image="example/api:1",
        build={"context": "."},
        command="python -m 'api service'",
        ports=[
            {"target": 8000, "published": "18000", "host_ip": "127.0.0.1", "protocol": "tcp"},
            {"target": 8001, "published": "0"},
            {"target": 53, "published": "53", "protocol": "udp"},
        ],
        expose=["9000/tcp", "9100-9110", "odd"],
        environment={"A": "1", "B": None},
        depends_on={
            "db": {"condition": "service_healthy", "required": True},
            "log": {"required": False},
            "bus": None,
        },
        profiles=["extra"],
        restart="unless-stopped",
        healthcheck={"test": ["CMD", "true"]},
        stop_grace_period="1m30s",
        **{
            "x-tranship": {
                "health": {"http": "/health"},
                "local": {
                    "command": "python -m api",
                    "directory": "services",
                    "environment": {"PORT": "{port}", "DEBUG": True, "EMPTY": None, "N": 3},
                },
            }
        },
    )


def test_a_service_with_nothing_has_the_defaults() -> None:
    assert Service(name="api") == stack_of({"api": None}).services["api"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ports": [{"target": 53, "protocol": "udp"}, {"target": 80}], "expose": ["90"]}, 80),
        ({"expose": ["90"]}, 90),
        ({"x-tranship": {"health": {"tcp": True, "port": 70}}}, 70),
        ({}, None),
    ],
)
def test_the_port_that_other_services_dial(body: dict[str, Any], expected: int | None) -> None:
    assert expected == service_of(**body).container_port


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, False),
        ({}, False),
        ({"disable": True, "test": ["CMD", "true"]}, False),
        ({"test": ["NONE"]}, False),
        ({"test": ["CMD", "true"]}, True),
    ],
)
def test_whether_there_is_a_healthcheck(body: object, expected: bool) -> None:
    assert expected == service_of(healthcheck=body).has_healthcheck


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        ({"http": "/"}, Health("http", 80, "/")),
        ({"tcp": True}, Health("tcp", 80)),
        ({"postgres": True, "port": 5432}, Health("postgres", 5432)),
        ({"redis": True, "http": None}, Health("redis", 80)),
    ],
)
def test_health(health: object, expected: Health) -> None:
    body = {"ports": [{"target": 80}], "x-tranship": {"health": health}}

    assert expected == service_of(**body).health


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        ("local", ["x-tranship: must be a mapping"]),
        ({"locla": {}}, ["x-tranship: unknown key 'locla'", "did you mean 'local'?"]),
        ({"health": "/health"}, ["x-tranship.health: must be a mapping"]),
        ({"health": {"htpp": "/"}}, ["health: unknown key 'htpp'", "did you mean 'http'?"]),
        ({"health": {}}, ["health: name exactly one of http, tcp, postgres, redis"]),
        ({"health": {"tcp": True, "redis": True}}, ["health: name exactly one of"]),
        ({"health": {"tcp": True, "port": "no"}}, ["health: no port to ask", "`ports:`"]),
        ({"health": {"tcp": True}}, ["health: no port to ask"]),
        ({"health": {"http": True, "port": 1}}, ["health.http: must be a path"]),
        ({"health": {"http": "health", "port": 1}}, ["begins with a slash"]),
        ({"local": {}}, ["local: name either `command` or `server`"]),
        ({"local": {"command": "x", "server": "redis"}}, ["local: name either"]),
        ({"local": {"comand": "x"}}, ["local: unknown key 'comand'", "'command'"]),
        ({"local": {"server": "reds"}}, ["local.server: 'reds'", "did you mean 'redis'?"]),
        ({"local": {"command": "a 'b"}}, ["local.command: No closing quotation"]),
        ({"local": {"command": 5}}, ["local.command: must be a string or a list"]),
        ({"local": {"command": {"a": 1}}}, ["local.command: must be a string or a list"]),
        ({"local": {"command": "x", "environment": ["A=1"]}}, ["local.environment: must be a"]),
        ({"oneshot": "no"}, ["oneshot: must be true or false"]),
    ],
)
def test_a_malformed_extension_names_file_and_key(extension: object, words: list[str]) -> None:
    with pytest.raises(ComposeFileError) as raised:
        service_of(**{"x-tranship": extension})

    message = str(raised.value)
    assert [] == [word for word in (f"{FILE}: services.api.", *words) if word not in message]


def test_a_command_with_an_open_quote_names_its_key() -> None:
    with pytest.raises(ComposeFileError, match=r"services\.api\.command: No closing quotation"):
        service_of(command="echo 'x")


@pytest.mark.parametrize("document", [{}, {"services": None}, {"services": {}}])
def test_a_file_without_services_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ComposeFileError, match="declares no services"):
        parse(document, [FILE], confirmed=False)


@pytest.mark.parametrize(
    ("folder", "expected"), [("My.App", "myapp"), ("My App", "myapp"), ("_a-b_1", "a-b_1")]
)
def test_without_a_name_the_folder_names_the_stack(
    tmp_path: Path, folder: str, expected: str
) -> None:
    found = parse({"services": {"a": {}}}, [tmp_path / folder / "compose.yaml"], confirmed=False)

    assert expected == found.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("10s", 10.0),
        ("1m30s", 90.0),
        ("1h5m", 3900.0),
        ("1.5s", 1.5),
        ("100ms", 0.1),
        ("20us", 2e-5),
        ("0s", 0.0),
        ("", None),
        ("soon", None),
    ],
)
def test_durations(text: object, expected: float | None) -> None:
    assert pytest.approx(expected) == duration(text)


def test_a_stop_grace_of_nothing_is_not_the_default() -> None:
    assert (0.0, 10.0) == (
        service_of(stop_grace_period="0s").stop_grace_seconds,
        service_of().stop_grace_seconds,
    )


ATHENA = stack_of(
    {
        "db": {},
        "cache": {},
        "api": {"depends_on": {"db": {}, "cache": {}}},
        "web": {"depends_on": {"api": {}}},
        "proxy": {"profiles": ["production"], "depends_on": {"web": {}}},
        "tests": {"profiles": ["test"], "depends_on": {"api": {}, "absent": {"required": False}}},
    },
    name="athena",
)


@pytest.mark.parametrize(
    ("names", "profiles", "expected"),
    [
        ((), (), ["cache", "db", "api", "web"]),
        ((), ("production",), ["cache", "db", "api", "web", "proxy"]),
        ((), ("*",), ["cache", "db", "api", "tests", "web", "proxy"]),
        (("api",), (), ["cache", "db", "api"]),
        (("db",), ("production",), ["db"]),
        (("tests",), (), ["cache", "db", "api", "tests"]),
    ],
)
def test_selection(names: tuple[str, ...], profiles: tuple[str, ...], expected: list[str]) -> None:
    found = [service.name for service in ATHENA.selected(names, profiles)]

    assert sorted(expected) == sorted(found)
    for service in ATHENA.selected(names, profiles):
        needs = {d.service for d in service.depends_on} & set(found)
        assert needs <= set(found[: found.index(service.name)])


def test_levels_hold_what_can_start_together() -> None:
    levels = ATHENA.levels(["web", "api", "cache", "db"])

    assert [{"cache", "db"}, {"api"}, {"web"}] == [{s.name for s in level} for level in levels]


def test_levels_of_some_leave_out_what_is_not_asked_for() -> None:
    assert [{"api"}, {"web"}] == [{s.name for s in x} for x in ATHENA.levels(["web", "api"])]


@pytest.mark.parametrize("circle", [{"a": ["b"], "b": ["c"], "c": ["a"]}, {"a": ["a"]}])
def test_a_circle_is_named(circle: dict[str, list[str]]) -> None:
    stack = stack_of(
        {name: {"depends_on": {need: {} for need in needs}} for name, needs in circle.items()}
    )

    with pytest.raises(ComposeFileError) as raised:
        stack.selected()

    assert f"{FILE}: depends_on goes in a circle: {', '.join(sorted(circle))}." == str(raised.value)


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UnknownServiceError, match="did you mean 'cache'"):
        ATHENA.selected(["cahce"])


def test_who_is_expected_to_exit() -> None:
    done = {"condition": "service_completed_successfully"}
    stack = stack_of(
        {
            "migrate": {},
            "seed": {"x-tranship": {"oneshot": True}},
            "api": {"depends_on": {"migrate": done, "db": {"condition": "service_healthy"}}},
            "db": {},
        }
    )

    assert {"migrate": True, "seed": True, "api": False, "db": False} == {
        name: stack.expected_to_exit(name) for name in ("migrate", "seed", "api", "db")
    }


PORTS = Ports(local={("db", 5432): 20001}, published={("db", 5432): 20002})


@pytest.mark.parametrize(
    ("consumer", "target", "expected"),
    [
        ("local", "local", Endpoint("db", "127.0.0.1", 20001)),
        ("local", "docker", Endpoint("db", "127.0.0.1", 20002)),
        ("docker", "local", Endpoint("db", "host.docker.internal", 20001)),
        ("docker", "docker", Endpoint("db", "db", 5432)),
    ],
)
def test_the_four_directions(consumer: Side, target: Side, expected: Endpoint) -> None:
    assert expected == endpoint("db", 5432, consumer=consumer, target=target, ports=PORTS)


@pytest.mark.parametrize(
    ("consumer", "target", "leads"),
    [
        ("local", "local", False),
        ("local", "docker", False),
        ("docker", "local", False),
        ("docker", "docker", True),
    ],
)
def test_a_port_that_nobody_opened_leads_nowhere(consumer: Side, target: Side, leads: bool) -> None:
    found = endpoint("db", 99, consumer=consumer, target=target, ports=PORTS)

    assert leads == (found is not None)


def test_a_pure_placement_has_every_service_on_one_side() -> None:
    local = {"x-tranship": {"local": {"command": "x"}}}
    services = stack_of({"a": local, "b": local}).services.values()

    assert {"a": "local", "b": "local"} == Placement.pure(services, "local").sides
    assert {"a": "docker", "b": "docker"} == Placement.pure(services, "docker").sides


def test_a_service_without_local_command_cannot_be_placed_there() -> None:
    with pytest.raises(UsageError, match=r"No local command for db, cache\. Add `x-tranship"):
        Placement.pure([ATHENA.services["db"], ATHENA.services["cache"]], "local")
