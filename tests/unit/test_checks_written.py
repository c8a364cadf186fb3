from __future__ import annotations

from pathlib import Path

import pytest
from lintedproject import Linted, Silenced, one
from tranship.envmap.checks import exit_code
from tranship.errors import SettingsError


@pytest.fixture
def project(tmp_path: Path) -> Linted:
    return Linted(tmp_path)


def test_type_changes(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/base.json", '{"a": 1, "b": "x", "c": null, "d": 1, "e": {"f": 1}}')
    project.write("envs/development.json", '{\n"a": "1", "b": "y", "c": 1, "d": 2.5, "e": 2}')
    findings = [item for item in project.findings() if item.rule == "TE012"]
    assert [("warning", "a"), ("warning", "e")] == [(f.severity, f.variable) for f in findings]
    assert (
        "a is a number in base and a string in development (envs/base.json:1 comes first)."
    ) == findings[0].message
    assert findings[0].origin is not None
    assert "envs/development.json:2" == findings[0].origin.shown(project.root)


def test_a_change_on_one_side(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/development.json", '{"a": 1}')
    project.write("envs/docker.json", '{"a": true}')
    assert [("warning", None, "a")] == project.found("TE012")


def test_exclusions(project: Linted) -> None:
    project.write("compose.yaml", one({"REDIS_KEY_PREFIX": "redis", "A": "1"}))
    project.write(
        "envs/mapping.toml",
        "[infer]\n"
        "exclude = [\n"
        '  "REDIS_KEY_PREFIX", "api.A", "rule:bare host",\n'
        '  "REDIS_KEY_PREFX",\n'
        '  "api.B", "apo.A",\n'
        "]\n",
    )
    findings = [item for item in project.findings() if item.rule == "TE014"]
    assert [
        "'REDIS_KEY_PREFX' excludes nothing (did you mean 'REDIS_KEY_PREFIX'?).",
        "'api.B' excludes nothing (did you mean 'api.A'?).",
        "'apo.A' excludes nothing (did you mean 'api.A'?).",
    ] == sorted(item.message for item in findings)
    lines = {item.message.split("'")[1]: item.origin.line for item in findings if item.origin}
    assert {"REDIS_KEY_PREFX": 4, "api.B": 5, "apo.A": 5} == lines


def test_silences(project: Linted) -> None:
    project.write("compose.yaml", one({"A": "localhost:6379", "B": "localhost:6379"}))
    reason = "a Redis beside it"
    findings = project.findings(Silenced("TE001", reason, "api", "A"))
    assert [("B", None), ("A", reason)] == [
        (item.variable, item.silenced) for item in findings if item.rule == "TE001"
    ]
    assert 1 == exit_code(findings)


def test_a_silence_by_name_and_without_limits(project: Linted) -> None:
    project.write("compose.yaml", one({"A": "localhost:6379", "B": "localhost:6379"}))
    findings = project.findings(Silenced("localhost-in-container", "r"))
    assert ["r", "r"] == [item.silenced for item in findings if item.rule == "TE001"]
    assert 0 == exit_code(findings, strict=True)


@pytest.mark.parametrize(
    "silence",
    [
        Silenced("TE001", "r", "redis"),
        Silenced("TE001", "r", None, "C"),
        Silenced("TE002", "r", "api", "A"),
    ],
)
def test_a_silence_that_matches_nothing(project: Linted, silence: Silenced) -> None:
    project.write("pyproject.toml", "[tool.tranship]\n\n[[tool.tranship.silence]]\nrule = 'x'\n")
    project.write("compose.yaml", one({"A": "localhost:6379"}))
    (finding,) = (item for item in project.findings(silence) if item.rule == "TE015")
    assert ("note", None) == (finding.severity, finding.silenced)
    assert finding.origin is not None
    assert "pyproject.toml:3" == finding.origin.shown(project.root)
    assert "matches no finding (r)." in finding.message


def test_a_silence_of_no_rule(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    with pytest.raises(SettingsError, match=r"silence\]\] number 1: no rule 'TE0001' \(did you"):
        project.findings(Silenced("TE0001", "r"))
    with pytest.raises(SettingsError, match="did you mean 'plain-text-secret'"):
        project.findings(Silenced("plaintext-secret", "r"))


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_silence_without_a_reason(project: Linted, reason: str) -> None:
    project.write("compose.yaml", one({}))
    with pytest.raises(SettingsError, match="give it a reason"):
        project.findings(Silenced("TE001", reason))


def test_exit_codes(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    assert 0 == exit_code(project.findings(), strict=True)
    project.write("compose.yaml", one({"V": "${UNSET}"}))
    assert 0 == exit_code(project.findings())
    assert 1 == exit_code(project.findings(), strict=True)
    project.write("compose.yaml", one({"A": "localhost:6379"}))
    assert 1 == exit_code(project.findings())


def test_a_sound_project_has_no_findings(project: Linted) -> None:
    body = {
        "HOST": "0.0.0.0",
        "PORT": "8000",
        "DATABASE_URL": "postgresql://u:${PW:?set it}@postgres:5432/x",
        "REDIS_URL": "redis://redis:6379/0",
        "KEY_PREFIX": "redis",
    }
    environment = {"HOST": "127.0.0.1", "PORT": "{port}"}
    recipe = {"local": {"command": "python -m api", "environment": environment}}
    project.write(".env", "PW=abc\n")
    project.write("compose.yaml", one(body, **{"x-tranship": recipe}), tracked=True)
    project.write("envs/base.json", '{"a": 1}', tracked=True)
    project.write("envs/development.json", '{"a": 2}', tracked=True)
    assert () == project.findings()
