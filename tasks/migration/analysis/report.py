"""The report as tables, as Markdown, or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Literal, assert_never

from ...errors import UsageError, near
from .model import HEADINGS, SEVERITIES, Finding, Report, Row, Table

Format = Literal["table", "markdown", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "json")
JSON_VERSION = 1
_NARROWEST = 40
"""Columns that the finding's own text has at least."""


def format_of(text: str) -> Format:
    """Return the format of this name; raises UsageError for another."""
    for known in FORMATS:
        if known == text:
            return known
    raise UsageError(
        f"Unknown format {text!r}{near(text, FORMATS)}. Formats: {', '.join(FORMATS)}."
    )


def render(report: Report, format: Format, *, width: int = 120) -> str:  # noqa: A002 - the option
    """Return the report in one format; `width` is that of the table, in columns."""
    if format == "table":
        return "\n".join(_lines(report, width))
    if format == "markdown":
        return "\n".join(_markdown(report))
    if format == "json":
        return json.dumps(_document(report), indent=2, ensure_ascii=False)
    assert_never(format)


def summary(report: Report) -> str:
    """Return how many findings there are of each kind, in one line."""
    parts = [
        f"{count} {name if count == 1 or name == 'silenced' else f'{name}s'}"
        for name, count in _counts(report.findings).items()
        if count
    ]
    fixable = sum(item.fix is not None and item.silenced is None for item in report.findings)
    mended = f" {fixable} can be mended by `inv migrate.analyze --fix`." if fixable else ""
    return f"{', '.join(parts)}.{mended}" if parts else "No findings."


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = {
        str(severity): sum(item.severity == severity and item.silenced is None for item in findings)
        for severity in SEVERITIES
    }
    return {**counts, "silenced": sum(item.silenced is not None for item in findings)}


def _lines(report: Report, width: int) -> Iterator[str]:
    yield f"Project {report.project}, environment {report.environment}"
    for table in report.tables.values():
        yield f"\n{table.title}\n"
        yield _plain(table.headers, table.rows) if table.rows else table.empty
    for heading in HEADINGS:
        found = [item for item in report.findings if item.heading == heading]
        yield f"\nFindings: {heading}\n"
        yield _table_of(found, report, width) if found else "None."
    yield ""
    yield from report.remarks
    yield summary(report)


def _plain(headers: Row, rows: Sequence[Row]) -> str:
    from tabulate import tabulate

    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    return "\n".join(line.rstrip() for line in table.splitlines())


def _table_of(found: Sequence[Finding], report: Report, width: int) -> str:
    headers = ("severity", "rule", "where")
    short = [
        (_severity(item), f"{item.rule}\n{item.name}", "\n".join(_places(item, report)))
        for item in found
    ]
    taken = sum(
        max(len(header) + 2, *(len(line) for row in short for line in row[index].split("\n"))) + 2
        for index, header in enumerate(headers)
    )
    room = max(width - taken, _NARROWEST)
    rows = [(*row, _wrapped(item, room)) for row, item in zip(short, found, strict=True)]
    return _plain((*headers, "finding"), rows)


_SHOWN_PLACES = 3


def _places(item: Finding, report: Report) -> list[str]:
    places = [place.shown(report.root) for place in item.places]
    more = len(places) - _SHOWN_PLACES
    return places if more <= 0 else [*places[:_SHOWN_PLACES], f"and {more} more"]


def _severity(item: Finding) -> str:
    return item.severity if item.silenced is None else "silenced"


def _parts(item: Finding) -> tuple[str, str]:
    return item.message, item.mend if item.silenced is None else f"Silenced: {item.silenced}"


def _wrapped(item: Finding, room: int) -> str:
    return "\n".join(
        textwrap.fill(part, room, break_long_words=False, break_on_hyphens=False)
        for part in _parts(item)
    )


def _markdown(report: Report) -> Iterator[str]:
    yield f"# {report.project}, environment {report.environment}"
    yield f"\n{summary(report)}"
    for heading in HEADINGS:
        found = [item for item in report.findings if item.heading == heading]
        yield f"\n## Findings: {heading}\n"
        rows = [
            (
                _severity(item),
                f"{item.rule} {item.name}",
                "<br>".join(_places(item, report)),
                " ".join(_parts(item)),
            )
            for item in found
        ]
        yield _grid(("severity", "rule", "where", "finding"), rows) if rows else "None."
    for table in report.tables.values():
        yield f"\n## {table.title}\n"
        yield _grid(table.headers, table.rows) if table.rows else table.empty
    if report.remarks:
        yield "\n## Not looked at\n"
        yield from (f"- {remark}" for remark in report.remarks)


def _grid(headers: Row, rows: Sequence[Row]) -> str:
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _document(report: Report) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "project": report.project,
        "environment": report.environment,
        "summary": _counts(report.findings),
        **{key: _rows(table) for key, table in report.tables.items()},
        "findings": [_finding(item, report) for item in report.findings],
        "remarks": list(report.remarks),
    }


def _rows(table: Table) -> list[dict[str, str]]:
    names = [header.replace(" ", "_") for header in table.headers]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def _finding(item: Finding, report: Report) -> dict[str, Any]:
    return {
        "rule": item.rule,
        "name": item.name,
        "severity": item.severity,
        "heading": item.heading,
        "services": list(item.services),
        "message": item.message,
        "mend": item.mend,
        "places": [
            {
                "file": place.shown(report.root).rpartition(":")[0]
                if place.line
                else place.shown(report.root),
                "line": place.line or None,
            }
            for place in item.places
        ],
        "fixable": item.fix is not None,
        "silenced": item.silenced,
    }
