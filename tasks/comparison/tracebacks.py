"""What of a failure on record tells why: its own words, without the test's source around them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..trials.record import TestOutcome

_PLACE = re.compile(r"\S+:\d+: ")


def spoken(test: TestOutcome) -> str:
    """Return the message and what the end of the traceback adds to it.

    Of pytest's long style these are the lines of the error (`E`), of the failing statements (`>`)
    and of where they stand. The lines above a statement are source: what they name did not fail,
    and the ranking reads the source for itself.
    """
    return "\n".join(dict.fromkeys((test.message, *_telling(test.details))))


def _telling(details: str) -> Iterator[str]:
    after_place = False
    for line in details.splitlines():
        place = bool(_PLACE.match(line))
        if place or after_place or re.match(r"[E>]\s", line):
            yield line[1:].strip() if line[:1] in "E>" and not place else line.strip()
        # `--tb=short` has the statement below its place; the long style an empty line.
        after_place = place and " in " in line
