"""How the docker command is called, and what may be wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakedocker import FakeDocker
from python_on_whales import DockerClient
from python_on_whales.exceptions import DockerException
from tranship import settings
from tranship.errors import ComposeFileError, EngineUnavailable, EnvironmentFailed
from tranship.modes import containers, removal
from tranship.settings import Settings
from tranship.stack import engine
from tranship.stack.engine import ComposeProject

COMPOSE = """\
services:
  api:
    image: example/api:${TAG:-none}
    environment: {A: "x$${Y}"}
    x-tranship: {local: {command: run}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    folder = tmp_path / "project"
    (folder / "compose").mkdir(parents=True)
    (folder / "compose/compose.yaml").write_text(COMPOSE)
    (folder / "pyproject.toml").write_text(
        '[tool.tranship]\ncompose-files = ["compose/compose.yaml"]\npass-env = ["TAG"]\n'
    )
    return settings.load(folder)


def test_the_shells_variables_are_kept_out_by_name_and_no_value_is_an_argument(
    fake_docker: FakeDocker, project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "value-of-the-shell")
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yaml")
    monkeypatch.setenv("TAG", "v7")
    monkeypatch.setenv("DOCKER_CONFIG", "/config")
    monkeypatch.setenv("https_proxy", "http://proxy")
    fake_docker.resolves_to({"services": {"api": {}}})

    engine.load(project)

    (call,) = fake_docker.called_with("config")
    assert {"TAG": "v7", "DOCKER_CONFIG": "/config", "https_proxy": "http://proxy"} == {
        name: value
        for name, value in call.environment.items()
        if name in {"TAG", "DOCKER_CONFIG", "https_proxy", "POSTGRES_PASSWORD", "COMPOSE_FILE"}
    }
    prefix = engine.call(("TAG",))
    assert ["env", "docker"] == [prefix[0], Path(prefix[-1]).name]
    assert {"-u"} == set(prefix[1:-1:2])
    assert {"POSTGRES_PASSWORD", "COMPOSE_FILE"} <= set(prefix[2:-1:2])
    assert "value-of-the-shell" not in " ".join(prefix)


def test_a_shell_with_nothing_to_keep_out_needs_no_env(
    fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.os, "environ", {"PATH": str(fake_docker.folder)})

    assert [str(fake_docker.folder / "docker")] == engine.call()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ["/dev/null"]),
        ((".env",), [".env"]),
        (("compose/.env", ".tranship/images.env"), [".tranship/images.env", "compose/.env"]),
        (
            (".env", "compose/.env", ".tranship/images.env"),
            [".tranship/images.env", "compose/.env", ".env"],
        ),
    ],
)
def test_env_files_are_named_on_the_command_line(
    fake_docker: FakeDocker, project: Settings, names: tuple[str, ...], expected: list[str]
) -> None:
    for name in names:
        path = project.root / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    fake_docker.resolves_to({"services": {"api": {}}})

    engine.load(project)

    (call,) = fake_docker.called_with("config")
    given = [
        word
        for option, word in zip(call.argv, call.argv[1:], strict=False)
        if option == "--env-file"
    ]
    assert [str(project.root / name) for name in expected] == given
    assert ["--file", str(project.root / "compose/compose.yaml")] == call.argv[1:3]
    assert ["--profile", "*"] == call.argv[3:5]


def test_what_compose_resolves_is_the_stack(fake_docker: FakeDocker, project: Settings) -> None:
    fake_docker.resolves_to(
        {
            "name": "athena",
            "services": {"api": {"environment": {"A": "x$${Y}", "B": "$$$$"}, "command": ["$$"]}},
        }
    )

    stack = engine.load(project)

    api = stack.services["api"]
    assert ("athena", True) == (stack.name, stack.confirmed)
    assert ({"A": "x${Y}", "B": "$$"}, ("$",)) == (api.environment, api.command)
    # Compose 2.26 leaves x-tranship out of what it prints.
    assert api.local is not None
    assert ("run",) == api.local.command


def test_without_docker_the_files_are_read(
    no_docker: None, project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAG", "v7")

    stack = engine.load(project)

    api = stack.services["api"]
    assert ("compose", False) == (stack.name, stack.confirmed)
    assert ("example/api:v7", {"A": "x${Y}"}) == (api.image, api.environment)


@pytest.mark.parametrize(
    "error",
    [
        "docker: 'compose' is not a docker command.\nSee 'docker --help'\n",
        "unknown flag: --file\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help'",
        "unknown shorthand flag: 'f' in -f\nSee 'docker --help'.\n\nOptions:\n  --x\n\nTo get more",
        "docker: unknown command: docker compose\n\nRun 'docker --help' for more information\n",
    ],
)
def test_a_docker_without_compose_falls_back_to_the_files(
    fake_docker: FakeDocker, project: Settings, error: str
) -> None:
    fake_docker.answer("compose", err=error, code=1)

    assert not engine.load(project).confirmed


def test_composes_own_error_is_shown_with_the_file(
    fake_docker: FakeDocker, project: Settings
) -> None:
    fake_docker.answer("config", err="services.api.ports: invalid port\n", code=15)

    with pytest.raises(ComposeFileError) as raised:
        engine.load(project)

    expected = f"{project.compose_files[0]}: services.api.ports: invalid port"
    assert expected == str(raised.value)


def test_a_syntax_error_is_found_before_compose_is_asked(
    fake_docker: FakeDocker, project: Settings
) -> None:
    project.compose_files[0].write_text("a: b: c")

    with pytest.raises(ComposeFileError, match=r"compose\.yaml:1:5: "):
        engine.load(project)

    assert [] == fake_docker.calls


def test_without_a_compose_file_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComposeFileError, match=r"No compose file in .*compose-files"):
        engine.developers_own(Settings(root=tmp_path))


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ("one\ntwo\n\n", "two"),
        ('time="x" level=warning\nreal cause\nexit status 1\n', "real cause"),
        ("unknown flag\nSee 'docker --help'.\nUsage:  docker\n", "unknown flag"),
        ('time="x" level=error msg="y"\n', 'time="x" level=error msg="y"'),
        ("", "docker exited with code 9"),
    ],
)
def test_the_telling_line_of_an_error(stderr: str, expected: str) -> None:
    error = DockerException(["docker", "--secret", "x"], 9, stderr=stderr.encode())

    assert expected == engine.error_text(error)


def test_the_text_of_other_errors() -> None:
    assert "our own message" == engine.error_text(EnvironmentFailed("our own message"))
    assert "ValueError" == engine.error_text(ValueError("may hold a command line"))


def test_engine_errors_say_what_failed() -> None:
    with (
        pytest.raises(EnvironmentFailed, match=r"^docker compose logs failed: gone$"),
        engine.engine_errors("docker compose logs"),
    ):
        raise DockerException(["docker"], 1, stderr=b"gone\n")


def client() -> DockerClient:
    return ComposeProject(files=(Path("compose.yaml"),)).client()


def test_an_engine_that_answers_is_enough(fake_docker: FakeDocker) -> None:
    engine.require_engine(client())

    assert ["version", "compose"] == [call.argv[0] for call in fake_docker.calls]


_VERSION = ("version", "-f")
_DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at "
    "unix:///var/run/docker.sock\n"
)


@pytest.mark.parametrize(
    ("words", "answer", "message"),
    [
        (_VERSION, {"err": _DENIED, "code": 1}, "No permission on the Docker socket.*usermod"),
        (
            _VERSION,
            {"err": "Cannot connect to the Docker daemon.\n", "code": 1},
            r"No Docker engine answers \(Cannot connect.*systemctl start",
        ),
        (_VERSION, {"out": '{"Client": {}, "Server": null}'}, "No Docker engine answers. Install"),
        (
            ("compose",),
            {"err": "docker: 'compose' is not a docker command.\n", "code": 1},
            "no Compose v2 plugin.*docker-compose-plugin",
        ),
        (("compose",), {"out": "Docker Compose version v2.19.1"}, "Compose 2.19 is too old: 2.20"),
        (("compose",), {"out": "docker-compose version 1.29.2"}, "Compose 1.29 is too old"),
    ],
)
def test_what_is_wrong_with_the_engine_is_one_message_with_the_mend(
    fake_docker: FakeDocker, words: tuple[str, ...], answer: dict[str, Any], message: str
) -> None:
    fake_docker.answer(*words, **answer)

    with pytest.raises(EngineUnavailable, match=message) as raised:
        engine.require_engine(client())

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("version", ["v2.20.0", "v2.100.1", "5.0.0", "dev"])
def test_newer_versions_of_compose_will_do(fake_docker: FakeDocker, version: str) -> None:
    fake_docker.answer("compose", "version", out=f"Docker Compose version {version}")

    engine.require_engine(client())

    assert 2 == len(fake_docker.calls)


def test_no_docker_command_says_how_to_get_one(no_docker: None, project: Settings) -> None:
    with pytest.raises(EngineUnavailable, match=r"No docker command on PATH.*Install Docker"):
        engine.require_engine(client())

    assert engine.answering_client(project) is None


def test_the_answering_client_is_there_or_not(fake_docker: FakeDocker, project: Settings) -> None:
    assert engine.answering_client(project) is not None

    fake_docker.answer("version", err="Cannot connect\n", code=1)
    assert engine.answering_client(project) is None


def test_a_command_of_several_steps_asks_compose_once(
    fake_docker: FakeDocker, project: Settings
) -> None:
    fake_docker.resolves_to({"services": {"api": {"command": ["a"]}}})
    own = engine.developers_own(project)

    with engine.asked_once():
        first, _ = engine.document_of(own)
        first["services"]["api"]["command"] = ["changed by who asked"]
        second, confirmed = engine.document_of(own)
    assert confirmed
    assert ["a"] == second["services"]["api"]["command"]
    assert 1 == len(fake_docker.called_with("config"))

    engine.document_of(own)
    engine.document_of(own)
    assert 3 == len(fake_docker.called_with("config"))


def raw(name: str) -> dict[str, Any]:
    return {
        "Id": name,
        "Name": f"/{name}",
        "State": {"Status": "running"},
        "Config": {"Labels": {containers.SERVICE_LABEL: name}, "Image": "x"},
        "NetworkSettings": {"Ports": {}},
    }


def test_containers_are_inspected_with_one_command(fake_docker: FakeDocker) -> None:
    fake_docker.answer("container", "list", out="a\nb\n")
    fake_docker.answer("container", "inspect", out=json.dumps([raw("a"), raw("b")]))

    found = containers.of_project(DockerClient(), "p")

    assert [("a", "running"), ("b", "running")] == [(it.service, it.status) for it in found]
    assert [["container", "inspect", "a", "b"]] == [
        call.argv for call in fake_docker.called_with("inspect")
    ]


def test_a_container_that_goes_meanwhile_costs_the_others_nothing(fake_docker: FakeDocker) -> None:
    fake_docker.answer("container", "list", out="a\nb\n")
    fake_docker.answer("container", "inspect", out=json.dumps([raw("b")]))
    fake_docker.answer("container", "inspect", "a", err="No such container: a\n", code=1)

    assert ["b"] == [it.service for it in containers.of_project(DockerClient(), "p")]


def test_a_runs_containers_stop_side_by_side(fake_docker: FakeDocker) -> None:
    fake_docker.answer("container", "list", out="a\nb\n")
    fake_docker.answer("container", "stop")

    removal.stop_at_once(DockerClient(), "p")

    (call,) = fake_docker.called_with("stop")
    assert ["a", "b"] == call.argv[-2:]
    fake_docker.answer("container", "stop", err="gone\n", code=1)
    removal.stop_at_once(DockerClient(), "p")


def test_a_project_without_containers_has_none_to_stop(fake_docker: FakeDocker) -> None:
    removal.stop_at_once(DockerClient(), "p")

    assert [] == fake_docker.called_with("stop")
