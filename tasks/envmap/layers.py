"""Layers: settings in JSON files, merged from the general to the particular.

base <- development | test | production <- local | docker. Objects merge; everything else,
lists and null too, replaces what an earlier layer said. Beside an environment's layer may
stand a private one, `production.secrets.json`, for what must not be committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SettingsError, near
from ..stack.placement import Side
from .jsonlines import read_object
from .origins import Origin

BASE = "base"
PRIVATE = ".secrets"
SIDES: tuple[Side, ...] = ("local", "docker")


@dataclass(frozen=True)
class Given:
    """One layer's word on one setting."""

    layer: str
    value: Any
    origin: Origin


@dataclass(frozen=True)
class TypeChange:
    """A setting whose kind of value changes between two layers."""

    path: str
    before: Given
    after: Given

    def __str__(self) -> str:
        return (
            f"{self.path} is {kind(self.before.value)} in {self.before.layer} and "
            f"{kind(self.after.value)} in {self.after.layer}"
        )


@dataclass(frozen=True)
class Layers:
    """The merged settings of one side."""

    side: Side
    environment: str
    files: tuple[Path, ...]
    chains: Mapping[str, tuple[Given, ...]] = field(default_factory=dict)
    """Dotted path of each value -> what the layers said, the winner last."""
    changes: tuple[TypeChange, ...] = ()

    @property
    def named(self) -> str:
        """The layers by name, for messages: those that have a file, and the private one."""
        names = [path.stem for path in self.files]
        if not names:
            return f"any layer (there is neither base.json nor {self.environment}.json)"
        private = f"{self.environment}{PRIVATE}"
        return f"the layers {', '.join(names)}" + (
            "" if private in names else f" (nor is there {private}.json)"
        )

    def __contains__(self, path: str) -> bool:
        return path in self.chains

    def value(self, path: str) -> Any:
        """Return the value at a dotted path; KeyError where no layer gives one."""
        return self.chains[path][-1].value


def load(directory: Path, environment: str, side: Side) -> Layers:
    """Return the merged layers of one side.

    A layer without a file is empty, but the environment's own must exist where any layer
    does. Raises SettingsError for a file that is no object, or an unknown environment.
    """
    known = environments(directory)
    if directory.is_dir() and known and environment not in known:
        raise SettingsError(
            f"{directory}: no environment {environment!r}{near(environment, known)}. "
            f"Environments: {', '.join(known)}; a new one is a file {environment}.json."
        )
    merged: dict[str, Any] = {}
    chains: dict[str, list[Given]] = {}
    changes: list[TypeChange] = []
    files = []
    for layer in (BASE, environment, f"{environment}{PRIVATE}", side):
        path = directory / f"{layer}.json"
        if not path.is_file():
            continue
        files.append(path)
        document, lines = read_object(path)
        _merge(merged, document, layer, path, lines, chains, changes, "")
    return Layers(
        side=side,
        environment=environment,
        files=tuple(files),
        chains={key: tuple(chain) for key, chain in chains.items()},
        changes=tuple(changes),
    )


def environments(directory: Path) -> tuple[str, ...]:
    """Return the environments that have a file: every layer but the base and the sides."""
    names = (path.stem for path in sorted(directory.glob("*.json")))
    return tuple(
        name for name in names if name not in (BASE, *SIDES) and not name.endswith(PRIVATE)
    )


def kind(value: Any) -> str:
    """Return JSON's own word for the kind of a value, with its article."""
    if isinstance(value, bool):
        return "a boolean"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return "a number"
    names: dict[type, str] = {str: "a string", list: "a list", dict: "an object"}
    return names[type(value)]


def _merge(
    base: dict[str, Any],
    over: Mapping[str, Any],
    layer: str,
    path: Path,
    lines: Mapping[str, int],
    chains: dict[str, list[Given]],
    changes: list[TypeChange],
    prefix: str,
) -> None:
    for key, value in over.items():
        dotted = f"{prefix}{key}"
        given = Given(layer, value, Origin(path, lines.get(dotted, 0)))
        before = base.get(key)
        if key in base and value is not None and before is not None:
            _note_change(dotted, before, given, chains, changes)
        if isinstance(value, dict) and isinstance(before, dict):
            _merge(before, value, layer, path, lines, chains, changes, f"{dotted}.")
            continue
        if key in base:
            _forget(chains, dotted, keep=not isinstance(value, dict))
        if isinstance(value, dict):
            base[key] = {}
            _merge(base[key], value, layer, path, lines, chains, changes, f"{dotted}.")
        else:
            base[key] = value
            chains.setdefault(dotted, []).append(given)


def _note_change(
    dotted: str,
    before: Any,
    given: Given,
    chains: Mapping[str, list[Given]],
    changes: list[TypeChange],
) -> None:
    if kind(before) == kind(given.value):
        return
    # An object has no chain of its own: the first value inside it tells its layer and line.
    chain = chains.get(dotted) or next(
        (found for name, found in chains.items() if name.startswith(f"{dotted}.")), None
    )
    if chain:
        last = chain[-1]
        changes.append(TypeChange(dotted, Given(last.layer, before, last.origin), given))


def _forget(chains: dict[str, list[Given]], dotted: str, *, keep: bool) -> None:
    """Drop the settings inside an object that a later layer replaced by something else."""
    for name in [name for name in chains if name.startswith(f"{dotted}.")]:
        del chains[name]
    if not keep:
        chains.pop(dotted, None)


def flattened(layers: Layers) -> Iterator[tuple[str, Any]]:
    """Yield every setting's dotted path and value, in the order of the path."""
    for path in sorted(layers.chains):
        yield path, layers.value(path)
