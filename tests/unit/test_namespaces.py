"""The tasks, in-process through Invoke's Program, with a docker command that only answers."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tranship
from fakedocker import FakeDocker
from invoke.collection import Collection
from invoke.program import Program

Inv = Callable[..., tuple[int, str, str]]
SECRET = "swordfish-of-the-test"
COMPOSE = """\
name: athena
services:
  postgres:
    image: postgres:17
    ports: ["127.0.0.1:5432:5432"]
    x-tranship: {local: {server: postgres}, health: {postgres: true}}
  data-service:
    image: athena
    x-tranship: {local: {command: run}}
"""
DOCUMENT: dict[str, Any] = {
    "name": "athena",
    "services": {
        "postgres": {
            "image": "postgres:17",
            "ports": [{"target": 5432, "published": "5432", "host_ip": "127.0.0.1"}],
            "environment": {"POSTGRES_PASSWORD": SECRET, "POSTGRES_USER": "athena"},
        },
        "data-service": {
            "image": "athena",
            "command": ["serve", "--token", SECRET],
            "environment": {"DATABASE_URL": f"postgresql://athena:{SECRET}@postgres/athena"},
            "healthcheck": {"test": ["CMD-SHELL", f"probe {SECRET}"]},
        },
    },
}


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_docker: FakeDocker) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yaml").write_text(COMPOSE)
    (folder / "pyproject.toml").write_text("[tool.tranship]\n")
    monkeypatch.chdir(folder)
    fake_docker.resolves_to(DOCUMENT)
    return folder


def container(service: str, folder: Path, **state: Any) -> str:
    labels = {
        "com.docker.compose.project": "athena",
        "com.docker.compose.service": service,
        "com.docker.compose.project.working_dir": str(folder),
    }
    return json.dumps(
        [
            {
                "Id": f"id-of-{service}",
                "Name": f"/athena-{service}-1",
                "State": {"Status": "running", "ExitCode": 0, "Pid": 0, **state},
                "Config": {"Labels": labels, "Image": "athena"},
                "NetworkSettings": {
                    "Ports": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5432"}]}
                },
                "RestartCount": 0,
            }
        ]
    )


def up(fake_docker: FakeDocker, folder: Path, service: str = "postgres", **state: Any) -> None:
    fake_docker.answer("container", "list", "--filter", out=f"id-of-{service}\n")
    fake_docker.answer("container", "inspect", out=container(service, folder, **state))


def tasks(collection: Collection, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, task in collection.tasks.items():
        yield f"{prefix}{name}", task
    for name, inner in collection.collections.items():
        yield from tasks(inner, f"{prefix}{name}.")


TASKS = dict(tasks(tranship.namespace()))

_HELP = """
import json, tranship
def tasks(collection, prefix=""):
    for name, task in collection.tasks.items():
        yield prefix + name, {item.name: item.help or "" for item in task.get_arguments()}
    for name, inner in collection.collections.items():
        yield from tasks(inner, f"{prefix}{name}.")
print(json.dumps(dict(tasks(tranship.namespace()))))
"""


@pytest.fixture(scope="module")
def helped() -> dict[str, dict[str, str]]:
    """Task -> argument -> help; in a process of its own, since Invoke gives it out once."""
    done = subprocess.run([sys.executable, "-c", _HELP], capture_output=True, text=True, check=True)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def test_the_verbs_are_there() -> None:
    docker = {
        "build",
        "size",
        "up",
        "down",
        "ps",
        "logs",
        "health",
        "stats",
        "restart",
        "exec",
        "config",
    }
    local = {"up", "down", "status", "logs", "health", "restart"}

    assert {f"docker.{verb}" for verb in docker} | {f"local.{verb}" for verb in local} <= set(TASKS)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_one_line_of_help_and_help_for_each_argument(
    name: str, helped: dict[str, dict[str, str]]
) -> None:
    lines = (inspect.getdoc(TASKS[name].body) or "").splitlines()

    assert 1 == len(lines)
    assert lines[0].endswith(".")
    assert [] == [argument for argument, text in helped[name].items() if not text]


def test_the_list_shows_every_task(inv: Inv, program: Program) -> None:
    code, shown, _ = inv(program, "--list")

    described = {
        line.split()[0]: line.split()[1:] for line in shown.splitlines()[2:] if line[2:3].strip()
    }
    assert 0 == code
    assert set(TASKS) == set(described)
    assert [] == [name for name, words in described.items() if not words]


def test_the_repositorys_own_tasks_are_the_same() -> None:
    assert set(TASKS) == set(dict(tasks(tranship.ns)))
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = tranship.other


@pytest.mark.parametrize("code", [0, 1, 7, 126])
def test_exec_exits_as_the_command_does(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker, code: int
) -> None:
    up(fake_docker, project, "data-service")
    fake_docker.answer("compose", "exec", out="to stdout\n", err="to stderr\n", code=code)

    found = inv(program, "docker.exec", "data-service", "python -c 'print(1, 2)'", "--user", "me")

    assert (code, "to stdout\n", "to stderr\n" if code else "") == found
    (call,) = fake_docker.called_with("exec")
    assert ["data-service", "python", "-c", "print(1, 2)"] == call.argv[-4:]
    assert {"--no-TTY", "me"} <= set(call.argv)


def test_exec_in_what_is_not_up_says_how_to_start_it(
    inv: Inv, program: Program, project: Path
) -> None:
    expected = "data-service is not up. Start it: inv docker.up --service data-service\n"

    assert (4, "", expected) == inv(program, "docker.exec", "data-service", "true")


def test_exec_without_a_command_is_wrong_usage(inv: Inv, program: Program, project: Path) -> None:
    code, _, error = inv(program, "docker.exec", "data-service", "")

    assert (2, True) == (code, error.startswith("No command. For example"))


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_config_masks_secrets(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker, form: str
) -> None:
    code, shown, error = inv(program, "docker.config", "--format", form)

    assert (0, "") == (code, error)
    assert SECRET not in shown
    assert "postgresql://athena:******@postgres/athena" in shown
    assert "POSTGRES_USER" in shown
    if form == "json":
        assert "athena" == json.loads(shown)["name"]
    assert [] == [call for call in fake_docker.calls if SECRET in " ".join(call.argv)]


def test_config_in_another_format_is_wrong_usage(inv: Inv, program: Program, project: Path) -> None:
    assert (2, "", "Unknown format 'toml'. Formats: yaml, json.\n") == inv(
        program, "docker.config", "--format", "toml"
    )


@pytest.mark.parametrize("arguments", [["docker.logs"], ["docker.logs", "-s", "postgres", "-f"]])
def test_logs_show_no_secret(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker, arguments: list[str]
) -> None:
    fake_docker.answer(
        "compose",
        "logs",
        out=f"\x1b[Kpostgres-1  | password is {SECRET}\nx | redis://:other@h\n",
    )

    code, shown, error = inv(program, *arguments)

    assert (0, "") == (code, error)
    assert ["postgres-1  | password is ******", "x | redis://:******@h"] == shown.splitlines()


def test_logs_that_fail_are_one_message(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    fake_docker.answer("compose", "logs", err="no such thing\n", code=1)

    code, _, error = inv(program, "docker.logs")

    assert (4, "docker compose logs failed: no such thing\n") == (code, error)


@pytest.mark.parametrize(
    "arguments",
    [
        ["docker.logs", "--service", "postgre"],
        ["docker.up", "--service", "postgre"],
        ["docker.build", "--service", "data-service,postgre"],
        ["docker.health", "--service", "postgre"],
        ["docker.restart", "--service", "postgre"],
        ["docker.exec", "postgre", "true"],
        ["local.up", "--service", "postgre"],
        ["local.logs", "--service", "postgre"],
        ["local.health", "--service", "postgre"],
    ],
)
def test_an_unknown_service_suggests_the_near_one(
    inv: Inv, program: Program, project: Path, arguments: list[str]
) -> None:
    code, shown, error = inv(program, *arguments)

    assert (2, "") == (code, shown)
    assert [
        "No service named 'postgre' in the stack (did you mean 'postgres'?). "
        "Services: data-service, postgres."
    ] == error.splitlines()


@pytest.mark.parametrize(
    "name", sorted(name for name in TASKS if name.startswith(("docker.", "local.")))
)
def test_a_malformed_compose_file_is_one_line_for_every_task(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker, name: str
) -> None:
    (project / "compose.yaml").write_text("a: b: c")
    arguments = [name, "data-service", "true"] if name == "docker.exec" else [name]

    code, shown, error = inv(program, *arguments)

    place = f"{project / 'compose.yaml'}:1:5: "
    assert (2, "", 1) == (code, shown, len(error.splitlines()))
    assert error.startswith(place)
    assert ["compose.yaml", "pyproject.toml"] == sorted(path.name for path in project.iterdir())


def test_no_engine_is_one_line(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    fake_docker.answer("version", "-f", err="Cannot connect to the Docker daemon.\n", code=1)

    code, shown, error = inv(program, "docker.ps")

    assert (4, "", 1) == (code, shown, len(error.splitlines()))
    assert error.startswith("No Docker engine answers (Cannot connect")


def test_ps_lists_what_runs(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    assert (0, "No container is running.\n", "") == inv(program, "docker.ps")

    up(fake_docker, project)
    _, shown, _ = inv(program, "docker.ps")
    assert ["postgres", "running", "no", "healthcheck", "127.0.0.1:5432"] == (
        shown.splitlines()[2].split()[:5]
    )

    up(fake_docker, project, Status="exited", ExitCode=3)
    assert "No container is running.\n" == inv(program, "docker.ps")[1]
    assert "exited (3)" in inv(program, "docker.ps", "--all")[1]


def test_health_of_what_is_not_up_is_exit_4(inv: Inv, program: Program, project: Path) -> None:
    code, shown, error = inv(program, "docker.health", "--service", "postgres")

    assert (4, "Not every service is healthy.\n") == (code, error)
    assert ["postgres", "no", "not", "created", "-"] == shown.splitlines()[2].split()


def test_down_stops_what_is_ours_and_keeps_the_volumes(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    fake_docker.answer("compose", "down")

    code, shown, _ = inv(program, "docker.down")

    assert (0, "athena is down.\n") == (code, shown)
    (call,) = fake_docker.called_with("down")
    assert "--volumes" not in call.argv
    assert ["--project-name", "athena"] == call.argv[
        call.argv.index("--project-name") : call.argv.index("--project-name") + 2
    ]


def test_down_with_volumes_removes_them(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    fake_docker.answer("compose", "down")

    inv(program, "docker.down", "--volumes")

    assert ["--volumes"] == fake_docker.called_with("down")[0].argv[-1:]


@pytest.mark.parametrize("name", ["docker.down", "docker.up"])
def test_a_stack_that_another_checkout_made_is_left_alone(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker, name: str
) -> None:
    up(fake_docker, Path("/their/checkout"))
    fake_docker.answer("image", "inspect", out="[{}]")

    code, _, error = inv(program, name)

    assert 4 == code
    assert (
        "A stack named 'athena' exists that /their/checkout made. Stop it there, or give this one "
        "another `name:` in the compose file."
    ) == error.splitlines()[-1]
    changing = {"down", "up", "rm", "remove", "stop", "kill"}
    assert [] == [call.argv for call in fake_docker.calls if changing & set(call.argv)]


def test_restart_of_what_is_not_up_says_how_to_start_it(
    inv: Inv, program: Program, project: Path
) -> None:
    assert (2, "Nothing is up. Start it: inv docker.up\n") == inv(program, "docker.restart")[::2]


def test_stats_of_an_engine_elsewhere_are_its_own(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    assert (0, "No container is running.\n", "") == inv(program, "docker.stats")

    up(fake_docker, project)
    figures = {
        "BlockIO": "0B / 0B",
        "CPUPerc": "1.00%",
        "Container": "c",
        "ID": "id",
        "MemPerc": "1.00%",
        "MemUsage": "5MiB / 1GiB",
        "Name": "n",
        "NetIO": "0B / 0B",
        "PIDs": "1",
    }
    fake_docker.answer("stats", out=json.dumps(figures))

    _, shown, _ = inv(program, "docker.stats")

    assert ["postgres", "5.0", "MiB", "-", "-", "docker", "stats"] == shown.splitlines()[2].split()


def test_build_says_what_it_built(
    inv: Inv, program: Program, project: Path, fake_docker: FakeDocker
) -> None:
    assert (0, "Nothing to build.\n") == inv(program, "docker.build")[:2]

    built = {"name": "athena", "services": {"api": {"build": {"context": "."}}}}
    fake_docker.resolves_to(built)
    fake_docker.answer("buildx", "bake")
    assert (0, "Built: api\n") == inv(program, "docker.build")[:2]


def test_nothing_local_is_up(inv: Inv, program: Program, project: Path) -> None:
    status = inv(program, "local.status")
    restart = inv(program, "local.restart")
    logs = inv(program, "local.logs")

    assert (4, "No local stack is up. Start it: inv local.up\n", "") == status
    assert 2 == restart[0]
    assert "No local stack is up. Start it: inv local.up" == restart[2].splitlines()[-1]
    assert (2, "", "No local stack has run here. Start it: inv local.up\n") == logs


def test_local_down_with_nothing_up_is_fine(inv: Inv, program: Program, project: Path) -> None:
    assert (0, "athena is down.\n") == inv(program, "local.down")[:2]


def test_local_health_of_what_is_not_up_is_exit_4(
    inv: Inv, program: Program, project: Path
) -> None:
    code, shown, error = inv(program, "local.health")

    assert (4, "Not every service is healthy.\n") == (code, error)
    rows = sorted(line.split() for line in shown.splitlines()[2:])
    assert [[name, "no", "not", "started", "-"] for name in ("data-service", "postgres")] == rows


def test_a_comparison_without_records_is_wrong_usage(
    inv: Inv, program: Program, project: Path
) -> None:
    code, shown, error = inv(program, "compare.show")

    assert (2, "") == (code, shown)
    assert error.startswith("No record of 'local' or 'docker' in ")
    assert "Unknown format 'x'" in inv(program, "compare.show", "--format", "x")[2]


def test_a_missing_side_is_shown_and_never_passes(
    inv: Inv, program: Program, project: Path
) -> None:
    from tranship.trials import record

    trial = record.Trial(
        id="a1", mode="local", placement={}, started="2026-05-01T10:00:00+00:00", project="p"
    )
    record.write(trial, project / ".tranship/trials")

    code, shown, error = inv(program, "compare.show")

    assert ("", False) == (error, code == 0)
    assert "docker" in shown
