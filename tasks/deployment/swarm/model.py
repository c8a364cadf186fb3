"""What stands between the compose document and the stack file: frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ... import console
from ..findings import Finding, finding_lines, lost

FileKind = Literal["configs", "secrets"]
Step = Callable[[str], AbstractContextManager[console.Step]]
"""What shows a piece of long work, given its title."""


@dataclass(frozen=True)
class Source:
    """The part of a project that is deployed."""

    name: str
    """The stack's name."""
    document: Mapping[str, Any]
    """The resolved document, each service with its whole environment."""
    services: tuple[str, ...]
    jobs: frozenset[str] = frozenset()
    own_images: frozenset[str] = frozenset()
    """Images that the project builds, and no registry has."""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Service -> the profiles that it waits for."""
    base: Path = Path()
    """The folder that relative paths start from."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What Compose would take for `environment: NAME` of a secret."""
    hidden: frozenset[str] = frozenset()
    """The secret values of the project."""


@dataclass(frozen=True)
class Content:
    """A config or a secret of the Swarm, and where its content comes from."""

    kind: FileKind
    key: str
    """What services call it."""
    name: str
    """What the Swarm calls it: with a checksum, for it never changes one."""
    content: bytes | None = None
    """None: it is there already."""


@dataclass(frozen=True)
class Carried:
    """An image of the stack, and its name where nodes run it."""

    declared: str
    name: str
    own: bool
    """Whether the project builds it."""


@dataclass(frozen=True)
class Pushed:
    """What went where, as a table, and what a person should know of it."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StackFile:
    """The stack file, before it is written."""

    name: str
    document: Mapping[str, Any]
    contents: tuple[Content, ...]
    findings: tuple[Finding, ...]
    data: tuple[str, ...] = ()
    """Services that are kept on the node with their volumes."""
    images: tuple[Carried, ...] = ()
    loaded: bool = False
    """Whether images are loaded into the nodes' engines, for want of a registry."""

    @property
    def lost(self) -> int:
        """How many lines tell of something that is not carried over."""
        return lost(self.lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The findings, one line for each; services that share one stand together."""
        return tuple(finding_lines(self.findings))
