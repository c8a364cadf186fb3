"""`nox` from an environment of its own (pipx, uv tool): go on in the project's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from . import venv
from .consent import consent_here
from .errors import ENVIRONMENT, SetupError
from .progress import Progress

MARK = "TRANSHIP_NOX_HANDED_OVER"
"""Set for the nox that takes over: if it cannot import tranship either, that is an error."""


def go_on(root: Path) -> NoReturn:
    """Make .venv where it is missing, and become its nox with the same arguments.

    Only what is locked is installed, and only into .venv: no engine, no image.
    """
    if MARK in os.environ:
        sys.stderr.write("noxfile: .venv does not hold tranship. Remove .venv and try again.\n")
        raise SystemExit(ENVIRONMENT)
    try:
        venv.ensure(root, Progress(root / ".tranship/setup.log"), consent_here())
    except SetupError as error:
        sys.stderr.write(f"noxfile: {error}\n")
        raise SystemExit(error.exit_code) from error
    place = root / ".venv"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(place / "bin"), os.environ.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(place),
        MARK: "1",
    }
    nox = str(place / "bin/nox")
    os.execve(nox, [nox, *sys.argv[1:]], environment)  # noqa: S606 - no shell is the point
