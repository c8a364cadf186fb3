"""The table of the mapping: placements by name, rows, rules, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from envmaps import Envs, stack_of, stack_with
from tranship.envmap.infer import Variable
from tranship.envmap.resolve import EnvMap
from tranship.envmap.show import Row, as_mapping, headers, placement_of, rows, shown
from tranship.errors import UnknownServiceError, UsageError

LOCAL = {"x-tranship": {"local": {"command": "run"}}}
BODIES = {
    "db": {
        "ports": [{"target": 5432, "published": "15432"}],
        "x-tranship": {"local": {"server": "postgres"}},
    },
    "api": {**LOCAL, "environment": {"DB_URL": "postgres://u:geheim@db:5432/x", "LEVEL": "info"}},
    "proxy": {"profiles": ["production"]},
    "plain": {},
    "tests": {"profiles": ["test"], "environment": {"DB": "db:5432"}},
}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            "docker",
            {
                "db": "docker",
                "api": "docker",
                "plain": "docker",
                "proxy": "docker",
                "tests": "docker",
            },
        ),
        # A container of a profile is no part of the local mode; one without a recipe stays.
        ("local", {"db": "local", "api": "local", "plain": "docker", "tests": "local"}),
        (
            "hybrid:api",
            {
                "db": "docker",
                "api": "local",
                "plain": "docker",
                "proxy": "docker",
                "tests": "local",
            },
        ),
        (
            "hybrid:api, db",
            {"db": "local", "api": "local", "plain": "docker", "proxy": "docker", "tests": "local"},
        ),
        (
            "hybrid:api+db",
            {"db": "local", "api": "local", "plain": "docker", "proxy": "docker", "tests": "local"},
        ),
    ],
)
def test_the_placement_that_a_name_means(mode: str, expected: dict[str, str]) -> None:
    assert expected == placement_of(mode, stack_of(BODIES), "tests").sides


def test_without_a_suite_its_service_is_like_any_other() -> None:
    assert "tests" not in placement_of("local", stack_of(BODIES)).sides
    assert "docker" == placement_of("hybrid:api", stack_of(BODIES)).sides["tests"]


@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        (
            "lokal",
            UsageError,
            "Unknown mode 'lokal' (did you mean 'local'?). Modes: local, docker,",
        ),
        ("", UsageError, "Unknown mode ''. Modes: "),
        ("hybrid", UsageError, "Unknown mode 'hybrid'"),
        (
            "hybrid:apo",
            UnknownServiceError,
            "No service named 'apo' in the stack (did you mean 'api'?)",
        ),
        ("hybrid:plain", UsageError, "plain has no x-tranship.local: it cannot run on this host."),
    ],
)
def test_a_mode_that_means_nothing(mode: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        placement_of(mode, stack_of(BODIES))

    assert str(raised.value).startswith(message)


def test_rows_are_the_variables_of_each_service_in_each_mode() -> None:
    found = rows(EnvMap(stack_of(BODIES), Path()), suite="tests")

    assert (
        Row(
            "api",
            "DB_URL",
            ("postgres://u:geheim@127.0.0.1:15432/x", "postgres://u:geheim@db:5432/x"),
            "url",
        ),
        Row("api", "LEVEL", ("info", "info"), "as declared"),
        Row("tests", "DB", ("127.0.0.1:15432", "db:5432"), "host:port"),
    ) == found
    assert [True, False, True] == [row.changed for row in found]


def test_a_variable_or_a_service_that_a_mode_leaves_out() -> None:
    found = rows(EnvMap(stack_of(BODIES), Path()), ["local", "docker"], ["tests"])

    assert (Row("tests", "DB", (None, "db:5432"), "as declared"),) == found
    assert ["tests", "DB", "-", "db:5432", "yes", "as declared"] == shown(found[0])


def test_one_mode_has_no_column_for_changes() -> None:
    (row,) = rows(EnvMap(stack_of(BODIES), Path()), ["hybrid:db"], ["tests"])

    assert ["service", "variable", "hybrid:db", "rule"] == headers(["hybrid:db"])
    assert ["tests", "DB", "host.docker.internal:15432", "host:port"] == shown(row)
    assert ["service", "variable", "local", "docker", "changed", "rule"] == headers(
        ["local", "docker"]
    )


def test_the_rule_of_the_mapping_is_its_line(tmp_path: Path) -> None:
    envs = Envs(tmp_path)
    envs.mapping('[services."*"]\n\nA = "{redis}"\n')

    found = rows(envs.open(stack_with({"A": "x"})), services=["api"])

    assert ["envs/mapping.toml:3"] == [row.rule for row in found]


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(UnknownServiceError):
        rows(EnvMap(stack_of(BODIES), Path()), services=["nothing"])


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("API_TOKEN", "geheim", "******"),
        ("API_TOKEN", "", ""),
        ("URL", "redis://:geheim@redis", "redis://:******@redis"),
        ("URL", "http://h/?user=u&password=geheim&x=1", "http://h/?user=u&password=******&x=1"),
        ("DSN", "host=db password=geheim user=u", "host=db password=****** user=u"),
        ("DSN", "Host=db;Password='ge heim';User=u", "Host=db;Password='******';User=u"),
        (
            "OPTIONS",
            '{"db": {"password": "geheim", "n": 1}}',
            '{"db": {"password": "******", "n": 1}}',
        ),
        ("ARGUMENTS", "--requirepass geheim --port 1", "--requirepass ****** --port 1"),
        ("MAX_TOKENS_PER_DAY", "7", "******"),
        ("LIMITS", "max_tokens=7 passwords=9", "max_tokens=7 passwords=9"),
        ("LEVEL", "debug", "debug"),
    ],
)
def test_secrets_are_hidden(variable: str, value: str, expected: str) -> None:
    assert expected == shown(Row("api", variable, (value,), "as declared"))[2]


def test_names_and_values() -> None:
    assert {"A": "1", "B": ""} == as_mapping([Variable("A", "1"), Variable("B", "")])
