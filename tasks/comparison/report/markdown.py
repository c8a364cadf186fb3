"""report.md: the verdict first, then every table folded away, short enough for a comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape

from ...errors import ExitCode
from ..diff import Comparison
from ..tables import render
from .page import headline

LIMIT = 64_000
"""GitHub refuses a comment of more than 65,536 characters; GitLab takes a million."""
_FOLDED_UNLESS = ("Summary",)
_CUT = "\n\n*{count} more rows are in report.html.*"


def markdown(
    comparison: Comparison,
    code: ExitCode,
    *,
    enforce: bool = False,
    mask: Callable[[str], str] = str,
    limit: int = LIMIT,
) -> str:
    """Return the comparison as Markdown of at most `limit` characters."""
    text = render(comparison, format="markdown", enforce=enforce, mask=mask)
    *blocks, last = text.split("\n\n")
    _, words = headline(code, comparison)
    found = f"## {words}\n\n{_inert(last)}\n"
    for title, body in _sections(blocks):
        room = limit - len(found) - 200
        if room < 0:
            break
        part = _cut(body, room)
        if title and title not in _FOLDED_UNLESS:
            part = f"<details><summary>{escape(title)}</summary>\n\n{part}\n\n</details>"
        elif title:
            part = f"### {title}\n\n{part}"
        found += f"\n{part}\n"
    return found


def _sections(blocks: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each heading with what stands under it; what stands before the first has none."""
    title, body = "", list[str]()
    for block in blocks:
        if block.startswith("### "):
            if body:
                yield title, "\n\n".join(body)
            title, body = block.removeprefix("### "), []
        else:
            body.append(_inert(block))
    if body:
        yield title, "\n\n".join(body)


def _inert(block: str) -> str:
    """Return a block in which no text opens or closes an HTML element.

    Tables, and text that is indented, are so already.
    """
    return block if block.startswith(("|", "    ")) else re.sub(r"<(?=\S)", "&lt;", block)


def _cut(body: str, room: int) -> str:
    """Return whole lines of at most `room` characters: half a row would break the table."""
    if len(body) <= room:
        return body
    kept, used = [], 0
    lines = body.split("\n")
    for line in lines:
        used += len(line) + 1
        if used > room - len(_CUT) - 10:
            break
        kept.append(line)
    return "\n".join(kept) + _CUT.format(count=len(lines) - len(kept))
