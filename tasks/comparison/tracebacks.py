"""What of a failure on record tells why: its own words, without the test's source around them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..trials.record import TestOutcome

_PLACE = re.compile(r"(?P<path>\S+):\d+: ?(?P<rest>.*)")
_NUMBER = re.compile(r"\b\d[\d_.]*\b")


def spoken(test: TestOutcome) -> str:
    """Return the message and what the end of the traceback adds to it.

    Of pytest's long style these are the lines of the error (`E`), of the failing statements (`>`)
    and of where they stand. The lines above a statement are source: what they name did not fail,
    and the ranking reads the source for itself. Numbers of statements and lines say nothing of a
    value, and the path of Python's own files nothing of a user or a version.
    """
    return "\n".join(filter(None, dict.fromkeys((test.message, *_telling(test.details)))))


def _telling(details: str) -> Iterator[str]:
    after_place = False
    for line in details.splitlines():
        place = _PLACE.match(line)
        if place:
            yield _place(place["path"], place["rest"])
        elif re.match(r"E\s", line):
            yield line[1:].strip()
        elif after_place or re.match(r">\s", line):
            yield " ".join(_NUMBER.sub("", line.removeprefix(">")).split())
        # `--tb=short` has the statement below its place; the long style an empty line.
        after_place = bool(place and place["rest"].startswith("in "))


def _place(path: str, rest: str) -> str:
    inside = path.rpartition("site-packages/")[2]
    return f"{inside}: {rest}" if not inside.startswith("/") else ""
