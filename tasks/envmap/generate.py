"""Env files and the compose override, made from the mapping: the same input, the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError
from ..settings import Settings
from ..stack.isolation import write_private
from ..stack.placement import Ports, declared_ports
from .dotenvfile import dotenv
from .project import Project
from .show import MODES, placement_of

OVERRIDE = "compose.override.yaml"


@dataclass(frozen=True)
class Generated:
    """One file that the mapping makes."""

    path: Path
    text: str

    @property
    def stale(self) -> bool:
        """Whether the file is missing or says something else."""
        try:
            return self.path.read_bytes() != self.text.encode()
        except OSError:
            return True


def directory(settings: Settings, output: str = "") -> Path:
    """Return where the files of this environment belong."""
    if output:
        return settings.root / output
    return settings.state_directory / "env" / settings.environment


def generated(
    project: Project,
    folder: Path,
    modes: Iterable[str] = MODES,
    ports: Ports | None = None,
) -> tuple[Generated, ...]:
    """Return the files: per mode and service an env file, and the docker side's override.

    Nothing is written. Raises SettingsError for a template that cannot be filled.
    """
    stack, envmap = project.stack, project.envmap
    dialled = ports or declared_ports(stack)
    header = _header(project)
    found = []
    for mode in modes:
        placement = placement_of(mode, stack, project.settings.suite.service)
        resolved = {
            name: {item.name: item.value for item in envmap.environment(name, placement, dialled)}
            for name in placement.sides
        }
        for name, variables in resolved.items():
            _require_writable(name, variables)
            if placement.sides[name] == "local" or mode == "docker":
                text = f"{header}{dotenv(variables)}"
                found.append(Generated(folder / mode / f"{name}.env", text))
        if mode != "local":
            in_docker = {
                name: variables
                for name, variables in resolved.items()
                if placement.sides[name] == "docker"
            }
            text = header + _override(project, in_docker)
            found.append(Generated(folder / mode / OVERRIDE, text))
    return tuple(found)


def write(files: Iterable[Generated]) -> tuple[Path, ...]:
    """Write the stale files, each whole and with mode 0600; return which they were."""
    written = []
    for file in files:
        if file.stale or file.path.stat().st_mode & 0o077:
            write_private(file.path, file.text)
            written.append(file.path)
    return tuple(written)


def _header(project: Project) -> str:
    """Say how the file was made. No time and no user: the bytes depend on the input alone."""
    root = project.settings.root
    sources = [
        *project.stack.files,
        *dict.fromkeys(path for layers in project.envmap.layers.values() for path in layers.files),
    ]
    if project.envmap.mapping.file is not None:
        sources.append(project.envmap.mapping.file)
    names = [
        str(path.relative_to(root)) if path.is_relative_to(root) else path.name for path in sources
    ]
    return (
        f"# Made by `inv env.generate --environment {project.settings.environment}` from\n"
        + "".join(f"#   {name}\n" for name in names)
        + "# Change those and make it again. It may hold secrets: keep it out of git.\n"
        + "# Read with python-dotenv, interpolate=False; values are exact.\n"
    )


def _override(project: Project, services: Mapping[str, Mapping[str, str]]) -> str:
    """Return a compose override with every variable set outright, and unset ones reset."""
    import yaml

    text = "services:\n"
    for name, variables in services.items():
        declared = project.stack.services[name].environment
        dropped = [key for key in declared if key not in variables]
        if not variables and not dropped:
            continue
        text += f"  {name}:\n    environment:\n"
        # One dump for each value, so that `$` doubled for Compose is all that is changed.
        for key in sorted({*variables, *dropped}):
            value = (
                yaml.safe_dump(
                    variables[key].replace("$", "$$"),
                    default_style='"',
                    allow_unicode=True,
                    width=2**31,
                ).rstrip("\n")
                if key in variables
                else "!reset null"
            )
            text += f"      {yaml.safe_dump(key, default_style=chr(34)).strip()}: {value}\n"
    return text if text != "services:\n" else "services: {}\n"


def _require_writable(service: str, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if "\0" in value or "\0" in name or "=" in name or not name:
            raise SettingsError(
                f"{service}: {name!r} cannot be an environment variable: a name without `=`, "
                "and no NUL, is what the system allows."
            )
        if _is_no_text(name + value):
            raise SettingsError(
                f"{service}: {name!r} holds half of a character (a lone surrogate, \\ud800 to "
                "\\udfff), which no file can."
            )


def _is_no_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
