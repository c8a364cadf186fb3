"""The project's virtual environment: everything locked, by hash, then the project itself."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from . import apt
from .consent import Consent
from .errors import SetupError
from .interpreter import executable
from .progress import Progress, answer
from .shared import exclusive

STAMP = ".tranship-stamp"


def stamp(root: Path) -> tuple[str, str]:
    """Return digests of what the packages follow from, and of what the project does."""
    packages = hashlib.sha256(f"{sys.version} {sys.base_prefix} {root}".encode())
    packages.update((root / "locks/dev.txt").read_bytes())
    project = hashlib.sha256((root / "pyproject.toml").read_bytes())
    return packages.hexdigest(), project.hexdigest()


def written_stamp(root: Path) -> tuple[str, str]:
    """Return the digests at which .venv was made; empty ones where it was not."""
    try:
        packages, project = (root / ".venv" / STAMP).read_text(encoding="utf-8").split()
        # Its python is a link to another's, which may be gone, or not for this user.
        (root / ".venv/bin/python").stat()
    except (OSError, ValueError):
        return "", ""
    return packages, project


def ensure(root: Path, progress: Progress, consent: Consent) -> None:
    """Make .venv, or leave it as it is when neither lock nor project changed."""
    with progress.step("venv", "checking .venv") as step, exclusive(root / ".tranship/venv.lock"):
        wanted, written = stamp(root), written_stamp(root)
        if wanted == written:
            step.note = ".venv, as locked"
            return
        (root / ".venv" / STAMP).unlink(missing_ok=True)
        if wanted[0] != written[0]:
            python = executable()
            if answer([str(python), "-c", "import ensurepip, venv"])[0]:
                install_venv_package(progress, consent)
            install_packages(root, progress, python)
        install_project(root, progress)
        (root / ".venv" / STAMP).write_text(" ".join(wanted), encoding="utf-8")
        step.note = f".venv made of locks/dev.txt, Python {sys.version.split()[0]}"


def install_packages(root: Path, progress: Progress, python: Path) -> None:
    """Make the environment anew: a changed lock may have dropped packages."""
    venv = root / ".venv"
    progress.run([python, "-m", "venv", "--clear", venv], mend="Remove .venv and try again.")
    progress.run(
        [*pip_install(root), "--require-hashes", "--requirement", root / "locks/dev.txt"],
        mend="pip must reach an index that has these versions: see `pip config list`.",
    )


def install_project(root: Path, progress: Progress) -> None:
    """Install the project itself, as it stands in this checkout."""
    # The build backend is in the lock: no second, unlocked environment to build in.
    progress.run(
        [*pip_install(root), "--no-deps", "--no-build-isolation", "--editable", root],
        mend="See [tool.setuptools] in pyproject.toml.",
    )


def pip_install(root: Path) -> list[str | Path]:
    """Return pip's install command; indexes and certificates are pip's own affair."""
    options = ["--disable-pip-version-check", "--progress-bar", "off"]
    return [root / ".venv/bin/python", "-m", "pip", "install", *options]


def install_venv_package(progress: Progress, consent: Consent) -> None:
    """Install Debian's python3-venv, where its Python came without."""
    by_hand = "This Python cannot make virtual environments. Run `apt-get install python3-venv`."
    if answer(["apt-get", "--version"])[0]:
        raise SetupError("This Python cannot make virtual environments: it has no ensurepip.")
    prefix = consent.grant("Python has no venv module. May I install python3-venv?", by_hand)
    apt.apt_get(progress, "update", prefix=prefix, mend=by_hand)
    apt.apt_get(progress, "install", "--yes", "python3-venv", prefix=prefix, mend=by_hand)
