"""Env files and the compose override: exact, the same bytes each time, and private."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from openproject import Folder
from test_dotenvfile import VALUES
from tranship.envmap.generate import Generated, directory, generated, write
from tranship.envmap.show import MODES
from tranship.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path, no_docker: None) -> Folder:
    return Folder(tmp_path / "project")


def made(
    folder: Folder, modes: tuple[str, ...] = MODES, environment: str = "development"
) -> dict[str, Generated]:
    project = folder.open(environment)
    output = directory(project.settings)
    return {str(item.path.relative_to(output)): item for item in generated(project, output, modes)}


class _Loader(yaml.SafeLoader):
    """A loader that knows Compose's own tag."""


_Loader.add_constructor("!reset", lambda *_: "(reset)")


def override(item: Generated) -> dict[str, dict[str, Any]]:
    document = yaml.load(item.text, _Loader)
    return {name: body["environment"] for name, body in document["services"].items()}


def test_the_files_of_each_mode(folder: Folder) -> None:
    assert {
        "local/api.env",
        "local/db.env",
        "local/tests.env",
        "docker/api.env",
        "docker/db.env",
        "docker/tests.env",
        "docker/compose.override.yaml",
    } == set(made(folder))
    assert {"hybrid:api/api.env", "hybrid:api/tests.env", "hybrid:api/compose.override.yaml"} == (
        set(made(folder, ("hybrid:api",)))
    )


def test_they_say_what_the_mapping_says(folder: Folder) -> None:
    files = made(folder)

    write(files.values())
    local = dotenv_values(files["local/api.env"].path, interpolate=False)
    docker = dotenv_values(files["docker/api.env"].path, interpolate=False)
    in_override = override(files["docker/compose.override.yaml"])["api"]

    assert ("127.0.0.1:15432", "info") == (local["AT"], local["PLAIN_LEVEL"])
    assert ("db:5432", "debug") == (docker["AT"], docker["PLAIN_LEVEL"])
    assert docker == in_override
    assert "geheim-private" == docker["API_TOKEN"]


def test_the_header_says_how_they_were_made(folder: Folder) -> None:
    for item in made(folder).values():
        lines = item.text.splitlines()
        assert "# Made by `inv env.generate --environment development` from" == lines[0]
        assert [
            "#   compose.yaml",
            "#   envs/base.json",
            "#   envs/development.json",
            "#   envs/development.secrets.json",
            "#   envs/docker.json",
            "#   envs/mapping.toml",
        ] == lines[1:7]
        assert str(folder.root) not in item.text


def test_the_same_input_makes_the_same_bytes(folder: Folder) -> None:
    first = made(folder)
    assert first == made(folder)

    for name in ("base", "development"):
        path = folder.root / f"envs/{name}.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(settings.items()))))

    assert first == made(folder), "the order of the keys in a layer changes nothing"


def test_files_are_private_and_whole(folder: Folder) -> None:
    files = made(folder)
    assert all(item.stale for item in files.values())

    assert len(files) == len(write(files.values()))

    assert {0o600} == {item.path.stat().st_mode & 0o777 for item in files.values()}
    assert not any(item.stale for item in files.values())
    assert [] == [path for path in folder.files() if path.name.startswith(".compose")]


def test_only_what_is_stale_is_written(folder: Folder) -> None:
    files = made(folder)
    write(files.values())
    assert () == write(files.values())

    changed, loose, gone = (files[f"local/{name}.env"].path for name in ("api", "db", "tests"))
    changed.write_text(changed.read_text() + "\n")
    loose.chmod(0o644)
    gone.unlink()

    assert [True, False, True] == [
        files[f"local/{name}.env"].stale for name in ("api", "db", "tests")
    ]
    assert {changed, loose, gone} == set(write(files.values()))
    assert 0o600 == loose.stat().st_mode & 0o777


def test_a_change_of_a_setting_makes_them_stale(folder: Folder) -> None:
    write(made(folder).values())
    folder.write("envs/docker.json", '{"level": "trace"}')

    assert {"docker/api.env", "docker/compose.override.yaml"} == {
        name for name, item in made(folder).items() if item.stale
    }


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_value_survives(folder: Folder, value: str) -> None:
    folder.write("envs/development.json", json.dumps({"admin": {"token": "x"}, "exact": value}))
    folder.write("envs/development.secrets.json", "{}")
    folder.write("envs/mapping.toml", '[services.api]\nEXACT = "{exact}"\n')
    files = made(folder)
    write(files.values())

    read = {mode: dotenv_values(files[f"{mode}/api.env"].path, interpolate=False) for mode in MODES}
    written = override(files["docker/compose.override.yaml"])["api"]["EXACT"]

    assert [value, value] == [read[mode]["EXACT"] for mode in MODES]
    assert value.replace("$", "$$") == written


def test_what_the_mapping_unsets_is_reset_in_the_override(folder: Folder) -> None:
    folder.write("envs/mapping.toml", '[services.api]\nPLAIN = "{none}"\n')
    folder.write("envs/development.json", '{"none": null}')

    files = made(folder)

    assert "(reset)" == override(files["docker/compose.override.yaml"])["api"]["PLAIN"]
    assert "PLAIN" not in dotenv_values(
        stream=io.StringIO(files["docker/api.env"].text), interpolate=False
    )


def test_services_without_variables_make_an_empty_override(folder: Folder) -> None:
    folder.write("compose.yaml", "services:\n  api: {image: x}\n  tests: {image: x}\n")
    folder.write("envs/mapping.toml", "")

    text = made(folder)["docker/compose.override.yaml"].text

    assert {"services": {}} == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [("a\\u0000b", "no NUL"), ("\\ud800", "half of a character")],
)
def test_a_value_that_no_file_can_hold(folder: Folder, setting: str, message: str) -> None:
    folder.write("envs/development.json", f'{{"admin": {{"token": "x"}}, "bad": "{setting}"}}')
    folder.write("envs/mapping.toml", '[services.api]\nBAD = "{bad}"\n')

    with pytest.raises(SettingsError) as raised:
        made(folder)

    assert str(raised.value).startswith("api: 'BAD' ")
    assert message in str(raised.value)
    assert not (folder.root / ".tranship").exists()


def test_where_they_belong(folder: Folder) -> None:
    settings = folder.open("production").settings

    assert folder.root / ".tranship/env/production" == directory(settings)
    assert folder.root / "generated" == directory(settings, "generated")
