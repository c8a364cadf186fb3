"""Env files in Compose's order: its own, which it interpolates with, and a service's env_files.

Measured on Compose 2.26 (compose-go 2.4.8): the shell wins over every `--env-file`, and a
later one of these over an earlier one. In a service's env_file, `$NAME` is sought in the
service's earlier env_files, then in the shell and Compose's env files, and last in the lines
above: with A in the shell or in `.env`, the lines `A=1` and `B=$A` do not make B=1.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ComposeFileError
from . import dotenv
from .interpolation import Given


@dataclass(frozen=True)
class EnvFile:
    """One entry of a service's `env_file`, and where it stands."""

    path: Path
    required: bool
    raw: bool
    file: Path
    line: int


def compose_variables(shell: Mapping[str, str], env_files: tuple[Path, ...]) -> dict[str, Given]:
    """Return what Compose interpolates with: the shell, then the env files, a later one first.

    Files that do not exist are passed over. Raises ComposeFileError for malformed ones.
    """
    first = {name: Given(value, "shell") for name, value in shell.items()}
    found: dict[str, Given] = {}
    for path in env_files:
        if path.is_file():
            entries = dotenv.read(path, ChainMap(first, found))
            nameless = next((entry for entry in entries if not entry.name), None)
            if nameless is not None:
                raise ComposeFileError(
                    f"{path}:{nameless.line}: a value without a name, which Compose refuses. "
                    "Write NAME=value; a name alone needs a line end after it."
                )
            found |= dotenv.given_by(entries, path)
    return {**found, **first}


class Chains:
    """What chains of env_files give; each chain is read once, and so is its beginning."""

    def __init__(self, variables: Mapping[str, Given]) -> None:
        self._variables = dict(variables)
        self._values: dict[tuple[EnvFile, ...], dict[str, Given]] = {}
        self._entries: dict[tuple[EnvFile, ...], tuple[dotenv.Entry, ...]] = {}

    def entries(self, chain: tuple[EnvFile, ...]) -> tuple[dotenv.Entry, ...]:
        """Return the entries of the last file of a chain, after the others.

        Ask for the beginning of a chain first. Raises ComposeFileError for a file that is
        missing or malformed.
        """
        if chain not in self._entries:
            *_, last = chain
            earlier = self._values.get(chain[:-1], {})
            entries: tuple[dotenv.Entry, ...] = ()
            if last.path.exists():
                lookup = ChainMap(earlier, self._variables)
                entries = dotenv.read(last.path, lookup, raw=last.raw)
            elif last.required:
                raise ComposeFileError(
                    f"{last.file}:{last.line}: env_file {last.path} does not exist. "
                    "Create it, or say `required: false`."
                )
            self._entries[chain] = entries
            self._values[chain] = {**earlier, **dotenv.given_by(entries, last.path)}
        return self._entries[chain]
