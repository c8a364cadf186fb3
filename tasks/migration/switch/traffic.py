"""Traffic: the project's own command that leads it to where the stack is in use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ...envmap.project import Project
from ...envmap.secrets import mask_text
from ...errors import EnvironmentFailed
from ..data.site import Tell

_SHOWN = 500


def _words(project: Project, side: str) -> list[str]:
    return [word.replace("{side}", side) for word in project.settings.migrate.move_traffic]


def require_command(project: Project, side: str, root: Path) -> None:
    """Raise EnvironmentFailed when the command is not there, or is no program."""
    words = _words(project, side)
    if words and shutil.which(words[0] if os.sep not in words[0] else root / words[0]) is None:
        raise EnvironmentFailed(
            f"move-traffic: {words[0]} is not there, or cannot be run (chmod +x). It is looked for "
            f"on PATH, or with a folder in its name from {root}."
        )


def move(project: Project, side: str, root: Path, tell: Tell) -> str:
    """Run the command that the settings name, if any, for what is in use now.

    Raises EnvironmentFailed with its last words when it fails.
    """
    words = _words(project, side)
    if not words:
        return ""
    tell(f"{words[0]} leads the traffic to {side}")
    try:
        done = subprocess.run(
            words,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=project.settings.start_timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailed(f"move-traffic: {words[0]}: {error}.") from error
    if done.returncode != 0:
        said = mask_text((done.stderr or done.stdout).strip(), project.hidden)
        raise EnvironmentFailed(
            f"move-traffic: {words[0]} ended with code {done.returncode}: {said[-_SHOWN:]}"
        )
    return f"{words[0]} led the traffic to {side}."
