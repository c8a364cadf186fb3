"""The page's summary, and what the suite saw differently."""

from __future__ import annotations

from html import escape

from ...trials.record import Outcome
from ..diff import Comparison, Summary
from ..fingerprints import differences
from ..layout import Style
from ..levels import lost
from ..repeat_tables import runs_notes
from ..units import MISSING, quantity
from ..verdict import exit_note, hang_note
from .elements import Cell, Column, Grid, Ink, Row, note

_COUNTED: dict[Outcome, str] = {
    "passed": "passed",
    "failed": "failed",
    "skipped": "skipped",
    "error": "errors",
}


def each_run(comparison: Comparison) -> str:
    """Return how a chart shows several runs; empty for one run."""
    words = "Thin lines and small marks are the single runs, the strong ones their medians."
    return note(words) if max(comparison.runs) > 1 else ""


def summary(comparison: Comparison, ink: Ink) -> str:
    """Return the cards of both sides and what else is to be said of the runs."""
    cards = "".join(_card(side, ink) for side in comparison.sides)
    blocks = [cards]
    for side in comparison.sides:
        for words in filter(None, (hang_note(side), exit_note(side))):
            blocks.append(f'<p class="note">{ink(words)}.</p>')
        failure = side.trial.failure if side.trial else None
        if failure:
            blocks.append(
                f"<h3>{ink(side.name)} failed at {ink(failure.stage)}</h3>"
                f"<pre>{ink.lines(failure.message) or 'no message'}</pre>"
            )
    for side in comparison.sides:
        blocks += [f'<p class="note">{ink(words)}.</p>' for words in lost(side)]
    blocks += [note(words) for words in runs_notes(comparison, Style(mask=ink.mask))]
    if comparison.interpreters:
        blocks.append(
            note(
                "The interpreters differ: two builds of one version differ by up to 1.3x in "
                "start-up and CPU, so the ratios do not show the placement alone."
            )
        )
    return "".join(blocks)


def _card(side: Summary, ink: Ink) -> str:
    suite = side.suite
    started = f"started {side.trial.started}" if side.trial else "no trial"
    facts = [
        (word, str(suite.count(kind)) if suite else MISSING) for kind, word in _COUNTED.items()
    ]
    exit_code = MISSING if suite is None else str(suite.exit_code)
    facts += [
        ("suite", quantity(side.suite_seconds, "seconds")),
        ("start-up", quantity(side.startup_seconds, "seconds")),
        ("pytest's exit code", "killed" if suite and suite.exit_code is None else exit_code),
    ]
    shown = "".join(
        f'<div class="card"><dt>{escape(word)}</dt><dd><b>{escape(value)}</b></dd></div>'
        for word, value in facts
    )
    return (
        f'<h3>{ink(side.name)} <span class="note">{ink(started)}</span></h3>'
        f'<dl class="cards">{shown}</dl>'
    )


def fingerprint(comparison: Comparison, ink: Ink) -> str:
    """Return the table of what the suite saw differently."""
    silent = [side.name for side in comparison.sides if side.trial and not side.trial.fingerprint]
    if silent:
        return note(f"No fingerprint of {ink.plain(' and '.join(silent))}.")
    left, right = (side.trial.fingerprint if side.trial else {} for side in comparison.sides)
    found = differences(left, right)
    if not found:
        return note("The suite saw the same on both sides.")
    words = note("The most suspicious first: what tests are known to stumble over.")
    rows = [
        Row(
            [
                Cell(ink(it.key), css="code"),
                *(
                    Cell(MISSING if value is None else ink(value), css="code")
                    for value in (it.baseline, it.candidate)
                ),
                Cell(str(it.suspicion), it.suspicion),
                Cell(ink(it.why)),
            ]
        )
        for it in found
    ]
    columns = [
        Column("fingerprint"),
        *(Column(ink.plain(side.name)) for side in comparison.sides),
        Column("suspicion", True),
        Column("why"),
    ]
    return words + Grid("fingerprint", "What the suite saw differently", columns, rows).html()
