"""`inv local.*`: the same verbs on processes of this host."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import NewProject
from .projects import Project, container, free_port, get, until, web

HEALTHY = {"condition": "service_healthy"}
CHECK = {"test": ["CMD", "true"]}
SECRET = "a-password-that-nobody-may-see"


def local(*behaviour: str, **more: Any) -> dict[str, Any]:
    """Return a service with no port whose local process behaves as asked."""
    return (
        container(
            *behaviour,
            **{"x-tranship": {"local": {"command": ["python", "service.py", *behaviour]}}},
        )
        | more
    )


@pytest.fixture(scope="module")
def stack(module_project: NewProject) -> Project:
    """Return a project that is up: three services, each needing the next."""
    project = module_project()
    inner, middle, outer = free_port(), free_port(), free_port()
    project.compose(
        {
            "outer": web(
                outer,
                depends_on={"middle": HEALTHY},
                environment={"MIDDLE_URL": "http://middle:8000/x", "API_TOKEN": SECRET},
            ),
            "middle": web(
                middle,
                depends_on={"inner": HEALTHY},
                healthcheck=CHECK,
                environment={"INNER_HOST": "inner", "INNER_PORT": "8000"},
            ),
            "inner": web(inner, healthcheck=CHECK),
            "worker": local("wait"),
        }
    )
    project.environment["LEAKED"] = "from the shell"
    project.inv("local.up").exits(0)
    return project


def _ports(stack: Project) -> dict[str, int]:
    rows = [stack.inv("local.status").row(name) for name in ("inner", "middle", "outer")]
    return {row[0]: int(row[3].rsplit(":", 1)[1]) for row in rows}


def test_status_lists_the_processes(stack: Project) -> None:
    done = stack.inv("local.status").exits(0)
    for name in ("inner", "middle", "outer", "worker"):
        row = done.row(name)
        assert "running" == row[1]
        assert psutil.pid_exists(int(row[2]))


def test_addresses_are_rewritten_and_the_shell_stays_out(stack: Project) -> None:
    ports = _ports(stack)
    outer = get(ports["outer"], "/environment")
    assert f"http://127.0.0.1:{ports['middle']}/x" == outer["MIDDLE_URL"]
    assert "LEAKED" not in outer
    middle = get(ports["middle"], "/environment")
    assert ("127.0.0.1", str(ports["inner"])) == (middle["INNER_HOST"], middle["INNER_PORT"])


def test_services_start_in_the_order_of_their_needs(stack: Project) -> None:
    began = {}
    for name in ("inner", "middle", "outer"):
        pid = int(stack.inv("local.status").row(name)[2])
        began[name] = psutil.Process(pid).create_time()
    assert began["inner"] < began["middle"] < began["outer"]


def test_health_asks_each(stack: Project) -> None:
    done = stack.inv("local.health").exits(0)
    assert ["outer", "yes", "HTTP 200"] == done.row("outer")[:3]
    assert ["worker", "yes", "running, no probe"] == done.row("worker")[:3]


def test_logs_and_follow(stack: Project) -> None:
    done = stack.inv("local.logs").exits(0)
    assert 3 == done.out.count("serving on")
    follower = stack.start_inv("local.logs", "--follow", "--service", "worker")
    follower.until("waiting")
    log = stack.root / ".tranship" / "local" / "logs" / "worker.log"
    with log.open("a") as stream:
        stream.write(f"a new line with {SECRET}\n")
    follower.until(r"a new line with \*+")
    follower.signal(signal.SIGINT, group=True)
    assert SECRET not in follower.finish(15).exits(0).text


def test_a_second_up_leaves_what_runs(stack: Project) -> None:
    before = stack.inv("local.status").row("outer")[2]
    stack.inv("local.up").exits(0)
    assert before == stack.inv("local.status").row("outer")[2]


def test_restart_replaces_one_process(stack: Project) -> None:
    before = stack.inv("local.status")
    stack.inv("local.restart", "--service", "middle").exits(0)
    after = stack.inv("local.status").exits(0)
    assert before.row("middle")[2] != after.row("middle")[2]
    assert before.row("outer")[2] == after.row("outer")[2]
    stack.inv("local.health").exits(0)


def test_no_secret_stands_in_a_readable_file(stack: Project) -> None:
    for path in (stack.root / ".tranship").rglob("*"):
        if path.is_file() and SECRET in path.read_text(errors="replace"):
            assert 0 == path.stat().st_mode & 0o077 or path.name == "worker.log", path


def test_down_ends_all_and_is_safe_to_repeat(new_project: NewProject) -> None:
    project = new_project()
    port = free_port()
    project.compose({"web": web(port)})
    project.inv("local.up").exits(0)
    assert {"healthy": True} == get(port)
    project.inv("local.down").exits(0)
    assert [] == project.left()
    project.inv("local.down").exits(0)
    project.inv("local.status").exits(4).says("inv local.up")
    project.inv("local.health").exits(4).says("not started")
    project.inv("local.restart").exits(2).says("inv local.up")


FAILURES = {
    "exits with a code": (("exit", "3"), {}, ["broken exited with code 3", "exit code 3"]),
    "exits with 0, which nothing expects": (("exit", "0"), {}, ["broken exited with code 0"]),
    "exits a moment after it began": (
        ("exit-late", "3"),
        {},
        ["broken exited with code 3", "I cannot go on"],
    ),
    "restarts in a loop": (("exit", "7"), {"restart": "always"}, ["broken restarts in a loop"]),
    "restarts in a loop on failure": (
        ("exit", "8"),
        {"restart": "on-failure"},
        ["broken restarts in a loop"],
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_service_that_fails_is_named_with_its_log(project: Project, name: str) -> None:
    behaviour, more, parts = FAILURES[name]
    project.compose({"broken": local(*behaviour, **more), "fine": web(free_port())})
    done = project.inv("local.up").exits(4).says(*parts, "Last lines of")
    assert done.seconds < 15
    assert [] == project.left()


def test_the_deadline_names_what_is_late(project: Project) -> None:
    project.compose({"late": web(free_port(), "unwell"), "fine": web(free_port())})
    done = project.inv("local.up", "--timeout", "2").exits(4)
    done.says("Not healthy after 2 s: late", "HTTP 503", "serving on")
    assert done.seconds < 3 * 2 + 4
    assert [] == project.left()


def test_a_command_that_does_not_exist(project: Project) -> None:
    service = web(free_port())
    service["x-tranship"]["local"]["command"] = "no-such-program --here"
    project.compose({"web": service})
    project.inv("local.up").exits(4).says("web exited with code 127", "no-such-program")
    assert [] == project.left()


def test_a_one_shot_ends_before_what_waits_for_it_begins(project: Project) -> None:
    gate = project.root / "gate"
    completed = {"condition": "service_completed_successfully"}
    project.compose(
        {
            "migrate": local("exit-after", str(gate), "0"),
            "web": web(free_port(), depends_on={"migrate": completed}),
        }
    )
    up = project.start_inv("local.up")
    state = project.root / ".tranship" / "local" / "logs"
    until(lambda: (state / "migrate.log").exists(), "migrate has begun")
    marked = until(
        lambda: [item for item in project.processes() if "exit-after" in _words(item)], "it runs"
    )
    with contextlib.suppress(psutil.TimeoutExpired):
        marked[0].wait(2)  # longer than it takes for a service to count as started
    assert not [item for item in project.processes() if "serve" in _words(item)]
    gate.touch()
    up.finish().exits(0)
    project.inv("local.down").exits(0)


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_a_port_taken_names_its_owner(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        project.compose({"web": web(port)})
        done = project.inv("local.up").exits(4)
        done.says(f"{port} (for web) is taken by process {os.getpid()}")
    assert [] == project.left()


def test_a_port_taken_by_our_own_containers_names_them(project: Project) -> None:
    port = free_port()
    project.compose({"web": web(port)})
    project.inv("docker.up").exits(0)
    done = project.inv("local.up").exits(4)
    done.says(f"{port} (for web) is taken by container {project.name}-web-1", "inv docker.down")
    project.inv("docker.down").exits(0)
    project.inv("local.up").exits(0)
    done = project.inv("docker.up").exits(4)
    done.says(f"{port} (for web) is taken by process")
    project.inv("local.down").exits(0)
    assert [] == project.left()


@pytest.mark.parametrize("verb", ["local.down", "local.restart"])
def test_grandchildren_end_with_their_service(project: Project, verb: str) -> None:
    project.compose({"web": web(free_port(), "family", stop_grace_period="1s")})
    project.inv("local.up").exits(0)
    service = psutil.Process(int(project.inv("local.status").row("web")[2]))
    family = until(lambda: _both(service.children(recursive=True)), "a child and a grandchild")
    project.inv(verb).exits(0)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [] == alive
    project.inv("local.down").exits(0)
    assert [] == project.left()


def _both(family: list[psutil.Process]) -> list[psutil.Process]:
    return family if len(family) == 2 else []


@pytest.mark.parametrize("next_command", ["local.down", "local.up", "docker.down"])
def test_a_supervisor_that_was_killed_is_recovered_from(
    project: Project, next_command: str
) -> None:
    port = free_port()
    project.compose({"web": web(port)})
    project.inv("local.up").exits(0)
    pid = int((project.root / ".tranship" / "local" / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid), "supervisord is gone")
    assert {"healthy": True} == get(port), "the service outlives it"
    project.inv(next_command).exits(0)
    if next_command == "local.up":
        assert {"healthy": True} == get(port)
        project.inv("local.down").exits(0)
    elif next_command == "docker.down":
        project.inv("local.down").exits(0)
    assert [] == project.left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_up_that_is_ended_leaves_nothing(project: Project, number: signal.Signals) -> None:
    port = free_port()
    project.compose({"web": web(port, "unwell")})
    up = project.start_inv("local.up")
    until(lambda: _refused(port) is False, "the service listens")
    up.signal(number, group=number is signal.SIGINT)
    done = up.finish(30)
    if number is not signal.SIGKILL:
        done.exits(130)
    else:
        project.inv("local.down").exits(0)
    assert [] == project.left()


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_redis_server_of_the_wheel(project: Project) -> None:
    """Its password stands in no argument list, and its data stays unless asked."""
    port = free_port()
    password = f"{SECRET}-\"quoted' \\slash"
    project.compose(
        {
            "redis": {
                "image": "redis:7",
                "command": ["redis-server", "--appendonly", "yes", "--requirepass", password],
                "environment": {"REDISCLI_AUTH": password},
                "ports": [f"127.0.0.1:{port}:6379"],
                "x-tranship": {"local": {"server": "redis"}, "health": {"redis": True}},
            }
        }
    )
    project.inv("local.up").exits(0)
    for process in psutil.process_iter():
        assert SECRET not in " ".join(_words(process))
    assert b"+OK" in _redis(port, password, b"SET key kept")
    assert b"NOAUTH" in _talk(port, b"GET key\r\n")
    project.inv("local.down").exits(0)
    assert [] == project.left()
    project.inv("local.up").exits(0)
    assert b"kept" in _redis(port, password, b"GET key")
    project.inv("local.down", "--volumes").exits(0)
    assert not list((project.root / ".tranship" / "local").glob("*/data"))
    project.inv("local.up").exits(0)
    assert b"$-1" in _redis(port, password, b"GET key")
    project.inv("local.down", "--volumes").exits(0)
    assert [] == project.left()


def _redis(port: int, password: str, command: bytes) -> bytes:
    word = password.encode()
    login = b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(word), word)
    return _talk(port, login + command + b"\r\n")


def _talk(port: int, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(words + b"QUIT\r\n")
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer


def test_values_of_a_stack_stand_in_the_record_of_its_choice(project: Project) -> None:
    """What `local.up --service` chose is what the other verbs act on."""
    one, two = free_port(), free_port()
    project.compose({"one": web(one), "two": web(two)})
    project.inv("local.up", "--service", "one").exits(0)
    assert ["one"] == json.loads(Path(project.root, ".tranship/local/services.json").read_text())
    done = project.inv("local.health").exits(0)
    assert "two" not in done.out
    project.inv("local.up").exits(0)
    assert {"healthy": True} == get(one)
    assert {"healthy": True} == get(two)
    project.inv("local.down").exits(0)
    assert [] == project.left()


def test_services_without_a_local_command_are_named(project: Project) -> None:
    project.compose({"web": web(free_port()), "database": container("wait")})
    project.inv("local.up").exits(2).says("No local command for database", "x-tranship")
    project.inv("local.status").exits(4).says("inv local.up")
    project.inv("local.down").exits(0)
    project.inv("local.up", "--service", "web").exits(0)
    project.inv("local.down").exits(0)
    assert [] == project.left()
