"""A run touches neither another run, nor the developer's own stack, nor lets a shell in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .conftest import NewProject
from .projects import Project, container, docker, free_port, get, suite_of, until, web

ODD_VALUES = {
    "DOLLAR": "corr3ct$battery ${HOME} $$ $1",
    "QUOTES": 'it\'s "quoted" `and` \\escaped\\',
    "HASH": "a #b # c",
    "LINES": "first\nsecond\n\nfourth\n",
    "SPACES": "  leading and trailing  ",
    "PERCENT": "100%s %(here)s %%",
    "UNICODE": "schön ✓",
    "EMPTY": "",
}

CHECKS = f"""
    import json, os, urllib.request
    from pathlib import Path

    ODD = {ODD_VALUES!r}

    def service():
        with urllib.request.urlopen(os.environ["WEB_URL"] + "/environment", timeout=5) as answer:
            return json.load(answer)

    def test_values_reach_the_service_exactly():
        seen = service()
        assert {{name: seen.get(name) for name in ODD}} == ODD

    def test_values_reach_the_suite_exactly():
        assert {{name: os.environ.get(name) for name in ODD}} == ODD

    def test_interpolation_knows_the_project_alone():
        assert service()["GREETING"] == "declared"
        assert os.environ["GREETING"] == "declared"

    def test_no_variable_of_the_shell():
        for seen in (service(), os.environ):
            assert not [name for name in seen if name.startswith("LEAK")]
"""


def _escaped(values: dict[str, str]) -> dict[str, str]:
    """Return values as a compose file writes them."""
    return {name: value.replace("$", "$$") for name, value in values.items()}


@pytest.mark.parametrize("mode", ["local", "docker"])
def test_values_arrive_exactly_and_the_shell_stays_out(
    project: Project, suite_packages: Path, mode: str
) -> None:
    variables = {**_escaped(ODD_VALUES), "GREETING": "${GREETING:-declared}"}
    project.compose(
        {
            "web": web(free_port(), environment=variables),
            "tests": suite_of(suite_packages, **variables),
        },
        suite={"service": "tests", "paths": ["checks"]},
    ).checks(CHECKS)
    shell = {"GREETING": "leaked", "LEAK_ONE": "1", "COMPOSE_PROJECT_NAME": "leaked"}
    project.nox("-s", mode, **shell).exits(0).says(f"{mode}: 4 passed")
    assert [] == project.left()
    assert "" == docker("ps", "-aq", "--filter", "label=com.docker.compose.project=leaked")


def test_the_developers_stack_gets_no_shell_variable_but_those_let_through(
    project: Project,
) -> None:
    port = free_port()
    variables = {"CLOSED": "${CLOSED:-declared}", "OPEN": "${OPEN:-declared}"}
    project.compose({"web": web(port, environment=variables)}, settings={"pass-env": ["OPEN"]})
    project.inv("docker.up", CLOSED="leaked", OPEN="let through").exits(0)
    seen = get(port, "/environment")
    assert ("declared", "let through") == (seen["CLOSED"], seen["OPEN"])


FIXED_CHECKS = """
    import json, os, time, urllib.request
    from pathlib import Path

    def test_the_runs_own_database():
        if Path.cwd() == Path("/project"):  # in the container
            assert [] == list(Path("/data").iterdir()), "the volume is the run's own, and empty"

    def test_service():
        with urllib.request.urlopen(os.environ["WEB_URL"] + "/health", timeout=5) as answer:
            assert json.load(answer) == {"healthy": True}
"""


@pytest.fixture
def fixed(new_project: NewProject, suite_packages: Path) -> Iterator[Project]:
    """Return a project that fixes everything that two runs could quarrel over."""
    project = new_project()
    external = f"{project.name}-external"
    docker("volume", "create", external)
    third = f"10.{213 + os.getpid() % 20}.{os.getpid() % 250}"
    service = web(
        free_port(),
        container_name=f"{project.name}-fixed-name",
        hostname="fixed",
        networks={"inner": {"ipv4_address": f"{third}.7"}},
        volumes=[
            "./service.py:/srv/service.py:ro",
            "named:/named",
            "outside:/outside",
            "/anonymous",
        ],
    )
    suite = suite_of(suite_packages)
    suite["volumes"] = [*suite["volumes"], "outside:/data"]
    suite["networks"] = ["inner"]
    project.compose(
        {"web": service, "tests": suite},
        suite={"service": "tests", "paths": ["checks"]},
        networks={
            "inner": {
                "name": f"{project.name}-net",
                "ipam": {"config": [{"subnet": f"{third}.0/24"}]},
            }
        },
        volumes={
            "named": {"name": f"{project.name}-named"},
            "outside": {"external": True, "name": external},
        },
    ).checks(FIXED_CHECKS)
    try:
        yield project
    finally:
        project.clean()
        docker("volume", "rm", "--force", external, check=False)


def test_a_run_beside_the_developers_own_stack(fixed: Project) -> None:
    fixed.inv("docker.up").exits(0)
    before = fixed.container("web")
    docker("exec", before["Id"], "sh", "-c", "echo mine > /outside/data; echo mine > /named/data")
    anonymous = set(docker("volume", "ls", "-q").split())
    done = fixed.nox("-s", "compare").exits(0)
    done.says("outside: external; the run has an own, empty one instead")
    after = fixed.container("web")
    assert (before["Id"], before["State"]["StartedAt"]) == (
        after["Id"],
        after["State"]["StartedAt"],
    )
    for folder in ("outside", "named"):
        assert "mine" == docker("exec", before["Id"], "cat", f"/{folder}/data")
    assert [] == fixed.left_of_runs()
    assert anonymous == set(docker("volume", "ls", "-q").split()), "no volume appeared or went"
    fixed.inv("docker.down", "--volumes").exits(0)
    assert [] == fixed.left()
    assert f"{fixed.name}-external" in docker("volume", "ls", "-q"), "external is not ours"


@pytest.mark.parametrize("mode", ["local", "docker"])
def test_two_runs_at_once_in_two_copies(fixed: Project, mode: str, tmp_path: Path) -> None:
    gate = """
    def test_waits_for_the_other(tmp_path):
        import time
        print("waiting for the other")
        deadline = time.monotonic() + 30
        while not Path(__file__).with_name("open").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
"""
    fixed.checks(FIXED_CHECKS + gate)
    copy = tmp_path / "copy"
    shutil.copytree(fixed.root, copy)
    other = replace(fixed, root=copy, running=[])
    try:
        runs = [place.start_nox("-s", mode) for place in (fixed, other)]
        for run in runs:
            run.until("test_service PASSED")
        for place in (fixed, other):
            (place.root / "checks" / "open").touch()
        for run in runs:
            run.finish().exits(0).says(f"{mode}: 3 passed")
        assert [] == [*fixed.left(), *other.left()]
    finally:
        other.clean()


def test_two_runs_at_once_in_one_checkout(fixed: Project) -> None:
    """A run that begins clears away what dead runs left, and not what a living one has."""
    fixed.checks(
        FIXED_CHECKS
        + """
    def test_waits(tmp_path):
        deadline = time.monotonic() + 30
        while not Path(__file__).with_name("open").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
"""
    )
    first = fixed.start_nox("-s", "docker")
    first.until("test_service PASSED")
    fixed.inv("docker.down").exits(0)
    fixed.inv("local.down").exits(0)
    fixed.nox("-s", "docker", "--", "-k", "service").exits(0)
    (fixed.root / "checks" / "open").touch()
    first.finish().exits(0).says("docker: 3 passed")
    assert [] == fixed.left()


def test_runs_build_images_of_their_own_name(project: Project, suite_packages: Path) -> None:
    (project.root / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nCOPY service.py /srv/service.py\n"
    )
    service: dict[str, Any] = web(free_port())
    base = service.pop("image")
    del service["volumes"]
    service["build"] = {"context": ".", "args": {"BASE": base}}
    service["image"] = f"{project.name}-web"
    project.compose(
        {"web": service, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("def test_nothing(): pass\n")
    project.nox("-s", "docker").exits(0).says("docker: 1 passed")
    assert [f"tranship-{project.checkout}/{project.name}-web:latest"] == project.own_images()
    assert "" == docker("image", "ls", "-q", f"{project.name}-web"), "the developer's name is free"
    assert [] == project.left()


def test_the_stack_of_another_folder_is_refused(new_project: NewProject) -> None:
    first = new_project()
    second = new_project(first.name)
    first.compose({"web": web(free_port())}).inv("docker.up").exits(0)
    second.compose({"web": web(free_port())})
    before = first.container("web")["Id"]
    for words in (["docker.up"], ["docker.down"], ["docker.restart"]):
        done = second.inv(*words).exits(4)
        done.says(f"A stack named {first.name!r} exists", str(first.root), "another `name:`")
    assert before == first.container("web")["Id"]


def test_containers_of_compose_run_are_removed_too(project: Project) -> None:
    project.compose({"web": web(free_port()), "job": container("wait", profiles=["jobs"])})
    compose = ["compose", "-f", str(project.compose_file), "-p", project.name]
    docker(*compose, "run", "--detach", "--no-deps", "job")
    until(lambda: project.containers(), "the job's container")
    project.inv("docker.down").exits(0)
    assert [] == project.left()


def test_any_name_of_a_folder_will_do(new_project: NewProject, suite_packages: Path) -> None:
    project = new_project(folder='it\'s 100% odd #1 ;x $HOME {port} "q" ü')
    port = free_port()
    project.compose(
        {"web": web(port), "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("def test_nothing(): pass\n")
    for verb in ("docker", "local"):
        project.inv(f"{verb}.up").exits(0)
        assert {"healthy": True} == get(port)
        project.inv(f"{verb}.logs").exits(0).says("serving on")
        project.inv(f"{verb}.down").exits(0)
    project.nox("-s", "compare").exits(0)
    assert [] == project.left()
