"""A project opened: the document that a placement hands to Compose, and what must be hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from openproject import SECRETS, Folder
from tranship.envmap.project import Project, masker
from tranship.errors import ComposeFileError, SettingsError
from tranship.settings import Settings
from tranship.stack.files import read_yaml
from tranship.stack.isolation import write_compose_file
from tranship.stack.placement import Placement, Side, declared_ports


@pytest.fixture
def folder(tmp_path: Path, no_docker: None) -> Folder:
    return Folder(tmp_path / "project")


def placed(project: Project, *local: str) -> Placement:
    sides: dict[str, Side] = {
        name: "local" if name in local else "docker" for name in project.stack.services
    }
    return Placement(sides)


def test_without_a_docker_command_the_files_alone_are_read(folder: Folder) -> None:
    project = folder.open()

    assert not project.stack.confirmed
    assert {"db", "api", "tests"} == set(project.stack.services)
    assert "geheim-envfile" == project.stack.services["api"].environment["FILE_TOKEN"]


def test_a_written_mapping_is_known(folder: Folder) -> None:
    assert folder.open().mapped
    folder.write("envs/mapping.toml", '[infer]\nexclude = ["X"]\n')
    assert not folder.open().mapped


def test_each_container_has_the_variables_of_the_placement(folder: Folder) -> None:
    project = folder.open()
    placement = placed(project)

    document = project.document_for(placement, declared_ports(project.stack))

    api = document["services"]["api"]
    assert ("db:5432", "debug", "plain") == tuple(
        api["environment"][name] for name in ("AT", "PLAIN_LEVEL", "PLAIN")
    )
    assert "env_file" not in api
    assert {"db": {}} == api["depends_on"]
    assert "extra_hosts" not in api
    assert "env_file" in project.document["services"]["api"], "the project's own is untouched"


def test_a_container_that_dials_a_process_is_told_where_the_host_is(folder: Folder) -> None:
    project = folder.open()

    document = project.document_for(placed(project, "db"), declared_ports(project.stack))

    api = document["services"]["api"]
    assert "host.docker.internal:15432" == api["environment"]["AT"]
    assert "postgresql://u:geheim-url@host.docker.internal:15432/x" == api["environment"]["DB_URL"]
    assert ["host.docker.internal=host-gateway"] == api["extra_hosts"]
    assert {} == api["depends_on"], "no container waits for a process"
    assert "extra_hosts" not in document["services"]["db"], "it dials nobody"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ("[a=1.2.3.4]", ["a=1.2.3.4", "host.docker.internal=host-gateway"]),
        ("{a: 1.2.3.4}", ["a=1.2.3.4", "host.docker.internal=host-gateway"]),
    ],
)
def test_extra_hosts_that_are_there_stay(folder: Folder, known: str, expected: list[str]) -> None:
    path = folder.root / "compose.yaml"
    folder.write(
        "compose.yaml",
        path.read_text().replace("image: api", f"image: api\n    extra_hosts: {known}"),
    )
    project = folder.open()

    document = project.document_for(placed(project, "db"), declared_ports(project.stack))

    assert expected == document["services"]["api"]["extra_hosts"]


def test_some_services_alone_may_be_resolved(folder: Folder) -> None:
    project = folder.open()

    document = project.document_for(placed(project), declared_ports(project.stack), ["db"])

    assert "env_file" in document["services"]["api"]
    assert {"POSTGRES_PASSWORD": "geheim-literal"} == document["services"]["db"]["environment"]


def test_the_secrets_of_settings_and_services_are_hidden(folder: Folder) -> None:
    hidden = folder.open().hidden

    assert {
        "geheim-literal",
        "geheim-private",
        "geheim-url",
        "geheim-default",
        "geheim-envfile",
        "geheim-dsn",
        "a-geheim-dotenv-geheim-part",
    } <= hidden
    assert not {"info", "u", "plain", "db"} & hidden
    assert set(SECRETS)


def test_interpolation_comes_from_the_settings_and_wins_over_env_files(folder: Folder) -> None:
    value = "x $y '\"\\ #z\nü"
    folder.write("envs/mapping.toml", '[interpolate]\nLEVEL = "{exact}"\nNONE = "{none}"\n')
    folder.write(
        "envs/development.json",
        '{"exact": "x $y \'\\"\\\\ #z\\nü", "none": null}',
    )
    folder.write(".env", "LEVEL=lost\nDOTENV_TOKEN=kept\n")

    project = folder.open()

    environment = project.stack.services["api"].environment
    assert (value, "a-kept-geheim-part") == (environment["LEVEL"], environment["DOTENV_TOKEN"])
    path = folder.root / ".tranship/env/interpolation.development.env"
    assert project.compose.env_files == (folder.root / ".env", path)
    assert 0o600 == path.stat().st_mode & 0o777
    assert "NONE" not in path.read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("envs/development.json", "[]", "envs/development.json: the top level must be an object"),
        ("envs/base.json", b"{\n\xff}", "envs/base.json:2: not valid UTF-8"),
        ("envs/base.json", '{"a": 1,\n"a": 2}', "envs/base.json:2: the key 'a' stands here again"),
        ("envs/mapping.toml", "[services.apo]\n", "envs/mapping.toml:1: [services.apo]: no such"),
        ("envs/mapping.toml", '[interpolate]\nA = "{b}"\n', "envs/mapping.toml:2: A: {b}: no such"),
        ("envs/mapping.toml", b"[interpolate]\n\xff\n", "envs/mapping.toml:2: not valid UTF-8"),
        ("compose.yaml", b"services:\n  a: \xff\n", "compose.yaml:2: not valid UTF-8"),
        (
            "compose.yaml",
            "services:\n  a: {}\n  a: {}\n",
            "compose.yaml:3: the key 'a' stands twice",
        ),
    ],
)
def test_bad_input_names_file_and_line_and_writes_nothing(
    folder: Folder, name: str, content: str | bytes, message: str
) -> None:
    folder.write(name, content)
    before = folder.files()

    with pytest.raises((SettingsError, ComposeFileError)) as raised:
        folder.open()

    assert str(raised.value).startswith(str(folder.root / message))
    assert before == folder.files()


def test_a_nul_cannot_be_interpolated(folder: Folder) -> None:
    folder.write("envs/mapping.toml", '[interpolate]\nA = "a\\u0000b"\n')

    with pytest.raises(SettingsError, match=r"mapping\.toml:2: A holds a NUL"):
        folder.open()


def test_byte_order_marks_are_accepted(folder: Folder) -> None:
    for name in ("compose.yaml", "envs/base.json", "envs/mapping.toml"):
        path = folder.root / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert "info" == folder.open().envmap.layers["local"].value("level")


@pytest.mark.parametrize(
    "value", ["\U0001f6a2 \\ud83d\\udea2", "\\\U0001f6a2", "\x85\u2028\x7f\x01", "$x $$y", "\r\n ü"]
)
def test_what_compose_is_handed_is_exact(tmp_path: Path, value: str) -> None:
    path = tmp_path / "compose.json"

    write_compose_file({"x-value": value}, path)

    # Compose's parser refuses JSON's two halves of a character, and so does this one.
    assert {"x-value": value.replace("$", "$$")} == read_yaml(path)
    assert 0o600 == path.stat().st_mode & 0o777


def test_messages_are_masked_even_where_the_compose_file_is_broken(
    tmp_path: Path, no_docker: None
) -> None:
    compose = tmp_path / "compose.yaml"
    settings = Settings(root=tmp_path, compose_files=(compose,), state_directory=tmp_path / "state")
    message = "postgresql://app:hunter2@db/x said pa55word"
    compose.write_text("services: {db: {image: x, environment: {PASSWORD: pa55word}}}\n")
    whole = masker(settings)(message)
    compose.write_text("services: [\n")
    broken = masker(settings)(message)

    assert "postgresql://app:******@db/x said ******" == whole
    assert "postgresql://app:******@db/x said pa55word" == broken
