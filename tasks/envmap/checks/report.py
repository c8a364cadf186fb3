"""Findings as a table, as JSON, or as SARIF for code scanning."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, assert_never

from ...errors import UsageError, near
from .catalogue import RULES, explain
from .model import SEVERITIES, Finding
from .sarif import sarif

__all__ = ["FORMATS", "Format", "explain", "render", "summary"]

Format = Literal["table", "json", "sarif"]
FORMATS: tuple[Format, ...] = ("table", "json", "sarif")


def format_of(text: str) -> Format:
    """Return the format of this name; raises UsageError for another."""
    for known in FORMATS:
        if known == text:
            return known
    raise UsageError(
        f"Unknown format {text!r}{near(text, FORMATS)}. Formats: {', '.join(FORMATS)}."
    )


_NARROWEST = 40
"""Columns that the finding's own text has at least."""
_JSON_VERSION = 1


def render(
    findings: Sequence[Finding],
    format: Format,  # noqa: A002 - the option's own name
    root: Path,
    *,
    width: int = 120,
) -> str:
    """Return the findings in one format; files are shown relative to `root`.

    `width` is that of the table, in columns.
    """
    if format == "table":
        return _table(findings, root, width)
    if format == "json":
        return json.dumps(_document(findings, root), indent=2, ensure_ascii=False)
    if format == "sarif":
        return json.dumps(sarif(findings, root), indent=2, ensure_ascii=False)
    assert_never(format)


def summary(findings: Sequence[Finding]) -> str:
    """Return how many there are of each kind, in one line."""
    counts = _counts(findings)
    parts = [
        f"{count} {name if count == 1 or name == 'silenced' else f'{name}s'}"
        for name, count in counts.items()
        if count
    ]
    return f"{', '.join(parts)}." if parts else "No findings."


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = {
        str(severity): sum(
            finding.severity == severity and finding.silenced is None for finding in findings
        )
        for severity in SEVERITIES
    }
    return {**counts, "silenced": sum(finding.silenced is not None for finding in findings)}


def _table(findings: Sequence[Finding], root: Path, width: int) -> str:
    from tabulate import tabulate

    if not findings:
        return summary(findings)
    short = [_short(finding, root) for finding in findings]
    headers = ("severity", "rule", "service", "variable", "where")
    taken = sum(
        max(len(header) + 2, *(len(line) for row in short for line in row[index].split("\n"))) + 2
        for index, header in enumerate(headers)
    )
    room = max(width - taken, _NARROWEST)
    rows = [(*row, _wrapped(finding, room)) for row, finding in zip(short, findings, strict=True)]
    table = tabulate(rows, headers=(*headers, "finding"), tablefmt="simple", disable_numparse=True)
    shown = "\n".join(line.rstrip() for line in table.splitlines())
    return f"{shown}\n\n{summary(findings)} `inv env.check --explain ID` explains a rule."


def _short(finding: Finding, root: Path) -> tuple[str, str, str, str, str]:
    return (
        finding.severity if finding.silenced is None else "silenced",
        f"{finding.rule}\n{RULES[finding.rule].name}",
        finding.service or "",
        finding.variable or "",
        finding.origin.shown(root) if finding.origin else "",
    )


def _wrapped(finding: Finding, room: int) -> str:
    parts = [finding.message, finding.mend]
    if finding.silenced is not None:
        parts[1:] = [f"Silenced: {finding.silenced}"]
    return "\n".join(
        textwrap.fill(part, room, break_long_words=False, break_on_hyphens=False) for part in parts
    )


def _document(findings: Sequence[Finding], root: Path) -> dict[str, Any]:
    return {
        "version": _JSON_VERSION,
        "summary": _counts(findings),
        "findings": [
            {
                "rule": finding.rule,
                "name": RULES[finding.rule].name,
                "severity": finding.severity,
                "service": finding.service,
                "variable": finding.variable,
                "message": finding.message,
                "mend": finding.mend,
                "file": _file(finding, root),
                "line": (finding.origin.line or None) if finding.origin else None,
                "silenced": finding.silenced,
            }
            for finding in findings
        ],
    }


def _file(finding: Finding, root: Path) -> str | None:
    if finding.origin is None:
        return None
    file = finding.origin.file
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
