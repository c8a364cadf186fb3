"""A run that ends early, at any moment, leaves nothing that the next command cannot remove."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .conftest import NewProject
from .projects import LABEL_CHECKOUT, Project, docker, free_port, suite_of, until, web

CHECKS = """
    import time

    def test_first():
        pass

    def test_hangs():
        time.sleep(600)
"""

LOCAL = ("local: starting web", "local: running the suite", "test_first PASSED")
DOCKER = ("docker: preparing", "docker: starting", "docker: running the suite", "test_first PASSED")
MOMENTS = [("local", moment) for moment in LOCAL] + [("docker", moment) for moment in DOCKER]


@pytest.fixture
def project(new_project: NewProject, suite_packages: Path) -> Project:
    """Return a project whose suite hangs, so that every moment lasts long enough."""
    project = new_project()
    service = web(
        free_port(), volumes=["./service.py:/srv/service.py:ro", "data:/data", "/scratch"]
    )
    return project.compose(
        {"web": service, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
        volumes={"data": {}},
    ).checks(CHECKS)


def _ids(moment: tuple[str, str]) -> str:
    return moment[1].replace(": ", "-").replace(" ", "-")


@pytest.mark.parametrize("moment", MOMENTS, ids=_ids)
def test_ctrl_c_removes_everything(project: Project, moment: tuple[str, str]) -> None:
    mode, line = moment
    run = project.start_nox("-s", mode)
    run.until(line)
    run.signal(signal.SIGINT, group=True)
    run.finish(40).exits(130)
    assert [] == project.left()


@pytest.mark.parametrize("mode", ["local", "docker"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda item: item.name)
def test_a_signal_to_nox_alone_removes_everything(
    project: Project, mode: str, number: signal.Signals
) -> None:
    run = project.start_nox("-s", mode)
    run.until("test_first PASSED")
    run.signal(number)
    run.finish(40).exits(130)
    assert [] == project.left()


def test_a_second_ctrl_c_does_not_cut_the_cleaning_up_short(project: Project) -> None:
    run = project.start_nox("-s", "docker")
    run.until("test_first PASSED")
    run.signal(signal.SIGINT, group=True)
    running = ("ps", "-q", "--filter", f"label={LABEL_CHECKOUT}={project.checkout}")
    until(lambda: not docker(*running), "its containers have stopped, and are to be removed")
    run.signal(signal.SIGINT, group=True)
    run.finish(40).exits(130)
    assert [] == project.left()


@pytest.mark.parametrize("moment", MOMENTS, ids=_ids)
def test_what_a_killed_run_left_is_removed_by_the_next_down(
    project: Project, moment: tuple[str, str]
) -> None:
    mode, line = moment
    run = project.start_nox("-s", mode)
    run.until(line)
    run.signal(signal.SIGKILL)
    run.finish()
    project.inv(f"{mode}.down").exits(0)
    assert [] == project.left()


def test_the_next_run_removes_what_a_killed_one_left(project: Project) -> None:
    for mode in ("local", "docker"):
        run = project.start_nox("-s", mode)
        run.until("test_first PASSED")
        run.signal(signal.SIGKILL)
        run.finish()
    assert project.left()
    done = project.nox("-s", "local", "--", "-k", "first").exits(0)
    done.says("Removed what runs that died had left")
    assert [] == project.left()
