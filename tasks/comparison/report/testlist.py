"""Every test of both sides as a table that opens on what is not the same."""

from __future__ import annotations

from html import escape

from ...trials.record import TestOutcome
from ..diff import Comparison
from ..repeats import flaky, tally
from ..units import MISSING, change, quantity, times
from .elements import Cell, Choice, Column, Grid, Ink, Row, chip, note
from .joined import JoinedTest, State, joined_tests

MOST_SAME = 2_000
"""Rows of tests that are the same on both sides: a browser sorts no 50,000 with pleasure."""

_OUTCOMES = {
    "passed": ("good", "\N{CHECK MARK} passed"),
    "failed": ("bad", "\N{BALLOT X} failed"),
    "error": ("bad", "! error"),
    "skipped": ("plain", "\N{EN DASH} skipped"),
}
_STATES: dict[State, str] = {
    "differs": "bad",
    "one-side": "bad",
    "flaky": "doubt",
    "same-failure": "doubt",
    "same": "plain",
}
_EVERYTHING = frozenset[str](_STATES)


def tests(comparison: Comparison, ink: Ink) -> str:
    """Return the table of all tests; it opens on those that are not the same."""
    idle = [side.name for side in comparison.sides if not side.tests]
    if idle:
        return note(f"No test to compare: none ran on {ink.plain(' and '.join(idle))}.")
    found = joined_tests(comparison)
    same = sum(it.state == "same" for it in found)
    shown = found[: len(found) - max(0, same - MOST_SAME)]
    names = [ink.plain(side.name) for side in comparison.sides]
    grave = any(it.state != "same" for it in found)
    return Grid(
        "tests",
        "Tests on both sides",
        [
            Column("test"),
            Column("finding"),
            *map(Column, names),
            *(Column(f"{name} time", True) for name in names),
            Column("change", True),
            Column("ratio", True),
        ],
        [_test_row(it, ink) for it in shown],
        [
            Choice("what is not the same", _EVERYTHING - {"same"}, grave),
            Choice("what differs", frozenset({"differs", "one-side"})),
            Choice("what is flaky", frozenset({"flaky"})),
            Choice("what fails in the same way", frozenset({"same-failure"})),
            Choice("what is the same", frozenset({"same"})),
            Choice("all tests", _EVERYTHING, not grave),
        ],
        f"{same - MOST_SAME} more tests that are the same on both sides are not listed; "
        "report.xml has every one."
        if same > MOST_SAME
        else "",
    ).html()


def _test_row(it: JoinedTest, ink: Ink) -> Row:
    pair = it.pair
    return Row(
        [
            Cell(ink(it.name) + _messages(it, ink), css="code"),
            Cell(chip(_STATES[it.state], it.state.replace("-", " "))),
            *(Cell(_outcome(test)) for test in (it.baseline, it.candidate)),
            *(
                Cell(escape(quantity(test.seconds, "seconds")), test.seconds)
                if test
                else Cell(MISSING)
                for test in (it.baseline, it.candidate)
            ),
            Cell(escape(change(pair.change_seconds)), pair.change_seconds)
            if pair
            else Cell(MISSING),
            Cell(times(pair.ratio), pair.ratio) if pair else Cell(MISSING),
        ],
        it.state,
    )


def _messages(it: JoinedTest, ink: Ink) -> str:
    said = [test.message for test in (it.baseline, it.candidate) if test and test.message]
    if it.state == "same-failure":
        said = said[:1]
    return "".join(f'<span class="message">{ink(message)}</span>' for message in said)


def _outcome(test: TestOutcome | None) -> str:
    if test is None:
        return chip("plain", "not there")
    often = f'<span class="message">{escape(tally(test))}</span>' if flaky(test) else ""
    return chip(*_OUTCOMES[test.outcome]) + often
