"""Which provider a project is at: told from its files, else from its git remotes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ...errors import UsageError, near
from . import github, gitlab

PATHS = {"github": github.PATH, "gitlab": gitlab.PATH}
"""Provider -> where it looks for its pipeline."""


def chosen(root: Path, asked: str) -> tuple[str, ...]:
    """Return the providers: the one asked for, those that have files here, or the remote's.

    Raises UsageError for an unknown one, and where nothing tells.
    """
    if asked:
        if asked not in PATHS:
            raise UsageError(
                f"Unknown provider {asked!r}{near(asked, PATHS)}. Providers: {', '.join(PATHS)}."
            )
        return (asked,)
    # A pipeline of ours says it best, then any, then where the repository is.
    for names in (
        [name for name, path in PATHS.items() if (root / path).is_file()],
        ["github"] if (root / ".github/workflows").is_dir() else [],
        _of_remotes(root),
    ):
        if names:
            return tuple(names)
    raise UsageError(
        "Neither a pipeline's file nor a git remote tells which provider this project is at: "
        "--provider github, or --provider gitlab."
    )


def _of_remotes(root: Path) -> list[str]:
    try:
        done = subprocess.run(
            ["git", "remote", "--verbose"],
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [name for name in PATHS if name in done.stdout.lower()] if not done.returncode else []
