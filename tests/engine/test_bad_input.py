"""Wrong files, names and surroundings: one message that names the mend, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import NewProject
from .projects import Project, container, free_port, suite_of, web

DEAD = "unix:///nowhere/docker.sock"
VERBS = ("docker.up", "docker.ps", "docker.config", "docker.down", "local.up", "local.status")


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """Return a project that is well, for a test to break."""
    return new_project().compose({"web": web(free_port())})


@pytest.fixture(scope="module")
def sound(module_project: NewProject, suite_packages: Path) -> Project:
    """Return a project that is well and stays so."""
    project = module_project()
    return project.compose(
        {"web": web(free_port()), "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("def test_nothing(): pass\n")


@pytest.mark.parametrize("verb", VERBS)
def test_a_malformed_compose_file_is_named_with_its_line(project: Project, verb: str) -> None:
    project.compose_file.write_text("services:\n  web:\n    image: [unclosed\n  other: {}\n")
    project.inv(verb).exits(2).says(f"{project.compose_file}:4")
    assert [] == project.left()


BROKEN_FILES = {
    "no mapping": ("- web\n", ["must be a mapping"]),
    "no services": ("name: nothing\n", ["declares no services"]),
    "an unknown field": ("services: {web: {image: x, nonsense: 1}}\n", ["nonsense"]),
    "a missing variable": (
        "services: {web: {image: '${WANTED:?say which}'}}\n",
        ["WANTED", "say which"],
    ),
    "an unknown dependency": (
        "services: {web: {image: x, depends_on: [nobody]}}\n",
        ["nobody"],
    ),
    "a circle": (
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}\n",
        ["a", "b"],
    ),
    "an unknown field of ours": (
        "services: {web: {image: x, x-tranship: {helth: {tcp: true}}}}\n",
        ["services.web.x-tranship", "unknown key 'helth' (did you mean 'health'?)"],
    ),
    "a probe without a port": (
        "services: {web: {image: x, x-tranship: {health: {tcp: true}}}}\n",
        ["services.web.x-tranship.health", "no port"],
    ),
    "an unknown server": (
        "services: {web: {image: x, x-tranship: {local: {server: postgre}}}}\n",
        ["did you mean 'postgres'?"],
    ),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_compose_file_that_is_no_stack(project: Project, name: str) -> None:
    text, parts = BROKEN_FILES[name]
    project.compose_file.write_text(text)
    project.inv("docker.up").exits(2).says(str(project.compose_file), *parts)
    project.nox("-s", "local").exits(2).says(str(project.compose_file), *parts)
    assert [] == project.left()


def test_no_compose_file(project: Project) -> None:
    project.compose_file.unlink()
    project.inv("docker.up").exits(2).says(str(project.compose_file), "compose-files")
    (project.root / "pyproject.toml").unlink()
    project.inv("docker.up").exits(2).says("No compose file in", str(project.root))


@pytest.mark.parametrize(
    "words",
    [
        ["docker.up", "--service", "wbe"],
        ["docker.logs", "--service", "wbe"],
        ["docker.restart", "--service", "wbe"],
        ["docker.health", "--service", "wbe"],
        ["docker.build", "--service", "wbe"],
        ["docker.size", "--service", "wbe"],
        ["docker.exec", "wbe", "true"],
        ["local.up", "--service", "wbe"],
        ["local.health", "--service", "wbe"],
        ["local.logs", "--service", "wbe"],
    ],
    ids=lambda words: words[0],
)
def test_an_unknown_service_brings_the_near_one(sound: Project, words: list[str]) -> None:
    done = sound.inv(*words).exits(2)
    done.says("No service named 'wbe' in the stack (did you mean 'web'?)")


@pytest.mark.parametrize(
    "words",
    [
        ["docker.up"],
        ["docker.build"],
        ["docker.size"],
        ["docker.ps"],
        ["docker.logs"],
        ["docker.health"],
        ["docker.stats"],
        ["docker.restart"],
        ["docker.exec", "web", "true"],
        ["docker.down"],
    ],
    ids=lambda words: words[0],
)
def test_an_engine_that_does_not_answer(sound: Project, words: list[str]) -> None:
    done = sound.inv(*words, DOCKER_HOST=DEAD).exits(4)
    done.says("No Docker engine answers", "Start it")


def test_no_docker_command(sound: Project, tmp_path: Path) -> None:
    python = Path(sound.environment["PATH"].split(":")[0])
    assert not (python / "docker").exists()
    sound.inv("docker.up", PATH=str(python)).exits(4).says("No docker command on PATH")


def test_the_suite_without_an_engine(sound: Project) -> None:
    """The local side runs, and the comparison says which side is missing and why."""
    sound.nox("-s", "local", DOCKER_HOST=DEAD).exits(0).says("local: 1 passed")
    sound.nox("-s", "docker", DOCKER_HOST=DEAD).exits(4).says("No Docker engine answers")
    done = sound.nox("-s", "compare", DOCKER_HOST=DEAD).exits(4)
    done.says("docker failed at start", "No Docker engine answers", "1 passed")
    assert [] == sound.left()


SETTINGS = {
    "an unknown key": ("[tool.tranship]\nstart-timout = 5\n", ['"start-timout"', "start-timeout"]),
    "an unknown key of the suite": (
        "[tool.tranship.suite]\npath = ['x']\n",
        ["tool.tranship.suite", '"path"', "did you mean 'paths'?"],
    ),
    "a wrong type": ("[tool.tranship]\nstart-timeout = 'soon'\n", ['"start-timeout"']),
    "no TOML": ("[tool.tranship\n", ["not valid TOML"]),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings(project: Project, name: str) -> None:
    text, parts = SETTINGS[name]
    path = project.root / "pyproject.toml"
    path.write_text(text)
    for done in (project.inv("docker.up"), project.inv("local.up"), project.nox("-s", "local")):
        done.exits(2).says(str(path), *parts)
    assert [] == project.left()


def test_a_suite_that_no_service_runs(project: Project) -> None:
    project.compose({"web": web(free_port())}, suite={"service": "tets"})
    project.nox("-s", "local").exits(2).says("No service named 'tets'", "web")
    project.compose({"web": web(free_port())})
    for mode in ("local", "docker"):
        done = project.nox("-s", mode).exits(2)
        done.says("[tool.tranship.suite] service")
    assert [] == project.left()


def test_requirements_that_do_not_exist(sound: Project, new_project: NewProject) -> None:
    project = new_project()
    project.compose({"web": web(free_port())}, settings={})
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text() + '[tool.tranship.local]\nrequirements = ["locks/no.txt"]\n')
    project.nox("-s", "local").exits(2).says("locks/no.txt", "requirements")


def test_words_that_no_task_knows(sound: Project) -> None:
    for words in (["docker.upp"], ["docker.config", "--x"]):
        sound.inv(*words).exits(1).says(words[-1])  # Invoke's own exit code for its own errors
    for words in (["docker.up", "--timeout"], ["local.up", "--timeout"], ["docker.logs", "--tail"]):
        for number in ("soon", "nan", "-1"):
            sound.inv(*words, number).exits(2).says(f"'{number}' is not a number of")
    sound.inv("docker.config", "--format", "toml").exits(2).says("Formats: yaml, json")
    sound.inv("compare.show", "--format", "html").exits(2).says("Formats: terminal, markdown")


def test_a_failed_image_of_the_suite_is_told(project: Project, suite_packages: Path) -> None:
    suite = suite_of(suite_packages) | {"image": "tranship.invalid/suite:1"}
    project.compose(
        {"web": web(free_port()), "tests": suite, "extra": container("wait", profiles=["x"])},
        suite={"service": "tests"},
    )
    project.nox("-s", "docker").exits(4).says("tranship.invalid/suite:1 (for tests)")
    assert [] == project.left()
