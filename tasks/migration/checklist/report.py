"""The checklist as a table, as Markdown, or as JSON; and the phases."""

from __future__ import annotations

import datetime
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from ...errors import ExitCode, UsageError, near
from .assessment import phase_of
from .model import PHASES, STATUSES, Assessed

Format = Literal["table", "markdown", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "json")
JSON_VERSION = 1
_NARROWEST = 36
"""Columns that what was seen has at least."""


def format_of(text: str) -> Format:
    """Return the format of this name; raises UsageError for another."""
    for known in FORMATS:
        if known == text:
            return known
    raise UsageError(
        f"Unknown format {text!r}{near(text, FORMATS)}. Formats: {', '.join(FORMATS)}."
    )


def exit_code(found: Iterable[Assessed]) -> ExitCode:
    """Return what `--strict` ends with: 3 where an item failed, 5 where one is unknown."""
    states = {entry.status for entry in found}
    if "failed" in states:
        return ExitCode.GATE_FAILED
    return ExitCode.INCONCLUSIVE if "unknown" in states else ExitCode.SAME


def render(found: Sequence[Assessed], format: Format, *, width: int = 120) -> str:  # noqa: A002
    """Return the items in one format; `width` is that of the table, in columns."""
    if format == "json":
        return json.dumps(_document(found), indent=2, ensure_ascii=False)
    if format == "markdown":
        return "\n".join(_markdown(found))
    return "\n".join(_lines(found, width))


def summary(found: Sequence[Assessed]) -> str:
    """Return how many items stand how, in one line."""
    counts = _counts(found)
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    return f"{len(found)} items: {', '.join(parts)}." if found else "No item."


def status_lines(found: Sequence[Assessed], width: int = 120) -> Iterator[str]:
    """Yield which phase is proved, and what is missing for the next ones."""
    last = phase_of(found)
    name = f"{last} {PHASES[last]}" if last else "none"
    yield f"Phase proved: {name} (of {', '.join(f'{n} {it}' for n, it in PHASES.items())})"
    for phase, title in PHASES.items():
        items = [entry for entry in found if entry.item.phase == phase]
        missing = [entry for entry in items if not entry.proved]
        if not missing:
            continue
        yield f"\nPhase {phase} {title}: {len(items) - len(missing)} of {len(items)} items\n"
        yield _table(
            ("missing", "status", "proved by"),
            [(entry.item.id, entry.word, entry.proof) for entry in missing],
            [_seen(entry) for entry in missing],
            width,
        )


def age(at: str | None) -> str:
    """Return how long ago a time was, such as `5 min`; `-` for none."""
    if at is None:
        return "-"
    then = datetime.datetime.fromisoformat(at)
    seconds = (datetime.datetime.now(datetime.UTC) - then).total_seconds()
    # The clock was set back: the time says nothing.
    if seconds < -1:
        return "in the future"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _seen(entry: Assessed) -> str:
    if entry.item.manual and entry.proved and entry.by:
        return f"by {entry.by}: {entry.seen}"
    return entry.seen


def _lines(found: Sequence[Assessed], width: int) -> Iterator[str]:
    for section in dict.fromkeys(entry.item.section for entry in found):
        chosen = [entry for entry in found if entry.item.section == section]
        yield f"{section}\n"
        yield _table(
            ("item", "phase", "status", "age"),
            [(entry.item.id, str(entry.item.phase), entry.word, age(entry.at)) for entry in chosen],
            [f"{entry.item.title}\n{_seen(entry)}" for entry in chosen],
            width,
        )
        yield ""
    yield summary(found)


def _table(
    headers: Sequence[str], short: Sequence[Sequence[str]], long: Sequence[str], width: int
) -> str:
    """Return a table whose last column takes what room is left."""
    from tabulate import tabulate

    taken = sum(
        max(len(header), *(len(row[index]) for row in short)) + 2
        for index, header in enumerate(headers)
    )
    room = max(width - taken, _NARROWEST)
    texts = [
        "\n".join(
            textwrap.fill(part, room, break_long_words=False, break_on_hyphens=False)
            for part in text.split("\n")
        )
        for text in long
    ]
    rows = [[*row, text] for row, text in zip(short, texts, strict=True)]
    return tabulate(
        rows, headers=[*headers, "what was seen"], tablefmt="simple", disable_numparse=True
    )


def _markdown(found: Sequence[Assessed]) -> Iterator[str]:
    last = phase_of(found)
    yield "# Checklist"
    yield f"\n{summary(found)} Phase proved: {f'{last} {PHASES[last]}' if last else 'none'}."
    for section in dict.fromkeys(entry.item.section for entry in found):
        yield f"\n## {section}\n"
        yield "| item | phase | status | when | what was seen | by |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for entry in found:
            if entry.item.section == section:
                title = f"{entry.item.title} (`{entry.item.id}`)"
                cells = (
                    title,
                    str(entry.item.phase),
                    entry.word,
                    entry.at or "-",
                    entry.seen,
                    entry.by or "-",
                )
                yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _counts(found: Sequence[Assessed]) -> dict[str, int]:
    words = ("proved", "confirmed", *STATUSES[1:])
    return {word: sum(entry.word == word for entry in found) for word in words}


def _document(found: Sequence[Assessed]) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "phase": phase_of(found),
        "summary": _counts(found),
        "items": [
            {
                "id": entry.item.id,
                "section": entry.item.section,
                "phase": entry.item.phase,
                "title": entry.item.title,
                "status": entry.status,
                "manual": entry.item.manual,
                "needed": list(entry.item.needed),
                "seen": entry.seen,
                "at": entry.at,
                "by": entry.by,
                "proved_by": entry.proof,
            }
            for entry in found
        ],
    }
