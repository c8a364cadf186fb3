"""The production mode: every service in a container, as the production environment has it.

Nothing of the real production is in such a run: its secrets are made up for it.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..envmap import layers as layers_module
from ..envmap.secrets import is_secret
from ..envmap.show import PRODUCTION, SWARM
from ..errors import UsageError
from ..settings import Settings
from ..stack.isolation import write_private


def placed(mode: str) -> str:
    """Return the mode whose placement this one has."""
    return "docker" if mode in (PRODUCTION, SWARM) else mode


def environment_of(settings: Settings, mode: str) -> Settings:
    """Return the settings in the environment of a mode: production's own, or the suite's."""
    name = PRODUCTION if mode == PRODUCTION else settings.suite.environment
    return settings.in_environment(name)


def require_environment(settings: Settings, mode: str) -> None:
    """Raise UsageError for a production that no file says anything of."""
    found = environment_of(settings, mode)
    layer = settings.layers / f"{PRODUCTION}.json"
    if mode == PRODUCTION and found.stack_files == settings.compose_files and not layer.is_file():
        overlay = settings.overlay.format(environment=PRODUCTION)
        raise UsageError(
            f"There is no production environment: neither {overlay} nor "
            f"{layer.relative_to(settings.root)}. Write one of them, or: inv docker.harden"
        )


def with_made_up_secrets(settings: Settings, directory: Path) -> Settings:
    """Return production settings whose layers are copies in `directory`, with secrets of its own.

    Made up is every setting whose name says that it is a secret, and that the suite's
    environment or the project's own private layer gives: production has it, under a value that
    nobody here is to know.
    """
    source = settings.layers
    if not source.is_dir():
        return settings
    private = f"{PRODUCTION}{layers_module.PRIVATE}"
    directory.mkdir(mode=0o700)
    for path in sorted(source.iterdir()):
        if path.is_file() and path.stem != private:
            shutil.copy(path, directory)
    made_up: dict[str, Any] = {}
    for dotted in sorted(set(_secret_settings(settings))):
        *groups, last = dotted.split(".")
        inner = made_up
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = secrets.token_hex(16)
    write_private(directory / f"{private}.json", json.dumps(made_up, indent=1))
    return replace(settings, environments_directory=directory)


def _secret_settings(settings: Settings) -> Iterator[str]:
    known = layers_module.environments(settings.layers)
    for environment in (settings.suite.environment, PRODUCTION):
        if environment in known:
            found = layers_module.load(settings.layers, environment, "docker")
            yield from (
                path
                for path in found.chains
                if is_secret(path.rsplit(".", 1)[-1]) and isinstance(found.value(path), str)
            )
