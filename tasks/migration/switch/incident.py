"""The incident report: why a switch went back, in one Markdown file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...stack.isolation import write_private
from .asked import unproved
from .evidence import FINGERPRINTS
from .journal import Entry, Journal

_TAIL = 20


def write_report(journal: Journal, folder: Path) -> Path:
    """Write the report beside the folder of its logs and return its path."""
    path = folder.with_suffix(".md")
    write_private(path, "\n".join(_lines(journal, folder)) + "\n")
    return path


def _lines(journal: Journal, folder: Path) -> Iterator[str]:
    yield f"# Switch {journal.id}: from {journal.source} to {journal.target} and back"
    yield ""
    yield f"* What fired: **{journal.fired.get('trigger', 'unknown')}**"
    yield f"* Why: {_line(journal.fired.get('why', 'not recorded'))}"
    yield f"* Writes refused: {journal.refused_seconds:.1f} s in all" + "".join(
        f"; {pause.why}, from {pause.began.shown}: {pause.seconds:.1f} s"
        for pause in journal.pauses
    )
    yield f"* Written since the switch: {_brought(journal)}"
    for name, how in unproved(journal.options).items():
        yield f"* Begun without proof of: {name} ({_line(how)})"
    if journal.snapshot:
        yield f"* Snapshot of {journal.source} before: {journal.snapshot}"
    yield ""
    yield "## Steps"
    yield ""
    yield "| step | began | took | state | note |"
    yield "|---|---|---|---|---|"
    yield from _rows("", journal.steps)
    yield from _rows("back: ", journal.back)
    yield from _figures(journal)
    yield from _fingerprints(folder)
    yield from _logs(folder)


def _brought(journal: Journal) -> str:
    if not journal.exposed:
        return "nothing, for traffic had not moved"
    if journal.options.get("left"):
        return f"**left on {journal.target}**, as was asked for; its data is kept there"
    done = [entry for entry in journal.back if entry.name == "data" and entry.state == "done"]
    return _line(done[-1].note) if done else "unknown"


def _rows(prefix: str, entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        took = f"{entry.seconds:.1f} s" if entry.seconds is not None else "-"
        note = _line(entry.failure or entry.note)
        yield f"| {prefix}{entry.name} | {entry.began.shown} | {took} | {entry.state} | {note} |"


def _figures(journal: Journal) -> Iterator[str]:
    if not journal.last:
        return
    yield ""
    yield "## Figures"
    yield ""
    yield "| figure | before | at the last check |"
    yield "|---|---|---|"
    last: Mapping[str, Any] = journal.last
    for service, healthy in sorted(last.get("healthy", {}).items()):
        yield f"| {service}: healthy | yes | {'yes' if healthy else '**no**'} |"
    for name, unit, factor in (("latency", "ms", 1000.0), ("memory", "MiB", 1 / 2**20)):
        before = journal.baseline.get(name, {})
        after = last.get(name, {})
        for service in sorted({*before, *after}):
            cells = [
                f"{table[service] * factor:.1f} {unit}" if service in table else "-"
                for table in (before, after)
            ]
            yield f"| {service}: {name} | {cells[0]} | {cells[1]} |"
    for service, count in sorted(last.get("restarts", {}).items()):
        yield f"| {service}: restarts | - | {count} |"


def _fingerprints(folder: Path) -> Iterator[str]:
    path = folder / FINGERPRINTS
    if path.is_file():
        yield ""
        yield "## What the suite saw differently in the last trials"
        yield ""
        yield from (f"* {line}" for line in path.read_text().splitlines())


def _logs(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.log")):
        lines = path.read_text(errors="replace").splitlines()
        yield ""
        yield f"## Last lines of {path.stem} (more in {folder.name}/{path.name})"
        yield ""
        yield "```"
        yield from (line.replace("```", "'''") for line in lines[-_TAIL:])
        yield "```"


def _line(text: str) -> str:
    """Return a text as it fits into one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")
