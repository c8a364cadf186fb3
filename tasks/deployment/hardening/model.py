"""What hardening adds: lines of a compose file, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reset:
    """A value that takes back what the files below give (`!reset`)."""

    value: str = "[]"


@dataclass(frozen=True)
class Line:
    """One key of the override and why it stands there."""

    service: str
    """Empty for what stands at the top of the file, such as a network."""
    key: tuple[str, ...]
    value: Any
    reason: str

    @property
    def step(self) -> str:
        """The step that it belongs to: what is tried, and taken back, as one."""
        return "tmpfs" if self.key[0] == "read_only" else self.key[0]

    @property
    def shown(self) -> str:
        """The line as a person writes it on one row."""
        from .overlay import flow

        return f"{'.'.join(self.key)}: {flow(self.value)}"


@dataclass(frozen=True)
class Hardened:
    """The lines for a stack, and what was left out and why."""

    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, service: str) -> tuple[Line, ...]:
        """Return the lines of one service."""
        return tuple(line for line in self.lines if line.service == service)


@dataclass(frozen=True)
class Facts:
    """What is known of a service beyond its compose files."""

    name: str
    body: Mapping[str, Any]
    """The service in the resolved document."""
    image_user: str | None = None
    """Whom its image runs as: empty for root, None where the engine has no such image."""
    memory_peak: int | None = None
    """Bytes, from the newest records."""
    oneshot: bool = False
    mapped: frozenset[str] = frozenset()
    """Variables whose values come from the mapping."""
    writes: tuple[str, ...] | None = None
    """Folders of its root that it writes to, where that was looked at."""
    shadowed: tuple[str, ...] = field(default=())
    """Paths that it writes and no tmpfs can stand in for."""

    @property
    def user(self) -> str | None:
        """Whom it runs as; empty for root, None where nobody knows."""
        given = self.body.get("user")
        return self.image_user if given is None else str(given)

    @property
    def is_root(self) -> bool:
        """Whether it is not known to run as another than root."""
        return self.user is None or self.user.partition(":")[0] in ("", "0", "root")
