"""The verbs of `inv docker.*` on a stack that is up."""

from __future__ import annotations

import json
import signal

import pytest
import yaml

from .conftest import NewProject
from .projects import Finished, Project, container, docker, free_port, get, web

SECRET = "hunter2-and-more"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(module_project: NewProject, port: int) -> Project:
    """Return a project that is up: one that serves, one that waits, one that has ended."""
    project = module_project()
    talkative = f"echo the token is $$API_TOKEN; exec python /srv/service.py serve 8000 {SECRET}"
    service = web(
        port,
        command=["sh", "-c", talkative],
        environment={"API_TOKEN": SECRET, "DATABASE_URL": f"db://user:{SECRET}@db/x"},
    )
    project.compose(
        {
            "web": service,
            "worker": container("wait"),
            "once": container("exit", "0", **{"x-tranship": {"oneshot": True}}),
            "extra": container("wait", profiles=["extra"]),
        }
    )
    project.inv("docker.up").exits(0)
    return project


def test_ps_lists_what_runs_and_with_all_what_ended(stack: Project, port: int) -> None:
    done = stack.inv("docker.ps").exits(0)
    assert ["web", "running", "no healthcheck", f"127.0.0.1:{port}"] == done.row("web")[:4]
    assert ["worker", "running", "no healthcheck", "-"] == done.row("worker")[:4]
    assert "once" not in done.out
    assert "extra" not in done.out
    done = stack.inv("docker.ps", "--all").exits(0)
    assert ["once", "exited (0)"] == done.row("once")[:2]


def test_logs_hide_secrets(stack: Project) -> None:
    done = stack.inv("docker.logs").exits(0)
    done.says("the token is ******", "serving on 8000", "waiting", "the last words of it")
    assert SECRET not in done.text
    only = stack.inv("docker.logs", "--service", "worker", "--tail", "1").exits(0)
    only.says("waiting")
    assert "serving" not in only.text


@pytest.mark.parametrize("group", [True, False], ids=["as a terminal does", "to inv alone"])
def test_logs_follow_until_ctrl_c(stack: Project, group: bool) -> None:
    follower = stack.start_inv("docker.logs", "--follow", "--service", "worker")
    follower.until("waiting")
    assert follower.process.poll() is None
    docker("exec", stack.container("worker")["Id"], "sh", "-c", "echo a new line > /proc/1/fd/1")
    follower.until("a new line")
    follower.signal(signal.SIGINT, group=group)
    follower.finish(15).exits(0)


def test_health_tells_what_each_service_answers(stack: Project) -> None:
    done = stack.inv("docker.health").exits(0)
    assert ["web", "yes", "HTTP 200"] == done.row("web")[:3]
    assert ["worker", "yes", "running, no healthcheck"] == done.row("worker")[:3]
    assert ["once", "yes", "exited (0)"] == done.row("once")[:3]


def test_stats_tells_memory_and_cpu(stack: Project) -> None:
    row = stack.inv("docker.stats").exits(0).row("web")
    assert row[1].endswith("MiB")
    assert float(row[1].split()[0]) > 1


@pytest.mark.parametrize("code", [0, 1, 7])
def test_exec_ends_as_the_command_does(stack: Project, code: int) -> None:
    source = f"import sys; print(6 * 7); sys.stderr.write(str(6 * 8)); sys.exit({code})"
    done = stack.inv("docker.exec", "web", f'python -c "{source}"').exits(code)
    assert "42" in done.out
    if code:
        assert "48" in done.err


def test_exec_says_what_is_wrong(stack: Project) -> None:
    stack.inv("docker.exec", "wrker", "true").exits(2).says("did you mean 'worker'?")
    done = stack.inv("docker.exec", "once", "true")
    assert done.code != 0
    done.says("once")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_config_is_the_resolved_document_without_its_secrets(stack: Project, form: str) -> None:
    done = stack.inv("docker.config", "--format", form).exits(0)
    assert SECRET not in done.text
    document = yaml.safe_load(done.out) if form == "yaml" else json.loads(done.out)
    variables = document["services"]["web"]["environment"]
    assert "******" == variables["API_TOKEN"]
    assert "db://user:******@db/x" == variables["DATABASE_URL"]
    assert {"web", "worker", "once", "extra"} == set(document["services"])


def test_a_service_of_a_profile_comes_when_asked_for(stack: Project) -> None:
    stack.inv("docker.up", "--service", "extra").exits(0)
    done = stack.inv("docker.ps").exits(0)
    assert ["extra", "running"] == done.row("extra")[:2]
    docker("rm", "--force", stack.container("extra")["Id"])


def test_restart_brings_changed_variables_in(project: Project) -> None:
    port = free_port()

    def compose(value: str) -> None:
        project.compose(
            {"web": web(port, environment={"VALUE": value}), "worker": container("wait")}
        )

    compose("old")
    project.inv("docker.up").exits(0)
    worker = project.container("worker")["Id"]
    compose("new")
    project.inv("docker.restart", "--service", "web").exits(0)
    assert "new" == get(port, "/environment")["VALUE"]
    assert worker == project.container("worker")["Id"], "the others stay"
    project.inv("docker.restart", "--service", "nothing").exits(2).says("Services: web, worker")


def _with_volumes(project: Project) -> Project:
    volumes = ["./service.py:/srv/service.py:ro", "named:/named", "/anonymous"]
    return project.compose({"web": web(free_port(), volumes=volumes)}, volumes={"named": {}})


def test_down_keeps_named_volumes_unless_asked(project: Project) -> None:
    _with_volumes(project)
    project.inv("docker.up").exits(0)
    mounts = project.container("web")["Mounts"]
    anonymous = next(item["Name"] for item in mounts if item["Destination"] == "/anonymous")
    named = [f"{project.name}_named"]
    project.inv("docker.down").exits(0)
    assert named == project.volumes()
    assert anonymous not in docker("volume", "ls", "-q").split()
    assert [f"volume {named[0]}"] == project.left()
    project.inv("docker.up").exits(0)
    project.inv("docker.down", "--volumes").exits(0)
    assert [] == project.left()


def test_verbs_on_a_stack_that_is_not_up(project: Project) -> None:
    _with_volumes(project)
    project.inv("docker.ps").exits(0).says("No container is running.")
    project.inv("docker.stats").exits(0).says("No container is running.")
    project.inv("docker.health").exits(4).says("web", "not created")
    project.inv("docker.restart").exits(2).says("inv docker.up")
    project.inv("docker.down").exits(0)
    project.inv("docker.exec", "web", "true").exits(4).says("web", "inv docker.up")


def test_health_names_what_is_down(project: Project) -> None:
    project.compose({"web": web(free_port()), "worker": container("wait")})
    project.inv("docker.up").exits(0)
    docker("stop", project.container("worker")["Id"])
    done = project.inv("docker.health").exits(4)
    assert ["worker", "no", "exited (0)"] == done.row("worker")[:3]
    assert "yes" == done.row("web")[1]


def test_build_builds_and_says_why_it_cannot(project: Project) -> None:
    service = web(free_port())
    base = service.pop("image")
    service["build"] = {"context": ".", "args": {"BASE": base}}
    project.compose({"web": service})
    dockerfile = project.root / "Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nRUN echo built > /built\n")
    project.inv("docker.build").exits(0).says("Built: web")
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nRUN echo about to fail && exit 9\n")
    done: Finished = project.inv("docker.build").exits(4)
    done.says("Building web failed", "about to fail")
