"""report.xml: JUnit with one testcase a joined test, which fails where the sides differ."""

from __future__ import annotations

from collections.abc import Callable

from ...trials.record import TestOutcome
from ..diff import Comparison
from ..gating import query_said, source_said
from ..repeats import tally
from ..targets import Verdict
from .elements import Ink
from .joined import JoinedTest, joined_tests

_GATES = {Verdict.MET: "pass", Verdict.MISSED: "fail", Verdict.UNKNOWN: "inconclusive"}
_FAILURES = frozenset({"differs", "one-side", "same-failure"})


def junit(comparison: Comparison, mask: Callable[[str], str] = str) -> bytes:
    """Return the report; a case's time is the candidate's, where it has the test.

    A side without any test is one error, so that no reader takes the file for a success.
    """
    shown = Ink(mask)
    baseline, candidate = (shown(side.name) for side in comparison.sides)
    tests = joined_tests(comparison)
    counts = {
        "tests": len(tests) or 1,
        "failures": sum(it.state in _FAILURES for it in tests),
        "errors": int(not tests),
        "skipped": sum(_skipped(it) for it in tests),
    }
    found = " ".join(f'{key}="{value}"' for key, value in counts.items())
    # As text: a tree of 50,000 elements takes three times as long to build and to write.
    cases = [_case(it, (baseline, candidate), shown) for it in tests] or [
        _nothing(comparison, shown)
    ]
    return "".join(
        (
            "<?xml version='1.0' encoding='utf-8'?>\n<testsuites>"
            f'<testsuite name="{baseline} and {candidate}" {found} '
            f'time="{sum(_seconds(it) for it in tests):.3f}">',
            _properties(comparison, shown),
            *cases,
            "</testsuite></testsuites>",
        )
    ).encode()


def _properties(comparison: Comparison, shown: Ink) -> str:
    """Return the gates on queries: what became of each, by which figures, and who was asked."""
    found = []
    for it in comparison.gates:
        if it.gate.query:
            said = (_GATES[it.judgement.verdict], it.figures, it.judgement.reason)
            found += [
                _property(f"gate {it.gate}", "; ".join(filter(None, said)), shown),
                _property(f"source of {it.gate}", f"{source_said(it)}: {query_said(it)}", shown),
            ]
    return f"<properties>{''.join(found)}</properties>" if found else ""


def _property(name: str, value: str, shown: Ink) -> str:
    return f'<property name="{shown(name)}" value="{shown(value)}" />'


def _nothing(comparison: Comparison, shown: Ink) -> str:
    idle = [shown(side.name) for side in comparison.sides if not side.tests]
    words = f"No test to compare: none ran on {' and '.join(idle)}."
    return (
        '<testcase classname="tranship" name="comparison">'
        f'<error message="{words}">{words}</error></testcase>'
    )


def _case(it: JoinedTest, names: tuple[str, str], shown: Ink) -> str:
    test = it.test
    head = (
        f'<testcase classname="{shown(test.classname)}" name="{shown(test.name)}" '
        f'time="{_seconds(it):.3f}"'
    )
    inside = _inside(it, names, shown)
    return f"{head}>{inside}</testcase>" if inside else f"{head} />"


def _inside(it: JoinedTest, names: tuple[str, str], shown: Ink) -> str:
    """Return what a testcase says besides that it passed."""
    if _skipped(it):
        return f'<skipped message="{shown(it.test.message)}" />'
    sides = [
        (name, test) for name, test in zip(names, (it.baseline, it.candidate), strict=True) if test
    ]
    if it.state == "flaky":
        # No difference of the sides: a gate on this report must not fail by chance.
        tallies = (f"{name}: {tally(test)}" for name, test in sides)
        return f"<system-out>flaky; {'; '.join(tallies)}</system-out>"
    if it.state not in _FAILURES:
        return ""
    outcomes = ", ".join(f"{test.outcome} on {name}" for name, test in sides)
    message = outcomes if it.pair else f"only on {sides[0][0]}"
    text = "\n".join(
        f"{name}: {test.outcome} in {test.seconds:.3f} s{_because(test, shown)}"
        for name, test in sides
    )
    return f'<failure message="{message}" type="{it.state}">{text}</failure>'


def _because(test: TestOutcome, shown: Ink) -> str:
    return f": {shown(test.message)}" if test.message else ""


def _skipped(it: JoinedTest) -> bool:
    return it.state == "same" and it.test.outcome == "skipped"


def _seconds(it: JoinedTest) -> float:
    test = it.candidate or it.test
    return test.seconds
