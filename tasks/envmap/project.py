"""A project opened: its compose files resolved, its stack, its mapping."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SettingsError, TranshipError
from ..settings import Settings
from ..stack import engine
from ..stack.engine import ComposeProject
from ..stack.isolation import write_private
from ..stack.model import Stack, parse
from ..stack.placement import HOST_GATEWAY, Placement, Ports
from . import layers as layers_module
from . import resolve
from .dotenvfile import compose_dotenv
from .mapping import interpolation_of
from .resolve import EnvMap
from .secrets import masking, secrets_in
from .templates import as_text


@dataclass(frozen=True)
class Project:
    """What every command works on."""

    settings: Settings
    compose: ComposeProject
    document: Mapping[str, Any]
    """The resolved compose document, of which the stack is the typed part."""
    stack: Stack
    envmap: EnvMap

    @property
    def mapped(self) -> bool:
        """Whether a written mapping decides variables: then Compose is given our document."""
        return bool(self.envmap.mapping.rules)

    @property
    def hidden(self) -> frozenset[str]:
        """The secret values of the project, for hiding in logs and errors."""
        settings = (
            {path.rsplit(".", 1)[-1]: as_text(value)}
            for layers in self.envmap.layers.values()
            for path, value in layers_module.flattened(layers)
        )
        return secrets_in(
            (*(service.environment for service in self.stack.services.values()), *settings)
        )

    def document_for(
        self, placement: Placement, ports: Ports, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Return the document with each container's variables as this placement has them.

        A container that dials a local process gets `host.docker.internal`, and waits for no
        process: the mode does. `names` are the services to resolve; without them, every
        one of the placement.
        """
        document: dict[str, Any] = copy.deepcopy(dict(self.document))
        outside = {name for name, side in placement.sides.items() if side == "local"}
        for name in names if names is not None else placement.sides:
            body = document["services"][name]
            body["environment"] = {
                variable.name: variable.value
                for variable in self.envmap.environment(name, placement, ports, side="docker")
            }
            body.pop("env_file", None)
        for name, body in document["services"].items():
            if outside & self.envmap.references(name):
                known = body.get("extra_hosts") or []
                pairs = known if isinstance(known, list) else [f"{k}={v}" for k, v in known.items()]
                body["extra_hosts"] = [*pairs, f"{HOST_GATEWAY}=host-gateway"]
            depends = body.get("depends_on") or {}
            body["depends_on"] = {
                target: details for target, details in depends.items() if target not in outside
            }
        return document


def open_project(settings: Settings) -> Project:
    """Return the project of these settings, in their environment.

    Raises ComposeFileError or SettingsError, naming file, line and key.
    """
    own = engine.developers_own(settings)
    variables = _interpolation(settings)
    if variables:
        # A file, and one that only its owner reads: Compose takes secrets by no other way
        # that keeps them out of argument lists. After the others, so that it wins.
        # A run's own secrets stay in its folder.
        own_layers = settings.layers.is_relative_to(settings.runs)
        folder = settings.layers if own_layers else settings.state_directory / "env"
        path = folder / f"interpolation.{settings.environment}.env"
        write_private(path, compose_dotenv(variables))
        kept = tuple(file for file in own.env_files if str(file) != "/dev/null")
        own = replace(own, env_files=(*kept, path))
    document, confirmed = engine.document_of(own)
    stack = parse(document, own.files, confirmed=confirmed)
    envmap = resolve.load(stack, settings.root, settings.layers, settings.environment)
    return Project(settings, own, document, stack, envmap)


def masker(settings: Settings) -> Callable[[str], str]:
    """Return what hides the stack's secrets in the messages of trials.

    Records can be read where the compose files no longer can: then only what looks like a
    secret is hidden.
    """
    try:
        hidden = open_project(settings.in_environment(settings.suite.environment)).hidden
    except TranshipError:
        hidden = frozenset()
    return masking(hidden)


def _interpolation(settings: Settings) -> dict[str, str]:
    """Return what mapping.toml's [interpolate] gives to `${NAME}` in the compose files."""
    path = settings.layers / "mapping.toml"
    templates = interpolation_of(path)
    if not templates:
        return {}
    known = layers_module.load(settings.layers, settings.environment, "docker")
    found = {}
    for name, written in templates.items():
        value = resolve.filled_from_settings(written, known)
        if value is not None:
            if "\0" in value:
                raise SettingsError(f"{written.origin.shown(settings.root)}: {name} holds a NUL.")
            found[name] = value
    return found
