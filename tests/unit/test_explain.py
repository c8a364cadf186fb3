"""Where a value comes from: every candidate with its place, and no secret among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from openproject import COMPOSE, SECRETS, Folder
from tranship.envmap.explain import Explained, Step, explain, lines, services_with
from tranship.envmap.show import placement_of
from tranship.errors import UsageError
from tranship.stack.placement import declared_ports
from tranship.stack.sources import declarations


@pytest.fixture
def folder(tmp_path: Path, no_docker: None) -> Folder:
    return Folder(tmp_path / "project")


def explained(
    folder: Folder,
    variable: str,
    service: str = "api",
    modes: tuple[str, ...] = ("local", "docker"),
) -> Explained:
    project = folder.open()
    return explain(
        project.envmap,
        declarations(project.compose, project.stack),
        service,
        variable,
        {mode: placement_of(mode, project.stack, "tests") for mode in modes},
        declared_ports(project.stack),
    )


def test_layers_that_won_and_lost(folder: Folder) -> None:
    found = explained(folder, "PLAIN_LEVEL")

    assert (("local", "info"), ("docker", "debug")) == found.values
    assert (
        Step(0, True, "mapping [services.api]", "envs/mapping.toml:6", "{level}"),
        # Each side has a winner of its own.
        Step(1, True, "layer base {level}", "envs/base.json:1", '"info"'),
        Step(1, True, "layer docker {level}", "envs/docker.json:1", '"debug"'),
    ) == found.steps


def test_one_mode_alone_has_one_winner(folder: Folder) -> None:
    found = explained(folder, "PLAIN_LEVEL", modes=("docker",))

    assert (("docker", "debug"),) == found.values
    assert [(True, "layer docker {level}"), (False, "layer base {level}")] == [
        (step.won, step.source) for step in found.steps[1:]
    ]


def test_a_mapping_that_wins_over_another_and_over_the_compose_file(folder: Folder) -> None:
    folder.write(
        "envs/mapping.toml",
        '[services."*"]\nPLAIN = "general"\n[services.api]\nPLAIN = "own {LEVEL}"\n',
    )

    found = explained(folder, "PLAIN")

    assert (("local", "own info"), ("docker", "own info")) == found.values
    assert [
        (0, True, "mapping [services.api]", "envs/mapping.toml:4"),
        (1, True, "variable {LEVEL}", "the placement"),
        (0, False, "mapping [services.*]", "envs/mapping.toml:2"),
        (0, False, "compose environment", "compose.yaml:19"),
        (0, False, "compose env_file", "api.env:2"),
    ] == [(step.depth, step.won, step.source, step.where) for step in found.steps]


def test_without_a_mapping_the_last_declaration_wins(folder: Folder) -> None:
    found = explained(folder, "PLAIN")

    assert (("local", "plain"), ("docker", "plain")) == found.values
    assert (
        Step(0, True, "compose environment", "compose.yaml:19", "plain"),
        Step(0, False, "compose env_file", "api.env:2", "lost"),
    ) == found.steps


def test_interpolation_says_what_filled_it(folder: Folder) -> None:
    default = explained(folder, "LEVEL").steps
    folder.write(".env", "X=1\nLEVEL=debug\n")
    given = explained(folder, "LEVEL").steps

    assert [
        Step(0, True, "compose environment", "compose.yaml:18", "${LEVEL:-info}"),
        Step(1, True, "${LEVEL} from default", "default", "info"),
    ] == list(default)
    assert Step(1, True, "${LEVEL} from env file", ".env:2", "debug") == given[1]


def test_inference_says_its_rule(folder: Folder) -> None:
    found = explained(folder, "DB_HOST", "tests")

    assert (("local", "127.0.0.1"), ("docker", "db")) == found.values
    assert (
        Step(0, True, "compose environment", "compose.yaml:25", "db"),
        Step(
            0, True, "inferred for local, rule 'host and port'", "the placement", "db -> 127.0.0.1"
        ),
    ) == found.steps


def test_a_mode_that_leaves_it_out(folder: Folder) -> None:
    folder.write("envs/mapping.toml", '[services.api]\nPLAIN = "{none}"\n')
    folder.write("envs/development.json", '{"none": null}')

    found = explained(folder, "PLAIN")

    assert (("local", None), ("docker", None)) == found.values
    assert "  local   (left out)" in lines([found])


def test_it_is_written_like_git_does(folder: Folder) -> None:
    shown = lines([explained(folder, "AT"), explained(folder, "PLAIN")])

    assert [
        "AT of api",
        "  local   127.0.0.1:15432",
        "  docker  db:5432",
        "  * mapping [services.api]  envs/mapping.toml:7  {db}",
        "    * endpoint {db}  the placement  local: 127.0.0.1:15432; docker: db:5432",
        "",
        "PLAIN of api",
        "  local   plain",
        "  docker  plain",
        "  * compose environment  compose.yaml:19  plain",
        "  - compose env_file  api.env:2  lost",
    ] == shown


VARIABLES = [
    ("db", "POSTGRES_PASSWORD"),
    *(
        ("api", name)
        for name in (
            "DB_URL",
            "OTHER_URL",
            "DOTENV_TOKEN",
            "OPTIONS",
            "DSN",
            "API_TOKEN",
            "SECRET_KEY",
            "QUEUE_URL",
            "WORD_SECRET",
            "FILE_TOKEN",
        )
    ),
]


@pytest.mark.parametrize(("service", "variable"), VARIABLES)
def test_no_secret_is_shown(folder: Folder, service: str, variable: str) -> None:
    shown = "\n".join(lines([explained(folder, variable, service)]))

    assert [] == [secret for secret in SECRETS if secret in shown]
    assert "geheim" not in shown
    assert "******" in shown


def test_what_is_no_secret_stays_to_be_seen(folder: Folder) -> None:
    assert "http://u:******@db:5432" == explained(folder, "OTHER_URL").steps[0].text
    assert "amqp://{level}:******@{db}/" == explained(folder, "QUEUE_URL").steps[0].text
    assert "******${DOTENV_TOKEN}******" == explained(folder, "DOTENV_TOKEN").steps[0].text
    assert "******{level}" == explained(folder, "SECRET_KEY").steps[0].text
    assert ['"info"', '"debug"'] == [
        step.text for step in explained(folder, "QUEUE_URL").steps if "{level}" in step.source
    ]
    assert "host=db port=5432 password=******" == explained(folder, "DSN").steps[0].text


def test_who_has_a_variable(folder: Folder) -> None:
    project = folder.open()
    declared = declarations(project.compose, project.stack)

    assert ("api",) == services_with(project.envmap, "AT", declared)
    assert ("db",) == services_with(project.envmap, "POSTGRES_PASSWORD", declared)
    with pytest.raises(UsageError) as raised:
        services_with(project.envmap, "PLANE", declared)
    assert "No service has a variable 'PLANE' (did you mean 'PLAIN'?)." == str(raised.value)


def test_a_variable_that_only_the_local_recipe_gives(folder: Folder) -> None:
    recipe = "local: {command: run, environment: {HOST: 127.0.0.1}}"
    folder.write("compose.yaml", COMPOSE.replace("local: {command: run}", recipe))
    project = folder.open()
    declared = declarations(project.compose, project.stack)

    found = explained(folder, "HOST")

    assert ("api",) == services_with(project.envmap, "HOST", declared)
    assert (("local", "127.0.0.1"), ("docker", None)) == found.values
    assert (
        Step(0, True, "x-tranship.local environment", "the compose file", "127.0.0.1")
        == (found.steps[0])
    )
    assert () == explained(folder, "HOST", modes=("docker",)).steps
