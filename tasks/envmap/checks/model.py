"""What a check looks at and what it finds, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...stack.placement import Ports
from ..infer import Variable
from ..origins import Origin
from ..resolve import EnvMap
from ..secrets import mask_value

if TYPE_CHECKING:
    from ...stack.sources import Declared

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

_SHOWN = 60
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Rule:
    """One thing that is checked. Its id never changes meaning, so that silences stay true."""

    id: str
    name: str
    severity: Severity
    summary: str
    explanation: str
    """What it finds, why that breaks, an example, the mend."""

    def finding(
        self,
        message: str,
        mend: str,
        *,
        service: str | None = None,
        variable: str | None = None,
        origin: Origin | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this rule, of its own severity unless one is given."""
        return Finding(self.id, severity or self.severity, service, variable, message, mend, origin)


@dataclass(frozen=True)
class Finding:
    """One value that breaks, or will."""

    rule: str
    severity: Severity
    service: str | None
    variable: str | None
    message: str
    mend: str
    origin: Origin | None = None
    silenced: str | None = None
    """The reason that [[tool.tranship.silence]] gives; None where it counts."""


@dataclass(frozen=True)
class Subject:
    """All that is known about the values of a stack, for both pure placements."""

    envmap: EnvMap
    declarations: Mapping[str, Mapping[str, tuple[Declared, ...]]]
    """Service -> variable -> every declaration, the winner last."""
    ports: Ports
    """The host ports of the pure local and the pure docker mode."""
    local: Mapping[str, tuple[Variable, ...]]
    docker: Mapping[str, tuple[Variable, ...]]
    document: Mapping[str, Any]
    """The resolved compose document."""
    root: Path
    tracked: frozenset[Path] = frozenset()
    """The absolute paths of the files that git tracks."""
    known_names: frozenset[str] | None = None
    """The names that Compose finds a value for; None: `${NAME}` is checked in variables alone."""

    def body(self, service: str) -> Mapping[str, Any]:
        """Return the service's entry of the resolved document."""
        return (self.document.get("services") or {}).get(service) or {}

    def declared(self, service: str, variable: str) -> tuple[Declared, ...]:
        """Return every declaration of a variable, the winner last."""
        return self.declarations.get(service, {}).get(variable, ())

    def origin(self, service: str, variable: Variable) -> Origin | None:
        """Return where the value was written: the mapping's line, or the declaration's."""
        if variable.origin is not None:
            return variable.origin
        found = self.declared(service, variable.name)
        return Origin(found[-1].file, found[-1].line) if found else self.stack_origin

    @property
    def stack_origin(self) -> Origin | None:
        """The first compose file, where nothing more exact is known."""
        files = self.envmap.stack.files
        return Origin(files[0]) if files else None

    def is_tracked(self, file: Path) -> bool:
        """Return whether git tracks this file."""
        return file in self.tracked or file.resolve() in self.tracked


def shown(name: str, value: str) -> str:
    """Return a value for a message: quoted, its secrets hidden, its end cut off if long."""
    masked = mask_value(name, value)
    return repr(masked if len(masked) <= _SHOWN else f"{masked[: _SHOWN - 3]}...")
