"""The production mode: its layers, its secrets, and the way of a run's probes into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tranship.comparison.options import modes_of
from tranship.envmap import layers
from tranship.envmap.infer import Variable
from tranship.errors import UsageError
from tranship.modes import production
from tranship.modes.secretfiles import as_content, expected_as_variables, handed_over
from tranship.settings import Settings
from tranship.stack.probenetwork import NETWORK, NO_WAY_OUT, add_probe_network


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "envs"
    folder.mkdir()
    for name, content in {
        "base": {"database": {"user": "u"}, "admin": {"exit_token": None}},
        "test": {"database": {"password": "of-the-test"}, "admin": {"exit_token": "of-the-test"}},
        "production": {"level": "WARNING"},
        "production.secrets": {"api": {"key": "real", "api_key": "real"}, "region": "real"},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return Settings(root=tmp_path, state_directory=tmp_path / ".tranship")


def test_its_secrets_are_made_up_and_nothing_real_is_read(
    settings: Settings, tmp_path: Path
) -> None:
    known = production.environment_of(settings, "production")
    copied = production.with_made_up_secrets(known, tmp_path / "layers")

    found = layers.load(copied.layers, "production", "docker")

    made_up = {
        found.value(path) for path in ("database.password", "admin.exit_token", "api.api_key")
    }
    assert 3 == len(made_up)
    assert not made_up & {"real", "of-the-test"}
    assert "WARNING" == found.value("level")
    assert "region" not in found
    assert 0o700 == (tmp_path / "layers").stat().st_mode & 0o777
    assert 0o600 == (tmp_path / "layers/production.secrets.json").stat().st_mode & 0o777


def test_it_needs_an_environment_of_its_own(settings: Settings) -> None:
    production.require_environment(settings, "production")
    (settings.layers / "production.json").unlink()
    with pytest.raises(UsageError, match="neither compose/production"):
        production.require_environment(settings, "production")
    production.require_environment(settings, "docker")


def test_the_other_modes_have_the_suites_environment(settings: Settings) -> None:
    assert ("test", "production") == (
        production.environment_of(settings, "docker").environment,
        production.environment_of(settings, "production").environment,
    )
    assert ("docker", "local") == (production.placed("production"), production.placed("local"))


def test_it_is_a_mode_of_a_comparison() -> None:
    assert ["docker", "production"] == modes_of("docker,production")
    assert ["hybrid:a,b", "production"] == modes_of("hybrid:a,b,production")


def test_the_hardened_file_is_read_with_its_environment(settings: Settings, tmp_path: Path) -> None:
    base = tmp_path / "compose.yaml"
    hardened = tmp_path / "compose" / "production.hardened.yaml"
    hardened.parent.mkdir()
    hardened.write_text("services: {}\n")
    own = Settings(root=tmp_path, compose_files=(base,))

    assert (base,) == own.stack_files
    assert (base, hardened) == own.in_environment("production").stack_files


def test_probes_get_a_network_only_where_nothing_else_lets_them_in() -> None:
    document: dict[str, Any] = {
        "services": {
            "db": {"ports": [{"target": 1}], "networks": {"back": None}},
            "proxy": {"ports": [{"target": 2}], "networks": {"back": None, "edge": None}},
            "job": {"networks": {"back": None}},
        },
        "networks": {"back": {"internal": True}, "edge": {}},
    }

    told = add_probe_network(document)

    assert 1 == len(told)
    assert told[0].startswith("db: only in internal networks")
    assert {"back", NETWORK} == set(document["services"]["db"]["networks"])
    assert NETWORK not in document["services"]["proxy"]["networks"]
    assert NETWORK not in document["services"]["job"]["networks"]
    assert NO_WAY_OUT == document["networks"][NETWORK]["driver_opts"]
    assert () == add_probe_network({"services": {"a": {"ports": [{"target": 1}]}}})


def secret_of(**environment: str) -> dict[str, Any]:
    return {
        "services": {
            "db": {
                "environment": {"PASSWORD_FILE": "/run/secrets/pw", **environment},
                "secrets": [{"source": "pw"}],
            }
        },
        "secrets": {"pw": {"file": "/nowhere/pw"}},
    }


def test_a_secret_leaves_the_environment_for_a_file(tmp_path: Path) -> None:
    found = handed_over(secret_of(PASSWORD="pa$$word"), tmp_path / "secrets")

    path = tmp_path / "secrets" / "pw"
    assert {"PASSWORD_FILE": "/run/secrets/pw"} == found["services"]["db"]["environment"]
    assert {"pw": {"file": str(path)}} == found["secrets"]
    assert "pa$$word" == path.read_text()
    # The container's user must read it, and nobody else of this host may come near.
    assert (0o444, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_a_secret_goes_elsewhere_as_content_and_no_file_is_written(tmp_path: Path) -> None:
    found = as_content(secret_of(PASSWORD="pa$$word"))

    assert {"PASSWORD_FILE": "/run/secrets/pw"} == found["services"]["db"]["environment"]
    assert {"pw": {"content": "pa$$word"}} == found["secrets"]
    # What nothing gives stays what the compose file says.
    assert {"pw": {"file": "/nowhere/pw"}} == as_content(secret_of())["secrets"]


def test_a_secret_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="db: no secret pw: PASSWORD is given by nothing"):
        handed_over(secret_of(), tmp_path)


def test_what_is_in_a_file_is_not_expected_as_a_variable() -> None:
    expected = [Variable("PASSWORD", "x"), Variable("LEVEL", "y")]

    assert ["LEVEL"] == [
        item.name for item in expected_as_variables(expected, {"PASSWORD_FILE": "/f", "LEVEL": "y"})
    ]
    assert expected == list(expected_as_variables(expected, {"LEVEL": "y"}))


def test_one_secret_has_one_value(tmp_path: Path) -> None:
    document = secret_of(PASSWORD="one")
    document["services"]["web"] = {
        "environment": {"PASSWORD_FILE": "/run/secrets/pw", "PASSWORD": "two"},
        "secrets": [{"source": "pw"}],
    }
    with pytest.raises(UsageError, match="web has another PASSWORD"):
        handed_over(document, tmp_path)
