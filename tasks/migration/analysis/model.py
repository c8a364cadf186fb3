"""What the analysis finds, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...envmap.origins import Origin

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
Heading = Literal["network", "environment variables", "build time", "resources"]
HEADINGS: tuple[Heading, ...] = ("network", "environment variables", "build time", "resources")
Row = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for. Its id never changes meaning."""

    id: str
    name: str
    severity: Severity
    heading: Heading
    summary: str
    why: str

    def finding(
        self,
        message: str,
        mend: str,
        *,
        services: Sequence[str] = (),
        places: Sequence[Origin] = (),
        fix: Fix | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this rule, of its own severity unless one is given."""
        return Finding(
            rule=self.id,
            name=self.name,
            severity=severity or self.severity,
            heading=self.heading,
            message=message,
            mend=mend,
            services=tuple(services),
            places=tuple(dict.fromkeys(places)),
            fix=fix,
        )


@dataclass(frozen=True)
class Edit:
    """Characters `start` to `end` of a file replaced; a file that is not there is made."""

    path: Path
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Fix:
    """The edits that mend one finding."""

    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Finding:
    """One thing to mend: of a rule here, of env.check or of hadolint."""

    rule: str
    name: str
    severity: Severity
    heading: Heading
    message: str
    mend: str
    services: tuple[str, ...] = ()
    places: tuple[Origin, ...] = ()
    fix: Fix | None = None
    silenced: str | None = None
    """The reason that [[tool.tranship.silence]] gives; None where it counts."""


@dataclass(frozen=True)
class Table:
    """Rows under a title, for what is shown as it is."""

    title: str
    headers: Row
    rows: tuple[Row, ...]
    empty: str
    """What is said when there are no rows."""


@dataclass(frozen=True)
class Report:
    """All that was looked at."""

    project: str
    environment: str
    root: Path
    tables: Mapping[str, Table]
    """Key of the JSON document -> table."""
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    """What could not be looked at, and why."""
