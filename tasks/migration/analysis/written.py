"""Where the compose files say what: the file and line of every key of a service."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...envmap.origins import Origin
from ...errors import ComposeFileError
from ...stack import yamlfile


@dataclass(frozen=True)
class Entry:
    """One mapping that a file gives to a service, in full or by `<<`."""

    path: Path
    key: Any
    node: Any


@dataclass(frozen=True)
class Written:
    """The nodes of compose files, which know their lines."""

    roots: tuple[tuple[Path, Any], ...]

    @classmethod
    def of(cls, files: Iterable[Path]) -> Written:
        """Return the nodes of these files; raises ComposeFileError with file and line."""
        return cls(tuple((path, yamlfile.read_node(path)) for path in files))

    def entries(self, service: str) -> tuple[Entry, ...]:
        """Return the mappings of a service, in the files' order."""
        found = []
        for path, root in self.roots:
            services = self._member(path, root, "services")
            if services is None:
                continue
            pairs = {key.value: (key, node) for key, node in self._members(path, services[1])}
            if service in pairs:
                found.append(Entry(path, *pairs[service]))
        return tuple(found)

    def find(self, service: str, *keys: str) -> tuple[Path, Any, Any] | None:
        """Return file, key node and value node of the last `services.<service>.<keys>`."""
        for entry in reversed(self.entries(service)):
            path, key, node = entry.path, entry.key, entry.node
            for name in keys:
                pair = self._member(path, node, name)
                if pair is None:
                    break
                key, node = pair
            else:
                return path, key, node
        return None

    def place(self, service: str, *keys: str) -> Origin | None:
        """Return where a key is written, else where the service first begins."""
        found = self.find(service, *keys) if keys else None
        if found is not None:
            return Origin(found[0], yamlfile.line_of(found[1]))
        first = next(iter(self.entries(service)), None)
        return Origin(first.path, yamlfile.line_of(first.key)) if first is not None else None

    def top(self, path: Path, name: str) -> tuple[Any, Any] | None:
        """Return key and value of a top-level key of one file."""
        return next((self._member(path, root, name) for each, root in self.roots if each == path))

    @staticmethod
    def _members(path: Path, node: Any) -> list[tuple[Any, Any]]:
        with suppress(ComposeFileError):  # no mapping: Compose's own message says it better
            return list(yamlfile.members(node, path))
        return []

    def _member(self, path: Path, node: Any, name: str) -> tuple[Any, Any] | None:
        found = None
        for key, value in self._members(path, node):
            if key.value == name:
                found = (key, value)
        return found
