from __future__ import annotations

from pathlib import Path

import pytest
from lintedproject import Linted, one


@pytest.fixture
def project(tmp_path: Path) -> Linted:
    return Linted(tmp_path)


def test_one_side_only(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/development.json", '{"trace": {"url": "x"}}')
    project.write("envs/docker.json", '{"trace": {"url": null}}')
    project.write("envs/mapping.toml", '[services.api]\nTRACE = "{trace.url}"\n')
    (finding,) = (item for item in project.findings() if item.rule == "TE004")
    assert ("warning", "api", "TRACE") == (finding.severity, finding.service, finding.variable)
    assert "TRACE is set on the local side and not on the docker side." == finding.message


def test_one_side_only_the_other_way_round(project: Linted) -> None:
    project.write("compose.yaml", one({"TRACE": "declared"}))
    project.write("envs/development.json", '{"trace": "x"}')
    project.write("envs/local.json", '{"trace": null}')
    project.write("envs/mapping.toml", '[services.api]\nTRACE = "{trace}"\n')
    (finding,) = (item for item in project.findings() if item.rule == "TE004")
    assert "TRACE is set on the docker side and not on the local side." == finding.message


def test_an_empty_value_is_a_value(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/development.json", '{"trace": "x"}')
    project.write("envs/docker.json", '{"trace": ""}')
    project.write("envs/mapping.toml", '[services.api]\nTRACE = "{trace}"\n')
    assert [] == project.found("TE004")


def test_what_is_added_for_local_processes_is_a_note(project: Linted) -> None:
    environment = {"HOST": "127.0.0.1", "PORT": "{port}", "DEBUG": "1", "BOTH": "2"}
    recipe = {"local": {"command": "python -m api", "environment": environment}}
    project.write("compose.yaml", one({"BOTH": "1"}, **{"x-tranship": recipe}))
    assert [("note", "api", "DEBUG")] == project.found("TE004")


def test_deleted_by_environment(project: Linted) -> None:
    project.write("app.env", "API_URL=http://redis:6379\n")
    project.write("compose.yaml", one(["API_URL"], env_file=["app.env"]))
    (finding,) = (item for item in project.findings() if item.rule == "TE006")
    assert ("error", "api", "API_URL") == (finding.severity, finding.service, finding.variable)
    assert "the value of app.env:1 is deleted" in finding.message


@pytest.mark.parametrize("environment", [["OTHER"], ["API_URL=here"], {"API_URL": "here"}, []])
def test_nothing_is_deleted(project: Linted, environment: object) -> None:
    project.write("app.env", "API_URL=http://redis:6379\n")
    project.write("compose.yaml", one(environment, env_file=["app.env"]))  # type: ignore[arg-type]
    assert [] == project.found("TE006")


def test_a_name_that_the_shell_gives_is_not_deleted(project: Linted) -> None:
    project.shell["API_URL"] = "http://elsewhere"
    project.write("app.env", "API_URL=http://redis:6379\n")
    project.write("compose.yaml", one(["API_URL"], env_file=["app.env"]))
    assert [] == project.found("TE006", "TE007")


def test_a_name_that_the_mapping_gives_is_not_deleted(project: Linted) -> None:
    project.write("app.env", "API_URL=http://redis:6379\n")
    project.write("compose.yaml", one(["API_URL"], env_file=["app.env"]))
    project.write("envs/mapping.toml", '[services.api]\nAPI_URL = "http://{redis}"\n')
    assert [] == project.found("TE006")


def test_env_file_and_environment_disagree(project: Linted) -> None:
    project.write("app.env", "LEVEL=info\nSAME=1\nPASSWORD=a\n")
    body = {"LEVEL": "debug", "SAME": "1", "PASSWORD": "b"}
    project.write("compose.yaml", one(body, env_file=["app.env"]))
    level, password = (item for item in project.findings() if item.rule == "TE007")
    assert ("warning", "LEVEL") == (level.severity, level.variable)
    assert "LEVEL is 'info' in app.env:1, but 'debug' here, which wins." == level.message
    assert "'******'" in password.message
    assert "differ in what is hidden" in password.message


def test_one_file_that_gives_a_variable_twice(project: Linted) -> None:
    project.write("app.env", "LEVEL=info\nLEVEL=debug\n")
    project.write("compose.yaml", one({}, env_file=["app.env"]))
    assert [("warning", "api", "LEVEL")] == project.found("TE007")


def test_two_env_files_are_a_note(project: Linted) -> None:
    project.write("a.env", "LEVEL=info\n")
    project.write("b.env", "LEVEL=debug\n")
    project.write("compose.yaml", one({}, env_file=["a.env", "b.env"]))
    assert [("note", "api", "LEVEL")] == project.found("TE007")


def test_an_override_file_is_there_to_override(project: Linted) -> None:
    project.write("compose.yaml", one({"LEVEL": "info"}))
    project.write("over.yaml", '{"services": {"api": {"environment": {"LEVEL": "debug"}}}}')
    project.files = ("compose.yaml", "over.yaml")
    assert [] == project.found("TE007")


def test_a_value_from_the_shell_is_there_to_override(project: Linted) -> None:
    project.shell["LEVEL"] = "debug"
    project.write("app.env", "LEVEL=info\n")
    project.write("compose.yaml", one({"LEVEL": "${LEVEL}"}, env_file=["app.env"]))
    assert [] == project.found("TE007")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("info", [("warning", "api", "LEVEL")]),
        ("debug", []),
        ("${LEVEL:-info}", []),
    ],
)
def test_the_mapping_disagrees(
    project: Linted, declared: str, expected: list[tuple[str, str, str]]
) -> None:
    project.write("compose.yaml", one({"LEVEL": declared}))
    project.write("envs/mapping.toml", '[services.api]\nLEVEL = "debug"\n')
    assert expected == project.found("TE007")


def test_names_that_differ_in_case(project: Linted) -> None:
    body = {"Log_Level": "1", "LOG_LEVEL": "2", "http_proxy": "x", "HTTP_PROXY": "x", "A": "1"}
    project.write("compose.yaml", one(body))
    assert [("warning", "api", "LOG_LEVEL")] == project.found("TE008")


def test_case_in_two_services_is_no_matter(project: Linted) -> None:
    project.write("compose.yaml", one({"a": "1"}))
    project.write("over.yaml", '{"services": {"redis": {"environment": {"A": "1"}}}}')
    project.files = ("compose.yaml", "over.yaml")
    assert [] == project.found("TE008")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NAME}", True),
        ("$NAME", True),
        ("x${NAME}y", True),
        ("${OTHER:-${NAME}}", True),
        ("${NAME:-x}", False),
        ("${NAME-}", False),
        ("${NAME:+x}", False),
        ("$$NAME", False),
        ("plain", False),
    ],
)
def test_unset(project: Linted, text: str, expected: bool) -> None:
    project.write("compose.yaml", one({"V": text}))
    wanted = [("warning", "api", "V")] if expected else []
    assert wanted == project.found("TE005")


def test_a_name_that_something_sets(project: Linted) -> None:
    project.shell["A"] = "1"
    project.write(".env", "B=2\n")
    project.write("compose.yaml", one({"V": "${A}${B}"}, image="x:${B}"))
    assert [] == project.found("TE005")


def test_unset_outside_of_variables(project: Linted) -> None:
    project.write(
        "compose.yaml",
        "# ${COMMENT}\n"
        "services:\n"
        "  api:\n"
        "    image: api:${TAG}  # ${TAIL}\n"
        "    command: echo $$HOME ${A:-x} ${TAG}\n"
        "    environment: {V: '${TAG}'}\n",
    )
    # The one in a variable is told there, and not a second time.
    assert [("warning", "api", "V")] == project.found("TE005")
    project.write("compose.yaml", "services:\n  api:\n    image: api:${TAG}\n")
    (finding,) = (item for item in project.findings() if item.rule == "TE005")
    assert "Nothing sets ${TAG}: it becomes empty." == finding.message
    assert finding.origin is not None
    assert 3 == finding.origin.line


def test_a_part_of_a_password_is_not_shown(project: Linted) -> None:
    project.write("compose.yaml", one({"DB_PASSWORD": "corr3ct$battery"}))
    (finding,) = (item for item in project.findings() if item.rule == "TE005")
    assert "battery" not in finding.message + finding.mend
    assert "$$" in finding.mend


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("V=x$y", "error"),
        ('V="x$y"', "error"),
        ("V=x$B", "warning"),
        ("V=two words #3", "warning"),
        ("DB_PASSWORD=abc #def", "warning"),
        ("V='x$y'", None),
        ("V=${B}", None),
        ("V=a$$b", None),
        ("V=two words # a comment", None),
        ("V=8000 #main", None),
        ("V=a#b", None),
        ("V='two words #3'", None),
        ("V=plain", None),
    ],
)
def test_env_file_changes_value(project: Linted, line: str, expected: str | None) -> None:
    project.write(".env", "B=2\n")
    project.write("app.env", f"{line}\n")
    project.write("compose.yaml", one({}, env_file=["app.env"]))
    wanted = [expected] if expected else []
    assert wanted == [item[0] for item in project.found("TE013")]


def test_a_changed_password_is_not_shown(project: Linted) -> None:
    project.write("app.env", "DB_PASSWORD=corr3ct$battery\n")
    project.write("compose.yaml", one({}, env_file=["app.env"]))
    (finding,) = (item for item in project.findings() if item.rule == "TE013")
    assert "battery" not in finding.message + finding.mend


def test_a_value_that_environment_replaces_may_be_changed(project: Linted) -> None:
    project.write("app.env", "V=x$y\n")
    project.write("compose.yaml", one({"V": "z"}, env_file=["app.env"]))
    assert [] == project.found("TE013")
