"""`inv docker.up`: it waits for health, and when it fails it says why and cleans up."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from .conftest import NewProject
from .projects import Project, container, docker, free_port, get, until, web

CASES = {
    "exits with a code": (
        container("exit", "3", environment={"NAME": "broken"}),
        ["broken exited with code 3", "state exited", "exit code 3", "the last words of broken"],
    ),
    "exits with 0, which nothing expects": (
        container("exit", "0"),
        ["broken exited with code 0", "exit code 0", "the last words of it"],
    ),
    "exits a moment after it began": (
        container("exit-late", "3"),
        ["broken exited with code 3", "I cannot go on"],
    ),
    "restarts in a loop": (
        container("exit", "7", restart="always"),
        ["broken restarts in a loop", "exit code 7", "the last words of it"],
    ),
    "restarts in a loop on failure": (
        container("exit", "8", restart="on-failure"),
        ["broken restarts in a loop", "exit code 8"],
    ),
    "is unhealthy by its healthcheck": (
        container(
            "wait",
            healthcheck={
                "test": ["CMD", "python", "-c", "raise SystemExit('not today')"],
                "interval": "200ms",
                "retries": 2,
            },
        ),
        ["broken is unhealthy", "not today", "state running", "waiting"],
    ),
    "cannot be executed": (
        container("wait", entrypoint=["/no/such/program"]),
        ["/no/such/program"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_service_that_fails_is_named_and_everything_removed(project: Project, name: str) -> None:
    broken, parts = CASES[name]
    project.compose({"broken": broken, "fine": web(free_port())}, volumes={"data": {}})
    done = project.inv("docker.up").exits(4).says(*parts)
    assert done.seconds < 15, "its failure is noticed at once, long before the deadline"
    assert [] == project.containers()
    assert [] == [item for item in project.left() if not item.startswith("volume")]


def test_healthy_services_are_listed_with_address_and_start_up(project: Project) -> None:
    port = free_port()
    project.compose({"web": web(port)})
    done = project.inv("docker.up").exits(0)
    assert ["web", "running", "no healthcheck", f"127.0.0.1:{port}"] == done.row("web")[:4]
    assert {"healthy": True} == get(port)
    before = project.container("web")["Id"]
    project.inv("docker.up").exits(0)
    assert before == project.container("web")["Id"], "a second up leaves what runs"


@pytest.mark.parametrize("declared", ["waited for", "oneshot"])
def test_a_service_that_is_to_end_may_end(project: Project, declared: str) -> None:
    port = free_port()
    once, dependent = container("exit-late", "0"), web(port)
    if declared == "waited for":
        dependent["depends_on"] = {"once": {"condition": "service_completed_successfully"}}
    else:
        once["x-tranship"] = {"oneshot": True}
    project.compose({"once": once, "web": dependent})
    done = project.inv("docker.up").exits(0)
    assert ["once", "exited (0)"] == done.row("once")[:2]
    project.inv("docker.health").exits(0)


def test_a_service_that_is_to_end_must_end_well(project: Project) -> None:
    dependent = web(
        free_port(), depends_on={"once": {"condition": "service_completed_successfully"}}
    )
    project.compose({"once": container("exit", "5"), "web": dependent})
    project.inv("docker.up").exits(4).says("once exited with code 5", "the last words of it")
    assert [] == project.left()


def test_the_deadline_is_our_own(project: Project) -> None:
    """Compose's --wait-timeout counts for each service, and then again."""
    services = {f"late-{number}": web(free_port(), "unwell") for number in range(3)}
    project.compose(services)
    done = project.inv("docker.up", "--timeout", "4").exits(4)
    done.says("Not healthy after 4 s", "late-0", "late-1", "late-2", "HTTP 503", "serving on 8000")
    assert done.seconds < 3 * 4
    assert [] == project.left()


def test_the_deadline_holds_while_compose_waits_for_a_dependency(project: Project) -> None:
    never = {"test": ["CMD", "false"], "interval": "1s", "retries": 1000}
    project.compose(
        {
            "database": container("wait", healthcheck=never),
            "web": web(free_port(), depends_on={"database": {"condition": "service_healthy"}}),
        }
    )
    done = project.inv("docker.up", "--timeout", "4").exits(4)
    done.says("Not healthy after 4 s", "database is starting", "waiting")
    assert done.seconds < 3 * 4
    assert [] == project.left()


def test_a_failing_up_leaves_what_ran_before_it(project: Project) -> None:
    port = free_port()
    project.compose({"web": web(port), "broken": container("exit", "3")}, volumes={"data": {}})
    project.inv("docker.up", "--service", "web").exits(0)
    before = project.containers()
    project.inv("docker.up").exits(4).says("broken exited with code 3")
    assert before == project.containers()
    assert {"healthy": True} == get(port)
    project.inv("docker.down").exits(0)
    assert [] == project.left()


def test_missing_images_are_listed_in_one_message_before_anything_starts(project: Project) -> None:
    project.compose(
        {
            "web": web(free_port()),
            "one": container("wait", image="tranship.invalid/one:1"),
            "two": container("wait", image="tranship.invalid/two:2"),
        }
    )
    done = project.inv("docker.up").exits(4)
    done.says("tranship.invalid/one:1 (for one)", "tranship.invalid/two:2 (for two)")
    done.says("neither present nor buildable")
    assert [] == project.left()


def test_a_port_taken_by_a_process_names_it(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        project.compose({"web": web(port), "other": web(free_port())})
        import os

        done = project.inv("docker.up").exits(4)
        done.says(f"{port} (for web) is taken by process {os.getpid()}")
    assert [] == project.left()


def test_a_port_taken_by_a_container_names_it(new_project: NewProject) -> None:
    port = free_port()
    first, second = new_project(), new_project()
    first.compose({"web": web(port)}).inv("docker.up").exits(0)
    second.compose({"web": web(port)})
    owner = first.container("web")["Name"].lstrip("/")
    second.inv("docker.up").exits(4).says(f"{port} (for web) is taken by container {owner}")
    assert [] == second.left()
    assert {"healthy": True} == get(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cleans_up(project: Project, number: signal.Signals) -> None:
    project.compose({"web": web(free_port(), "unwell"), "fine": web(free_port())})
    up = project.start_inv("docker.up")
    until(lambda: len(project.containers("--filter", "status=running")) == 2, "containers run")
    up.signal(number, group=number is signal.SIGINT)
    done = up.finish(30).exits(130)
    assert "rror" not in done.err
    assert [] == project.left()


def test_a_signal_while_compose_waits_cleans_up(project: Project) -> None:
    never = {"test": ["CMD", "false"], "interval": "1s", "retries": 1000}
    project.compose(
        {
            "database": container("wait", healthcheck=never),
            "web": web(free_port(), depends_on={"database": {"condition": "service_healthy"}}),
        }
    )
    up = project.start_inv("docker.up")
    until(lambda: project.containers("--filter", "status=running"), "the database runs")
    up.signal(signal.SIGINT, group=True)
    began = time.monotonic()
    up.finish(30).exits(130)
    assert time.monotonic() - began < 15
    assert [] == project.left()


def test_a_killed_up_is_taken_over_by_down(project: Project) -> None:
    project.compose({"web": web(free_port(), "unwell")})
    up = project.start_inv("docker.up")
    until(lambda: project.containers("--filter", "status=running"), "the container runs")
    up.signal(signal.SIGKILL)
    up.finish()
    project.inv("docker.down").exits(0)
    assert [] == project.left()
    assert "" == docker("ps", "-aq", "--filter", f"name={project.name}")
