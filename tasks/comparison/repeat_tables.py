"""What several runs add to the tables: what is flaky, what moved, what was odd, the gates."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from .changes import odd_runs
from .diff import Comparison
from .gating import query_said, said_of, source_said
from .layout import Style
from .repeats import tally
from .statistics import ENOUGH_RUNS, OUTLIER_RUNS, SURE_RUNS, estimate
from .targets import Verdict

_SYMBOLS = {
    Verdict.MET: ("\N{CHECK MARK}", "+", "pass"),
    Verdict.MISSED: ("\N{BALLOT X}", "x", "fail"),
    Verdict.UNKNOWN: ("?", "?", "inconclusive"),
}
_MOST_MOVED = 8
_ODD_FIGURES = frozenset({"start-up", "own start-up", "memory", "CPU"})
"""Percentiles have a tail of their own: an odd one among them says nothing."""


def runs_notes(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield how often the modes ran, what that cannot tell, and which runs were odd."""
    if not all(comparison.runs):
        return
    if comparison.runs == (1, 1):
        yield (
            "Each mode ran once: what is noise, an outlier or flaky cannot be told from a "
            "difference. --repeat N can."
        )
        yield from _warm(comparison, style)
        return
    least, most = min(comparison.runs), max(comparison.runs)
    ran = (
        f"{least} times each"
        if least == most
        else f"{comparison.runs[0]} and {comparison.runs[1]} times"
    )
    text = (
        f"The modes ran {ran}: figures are medians with their spread, and a test has its worst "
        "outcome."
    )
    if least < ENOUGH_RUNS:
        yield f"{text} Intervals and stable differences need {ENOUGH_RUNS} runs of each."
    else:
        yield f"{text} In brackets: the 95 % interval of the ratio."
    yield from _warm(comparison, style)
    if comparison.moved:
        yield style.text(f"Moved for sure: {_moved(comparison)}.")
    elif least >= SURE_RUNS:
        yield "No figure moved for sure."
    elif least >= ENOUGH_RUNS:
        yield f"Whether a figure moved for sure takes {SURE_RUNS} runs of each."
    yield from _odd(comparison, style)


def _warm(comparison: Comparison, style: Style) -> Iterator[str]:
    warm = [side for side in comparison.sides if side.trial and side.trial.warm]
    if warm:
        whose = "Each stack" if len(warm) == 2 else f"The stack of {warm[0].name}"
        yield style.text(
            f"{whose} was started once (--warm): start-up is of the first run alone, CPU is that "
            "of each run, and data stayed from one run to the next."
        )


def _moved(comparison: Comparison) -> str:
    most = sorted(
        comparison.moved, key=lambda row: -abs(math.log(row.ratio)) if row.ratio else -math.inf
    )
    named = [f"{row.figure} of {said_of(row, plain=True)}" for row in most[:_MOST_MOVED]]
    more = len(most) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _odd(comparison: Comparison, style: Style) -> Iterator[str]:
    slow: dict[str, list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for odd in odd_runs(comparison.services):
        if odd.row.figure not in _ODD_FIGURES:
            continue
        name = comparison.sides[odd.side].name
        if odd.slow_first:
            slow[name].append(f"{odd.row.figure} of {odd.row.service}")
        else:
            others[f"{odd.row.figure} of {odd.row.service} on {name}"].append(str(odd.run))
    for side, seconds in zip(comparison.sides, comparison.suites, strict=True):
        if len(seconds) >= OUTLIER_RUNS and estimate(seconds).slow_first:
            slow[side.name].append("suite")
    for name, figures in slow.items():
        yield style.text(
            f"The first run of {name} was slow ({', '.join(figures)}): a cold cache, most often. "
            "Medians leave it out."
        )
    if others:
        yield style.text(
            "Outliers: "
            + "; ".join(f"{figure} (run {', '.join(runs)})" for figure, runs in others.items())
            + "."
        )


def different_note(comparison: Comparison) -> Iterator[str]:
    """Yield whether the tests that differ do so in every run."""
    if comparison.runs == (1, 1) or not comparison.different:
        return
    if all(pair.stable for pair in comparison.different):
        yield "Stable: each differs in every run."
    else:
        yield f"Unknown whether stable: fewer than {ENOUGH_RUNS} runs of a mode."


def flaky_blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the tests that differ within one mode."""
    if not comparison.flaky:
        return
    yield style.heading(f"Flaky tests, no difference of the modes: {len(comparison.flaky)}")
    yield style.table(
        ("test", *(style.text(side.name) for side in comparison.sides), "first line"),
        [
            [
                style.text(
                    f"{it.test.classname}::{it.test.name}" if it.test.classname else it.test.name
                ),
                tally(it.baseline),
                tally(it.candidate),
                style.text(it.message),
            ]
            for it in comparison.flaky
        ],
        cut={0: "end", 3: "start"},
        code=frozenset({0, 3}),
    )


def gate_blocks(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a line for each gate, where the project declares any."""
    if not comparison.gates_declared:
        return
    yield style.heading("Gates")
    lines = []
    for result in comparison.gates:
        mark, plain, word = _SYMBOLS[result.judgement.verdict]
        why = "; ".join(filter(None, (result.figures, result.judgement.reason)))
        line = f"{mark if style.unicode else plain} {word}: {result.gate}"
        lines.append(f"- {style.text(line + (f' ({why})' if why else ''))}")
    yield "\n".join(lines)
    asked = {it.gate.name: it for it in comparison.gates if it.gate.query}
    if asked:
        yield style.table(
            ("gate", "asked of", "query"),
            [
                [style.text(it.gate.name), style.text(source_said(it)), style.text(query_said(it))]
                for it in asked.values()
            ],
            cut={2: "start"},
            code=frozenset({2}),
        )
