"""pytest's JUnit XML as test outcomes.

The format is pytest's own (`--junitxml`, family xunit2), see _pytest/junitxml.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EnvironmentFailed
from .record import Outcome, TestOutcome

if TYPE_CHECKING:
    from junitparser import Element, TestCase

_TAGS: dict[str, Outcome] = {"skipped": "skipped", "failure": "failed", "error": "error"}
_RANK: dict[Outcome, int] = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}

# What pytest says of a module that it could not import, or that skipped itself. The cause
# stands in the text alone, and without it any two collection errors would read the same.
_COLLECTION = frozenset({"collection failure", "collection skipped"})
_TEARDOWN = "failed on teardown"

DETAILS_CHARACTERS = 4000
DETAILED_FAILURES = 200
"""A broken stack fails every test: 50,000 tracebacks would make a record of 200 MB."""


def read_report(path: Path) -> tuple[TestOutcome, ...]:
    """Return the tests that the report at `path` names, in the report's order.

    A test that fails and whose teardown breaks too counts once, as an error that carries
    both messages. A module that cannot be imported is an error with an empty classname.

    Raises EnvironmentFailed when the report is missing, cut short or no JUnit XML.
    """
    from junitparser import JUnitXml, JUnitXmlError

    try:
        report = JUnitXml.fromfile(str(path))
        tests = [_outcome(case) for suite in report for case in suite]
    except OSError as error:
        raise EnvironmentFailed(
            f"{path}: the suite's report cannot be read ({error.strerror}). "
            "pytest writes it when it ends: was it killed, or is a plugin in the way?"
        ) from error
    except (SyntaxError, JUnitXmlError, ValueError, LookupError) as error:
        # Both parsers behind junitparser (xml.etree and lxml) raise kinds of SyntaxError.
        raise EnvironmentFailed(
            f"{path}: not a whole JUnit XML report ({error}). Run the suite again."
        ) from error
    # An interrupted pytest leaves the test it was in as a case without a name: no outcome.
    named = [test for test in tests if test.name or test.outcome != "passed"]
    return tuple(_not_too_detailed(_once(named)))


def _outcome(case: TestCase) -> TestOutcome:
    results = [(_TAGS[tag], result) for tag, result in _results(case)]
    kinds: list[Outcome] = ["passed", *(kind for kind, _ in results)]
    outcome = max(kinds, key=_RANK.__getitem__)
    messages: dict[Outcome, str] = {}
    for kind, result in results:
        # The first of several: pytest's last failure only counts the failed subtests.
        messages.setdefault(kind, _first_line(result))
    return TestOutcome(
        classname=case.classname or "",
        name=case.name or "",
        outcome=outcome,
        seconds=_seconds(case),
        message=_joined(messages.get("failed", ""), messages.get(outcome, "")),
        details=_end("\n".join(str(result._elem.text or "") for kind, result in results))
        if outcome in ("failed", "error")
        else "",
    )


def _end(text: str) -> str:
    """Return the last lines: what went wrong stands below how it came to that."""
    text = text.strip()
    if len(text) <= DETAILS_CHARACTERS:
        return text
    cut = text[-DETAILS_CHARACTERS:]
    return cut.partition("\n")[2] or cut


def _not_too_detailed(tests: Iterable[TestOutcome]) -> Iterator[TestOutcome]:
    left = DETAILED_FAILURES
    for test in tests:
        left -= bool(test.details)
        yield test if left >= 0 or not test.details else replace(test, details="")


def _results(case: TestCase) -> Iterator[tuple[str, Element]]:
    for child in case:
        tag = str(child._elem.tag)
        if tag in _TAGS:
            yield tag, child


def _seconds(case: TestCase) -> float:
    seconds = float(case.time or 0.0)
    # JSON has no NaN: one such figure would make the whole record unreadable.
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _once(tests: list[TestOutcome]) -> Iterator[TestOutcome]:
    """Merge the second testcase that pytest writes when call and teardown both break."""
    merged: list[TestOutcome] = []
    failed: dict[tuple[str, str], int] = {}
    for test in tests:
        key = (test.classname, test.name)
        if test.outcome == "error" and test.message.startswith(_TEARDOWN) and key in failed:
            # Not always the next one: pytest-xdist interleaves the reports of its workers.
            index = failed.pop(key)
            first = merged[index]
            merged[index] = TestOutcome(
                classname=test.classname,
                name=test.name,
                outcome="error",
                seconds=first.seconds + test.seconds,
                message=_joined(first.message, test.message),
                details=_end(f"{first.details}\n{test.details}"),
            )
            continue
        if test.outcome == "failed":
            failed[key] = len(merged)
        merged.append(test)
    return iter(merged)


def _joined(failure: str, message: str) -> str:
    if failure and failure != message:
        return f"{failure}; {message}" if message else failure
    return message


def _first_line(result: Element) -> str:
    message = str(result._elem.attrib.get("message") or "")
    text = str(result._elem.text or "")
    if message in _COLLECTION:
        return _cause(text) or message
    lines = [line.strip() for line in (message.strip() or text).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        return ""
    if lines[0].endswith(":") and len(lines) > 1:
        # A message of the author's that begins with a new line: `AssertionError: \n  why`.
        return f"{lines[0]} {lines[1]}"
    return lines[0]


def _cause(text: str) -> str:
    """Return the line of a collection report that names the exception or the reason."""
    skipped = re.search(r"'Skipped: (.*)'\)$", text.strip())
    if skipped:
        return skipped.group(1)
    lines = [line[1:].strip() for line in text.splitlines() if re.match(r"E\s", line)]
    named = [line for line in lines if re.match(r"[\w.]+: ", line)]
    return (named[-1:] or lines[:1] or [""])[0]
