"""report.xml: JUnit with one testcase a joined test, which fails where the sides differ."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from ...trials.record import TestOutcome
from ..diff import Comparison
from ..repeats import tally
from .elements import Ink
from .joined import JoinedTest, joined_tests

_FAILURES = frozenset({"differs", "one-side", "same-failure"})


def junit(comparison: Comparison, mask: Callable[[str], str] = str) -> bytes:
    """Return the report; a case's time is the candidate's, where it has the test.

    A side without any test is one error, so that no reader takes the file for a success.
    """
    shown = Ink(mask).plain
    baseline, candidate = (shown(side.name) for side in comparison.sides)
    tests = joined_tests(comparison)
    suite = ElementTree.Element("testsuite", name=f"{baseline} and {candidate}")
    for it in tests:
        _case(suite, it, (baseline, candidate), shown)
    if not tests:
        case = ElementTree.SubElement(suite, "testcase", classname="tranship", name="comparison")
        idle = [shown(side.name) for side in comparison.sides if not side.tests]
        words = f"No test to compare: none ran on {' and '.join(idle)}."
        ElementTree.SubElement(case, "error", message=words).text = words
    counts = {
        "tests": len(tests) or 1,
        "failures": sum(it.state in _FAILURES for it in tests),
        "errors": int(not tests),
        "skipped": sum(_skipped(it) for it in tests),
    }
    suite.attrib |= {key: str(value) for key, value in counts.items()}
    suite.set("time", f"{sum(_seconds(it) for it in tests):.3f}")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    payload: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return payload


def _case(
    suite: ElementTree.Element,
    it: JoinedTest,
    names: tuple[str, str],
    shown: Callable[[str], str],
) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=shown(it.test.classname),
        name=shown(it.test.name),
        time=f"{_seconds(it):.3f}",
    )
    sides = [
        (name, test) for name, test in zip(names, (it.baseline, it.candidate), strict=True) if test
    ]
    if _skipped(it):
        ElementTree.SubElement(case, "skipped", message=shown(it.test.message))
    if it.state == "flaky":
        # No difference of the sides: a gate on this report must not fail by chance.
        tallies = (f"{name}: {tally(test)}" for name, test in sides)
        ElementTree.SubElement(case, "system-out").text = f"flaky; {'; '.join(tallies)}"
    if it.state not in _FAILURES:
        return
    outcomes = ", ".join(f"{test.outcome} on {name}" for name, test in sides)
    message = outcomes if it.pair else f"only on {sides[0][0]}"
    failure = ElementTree.SubElement(case, "failure", message=message, type=it.state)
    failure.text = "\n".join(
        f"{name}: {test.outcome} in {test.seconds:.3f} s{_because(test, shown)}"
        for name, test in sides
    )


def _because(test: TestOutcome, shown: Callable[[str], str]) -> str:
    return f": {shown(test.message)}" if test.message else ""


def _skipped(it: JoinedTest) -> bool:
    return it.state == "same" and it.test.outcome == "skipped"


def _seconds(it: JoinedTest) -> float:
    test = it.candidate or it.test
    return test.seconds
