"""Projects for the tests of this folder; each is cleaned up, however its test went."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from symptoms import symptom as symptom

from .projects import Project

NewProject = Callable[..., Project]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Require a Docker engine: in CI its absence is a failure, elsewhere a reason to skip."""
    done = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"no Docker engine answers: {done.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewProject]:
    """Yield what makes projects, and clean them up."""
    made: list[Project] = []
    environments = tmp_path_factory.getbasetemp() / "environments"

    def new(name: str = "", folder: str = "") -> Project:
        root = tmp_path_factory.mktemp("project")
        if folder:
            root = root / folder
            root.mkdir()
        project = Project(root, name or f"engine-{os.urandom(4).hex()}", environments)
        made.append(project)
        return project

    try:
        yield new
    finally:
        for project in made:
            project.clean()


@pytest.fixture
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewProject]:
    """Make projects for one test."""
    yield from projects(tmp_path_factory)


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewProject]:
    """Make projects whose stack the tests of one module read together."""
    yield from projects(tmp_path_factory)


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """Make one project for one test."""
    return new_project()


@pytest.fixture(scope="session")
def suite_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pytest alone, which both sides put on their path.

    Nothing is downloaded or built for it, and plugins of the test run's own environment,
    which the image's interpreter could not load, stay out.
    """
    folder = tmp_path_factory.mktemp("pytest")
    for name in ("pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        found = distribution(name)
        tops = {Path(str(item)).parts[0] for item in found.files or ()} - {".."}
        for top in tops:
            source = Path(str(found.locate_file(top)))
            if source.is_dir():
                shutil.copytree(source, folder / top, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copy(source, folder)
    # Once, rather than in every run of a suite, whose time limits are short.
    compileall.compile_dir(folder, quiet=2)
    return folder
