"""What an adopter's noxfile looks like, and Tranship's own tests."""

import nox
from tranship import sessions

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
