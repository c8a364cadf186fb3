"""What an adopter's noxfile looks like, and Tranship's own tests."""

import sys
from pathlib import Path

import nox

try:
    from tranship import sessions
except ModuleNotFoundError as error:
    if error.name != "tranship":
        raise
    # For this repository alone: a nox with an environment of its own goes on in .venv,
    # which is made where it is missing. An adopter installs tranship where nox runs.
    sys.path.insert(0, str(Path(__file__).parent / "scripts"))
    from bootstrap.barenox import go_on

    go_on(Path(__file__).parent)

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["compare"]

sessions.register()  # local, docker, compare


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Check Tranship itself: ruff, mypy, and its tests with branch coverage."""
    session.run("python", "-m", "ruff", "check", ".")
    session.run("python", "-m", "ruff", "format", "--check", ".")
    session.run("python", "-m", "mypy")
    session.run("python", "-m", "pytest", "--cov", "--cov-report=term", *session.posargs)


@nox.session(venv_backend="none")
def benchmarks(session: nox.Session) -> None:
    """Measure what has a limit in seconds; for a machine that does nothing else."""
    session.run("python", "-m", "pytest", "tests/benchmarks", *session.posargs)
