"""The comparison as text: tables (a) to (e), and the verdict in the last line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..trials.record import Outcome, TestOutcome
from . import critical, edges_table, levels, resources
from .diff import NOISE_SECONDS, Comparison, Pair, Summary
from .fingerprints import differences
from .layout import Format, Style
from .repeat_tables import different_note, flaky_blocks, gate_blocks, runs_notes
from .service_table import service_blocks
from .units import MISSING, change, quantity, times
from .verdict import exit_note, hang_note, sentence

SHOWN_DIFFERENCES = 15
_COUNTED: tuple[Outcome, ...] = ("passed", "failed", "skipped", "error")


def render(
    comparison: Comparison,
    *,
    format: Format = "terminal",  # noqa: A002 - the word of the command line
    width: int | None = None,
    enforce: bool = False,
    unicode: bool = True,
    mask: Callable[[str], str] = str,
) -> str:
    """Return the comparison as text without a newline at its end.

    `width` is in columns; with None only what is longer than a paragraph is cut. With
    `unicode` false the text is plain ASCII. `mask` hides secrets; all text of the trials
    passes through it before it is cut.
    """
    style = Style(format, width, unicode, mask)
    blocks = (
        *_warning(comparison, style),
        *_summary(comparison, style),
        *runs_notes(comparison, style),
        *_failures(comparison, style),
        *_different(comparison, style),
        *flaky_blocks(comparison, style),
        *_one_side(comparison, style),
        *_movers(comparison, style),
        *levels.blocks(comparison, style),
        *service_blocks(comparison, style),
        *gate_blocks(comparison, style),
        *resources.blocks(comparison, style),
        *edges_table.blocks(comparison, style),
        *critical.blocks(comparison, style),
        *_fingerprint(comparison, style),
        style.text(sentence(comparison, enforce=enforce)),
    )
    return "\n\n".join(blocks)


def _warning(comparison: Comparison, style: Style) -> Iterator[str]:
    found = [
        f"{it.key}: {it.baseline or MISSING} / {it.candidate or MISSING}"
        for it in comparison.interpreters
    ]
    if found:
        names = " and ".join(side.name for side in comparison.sides)
        # 1.3x: measured between two builds of one minor version, see the design, 7.
        yield style.text(
            f"Warning: {names} ran different interpreters ({'; '.join(found)}). Two builds of "
            "one version differ by up to 1.3x in start-up and CPU: the ratios below do not "
            "show the placement alone."
        )


def _summary(comparison: Comparison, style: Style) -> Iterator[str]:
    left, right = comparison.sides
    ratios = (
        _by(left.suite_seconds, right.suite_seconds),
        _by(left.startup_seconds, right.startup_seconds),
    )
    yield style.text(f"Baseline: {_started(left)}. Candidate: {_started(right)}.")
    yield style.heading("Summary")
    yield style.table(
        ("mode", "passed", "failed", "skipped", "errors", "suite", "start-up", "exit"),
        [
            *(_summary_row(side, style) for side in comparison.sides),
            ["ratio", "", "", "", "", *(times(ratio) for ratio in ratios), ""],
        ],
        cut={0: "start"},
        right=frozenset(range(1, 8)),
    )
    notes = [note for side in comparison.sides for note in (hang_note(side), exit_note(side))]
    for note in filter(None, notes):
        yield style.text(f"{note}.")


def _started(side: Summary) -> str:
    return f"{side.name}, " + (f"started {side.trial.started}" if side.trial else "no trial")


def _summary_row(side: Summary, style: Style) -> list[str]:
    name, suite = style.text(side.name), side.suite
    startup = quantity(side.startup_seconds, "seconds")
    if suite is None:
        return [name, *[MISSING] * 5, startup, MISSING]
    return [
        name,
        *(str(suite.count(kind)) for kind in _COUNTED),
        quantity(suite.seconds, "seconds"),
        startup,
        "killed" if suite.exit_code is None else str(suite.exit_code),
    ]


def _by(baseline: float | None, candidate: float | None) -> float | None:
    return candidate / baseline if baseline and candidate else None


def _failures(comparison: Comparison, style: Style) -> Iterator[str]:
    for side in comparison.sides:
        failure = side.trial.failure if side.trial else None
        if failure is None:
            continue
        yield style.text(
            f"{side.name} was interrupted:"
            if failure.stage == "interrupted"
            else f"{side.name} failed at {failure.stage}:"
        )
        # Four spaces: Markdown takes it for verbatim text.
        yield "\n".join(f"    {line}" for line in style.lines(failure.message) or ["no message"])


def _different(comparison: Comparison, style: Style) -> Iterator[str]:
    idle = [side.name for side in comparison.sides if not side.tests]
    if idle:
        yield style.text(f"No test to compare: none ran on {' and '.join(idle)}.")
        return
    if comparison.different:
        yield style.heading(f"Tests that differ: {len(comparison.different)}")
        yield _outcomes(comparison, comparison.different, style)
        yield from different_note(comparison)
    else:
        yield "No test differs."
    if comparison.same_failure:
        yield style.heading(f"Same failure on both sides: {len(comparison.same_failure)}")
        yield style.table(
            ("test", "outcome", "first line"),
            [
                [
                    _test(pair.baseline, style),
                    pair.baseline.outcome,
                    style.text(pair.baseline.message),
                ]
                for pair in comparison.same_failure
            ],
            cut={0: "end", 2: "start"},
            code=frozenset({0, 2}),
        )


def _outcomes(comparison: Comparison, pairs: tuple[Pair, ...], style: Style) -> str:
    # Two rows per test: side by side, two messages would leave neither room on 80 columns.
    rows = []
    for pair in pairs:
        name = _test(pair.baseline, style)
        for side, test in zip(comparison.sides, (pair.baseline, pair.candidate), strict=True):
            rows.append([name, style.text(side.name), test.outcome, style.text(test.message)])
            name = ""
    return style.table(
        ("test", "mode", "outcome", "first line"),
        rows,
        cut={0: "end", 3: "start"},
        code=frozenset({0, 3}),
    )


def _one_side(comparison: Comparison, style: Style) -> Iterator[str]:
    if not all(side.tests for side in comparison.sides):
        return
    rows = [
        [_test(test, style), style.text(side.name), test.outcome]
        for side, tests in (
            (comparison.baseline, comparison.only_baseline),
            (comparison.candidate, comparison.only_candidate),
        )
        for test in tests
    ]
    if rows:
        yield style.heading(f"Tests on one side only: {len(rows)}")
        yield style.table(("test", "only on", "outcome"), rows, cut={0: "end"}, code=frozenset({0}))
    else:
        yield "No test is on one side only."


def _movers(comparison: Comparison, style: Style) -> Iterator[str]:
    if not all(side.tests for side in comparison.sides):
        return
    if not comparison.movers:
        floor = quantity(NOISE_SECONDS, "seconds")
        yield f"No test's duration moved by {floor} or more."
        return
    yield style.heading("Durations that moved most")
    yield style.table(
        ("test", *(style.text(side.name) for side in comparison.sides), "change", "ratio"),
        [
            [
                _test(pair.baseline, style),
                quantity(pair.baseline.seconds, "seconds"),
                quantity(pair.candidate.seconds, "seconds"),
                change(pair.change_seconds),
                times(pair.ratio),
            ]
            for pair in comparison.movers
        ],
        cut={0: "end"},
        code=frozenset({0}),
        right=frozenset({1, 2, 3, 4}),
    )


def _fingerprint(comparison: Comparison, style: Style) -> Iterator[str]:
    silent = [it.name for it in comparison.sides if it.trial and not it.trial.fingerprint]
    if silent:
        yield style.text(f"No fingerprint of {' and '.join(silent)}.")
    found = differences(*(it.trial.fingerprint if it.trial else {} for it in comparison.sides))
    if found:
        yield style.heading("What the suite saw differently")
        yield style.table(
            ("fingerprint", *(style.text(side.name) for side in comparison.sides)),
            [
                [
                    style.text(it.key),
                    MISSING if it.baseline is None else style.text(it.baseline),
                    MISSING if it.candidate is None else style.text(it.candidate),
                ]
                for it in found[:SHOWN_DIFFERENCES]
            ],
            cut={0: "start", 1: "start", 2: "start"},
        )
    if found[SHOWN_DIFFERENCES:]:
        more, expected = found[SHOWN_DIFFERENCES:], [it for it in found if it.expected]
        yield style.text(
            f"{len(more)} more, less suspicious; {len(expected)} of all {len(found)} are what "
            "the placement itself makes."
        )


def _test(test: TestOutcome, style: Style) -> str:
    return style.text(f"{test.classname}::{test.name}" if test.classname else test.name)
