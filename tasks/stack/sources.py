"""Where each variable of each service comes from, as Compose would have it.

The files themselves are read for this, since `docker compose config` says neither file nor
line; what it says of the values is the same (tests/engine/test_precedence.py).
"""

from __future__ import annotations

from .declared import Declared, collect
from .engine import ComposeProject, kept_shell
from .envfiles import compose_variables
from .interpolation import Given, Use
from .model import Stack

__all__ = ["Declared", "Use", "declarations"]


def declarations(
    project: ComposeProject, stack: Stack
) -> dict[str, dict[str, tuple[Declared, ...]]]:
    """Return service -> variable -> every declaration, in Compose's order, the winner last.

    A service of `stack` that the files do not name themselves (by `include`) has none.
    Raises ComposeFileError with file and line for what Compose would refuse.
    """
    base = project.directory or project.files[0].parent
    # Compose itself reads the .env beside the first compose file when none is named.
    env_files = project.env_files or (base / ".env",)
    variables = compose_variables(kept_shell(project.pass_env), env_files)
    # Compose sets this one itself, over whatever the files say.
    variables["COMPOSE_PROJECT_NAME"] = Given(stack.name, "default")
    found = collect(project.files, variables, base)
    return {name: found.get(name, {}) for name in stack.services}
