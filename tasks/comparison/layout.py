"""Text and tables for the terminal and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Format = Literal["terminal", "markdown"]
Keep = Literal["start", "end"]

_GAP = {"terminal": 2, "markdown": 3}
_EDGES = {"terminal": 0, "markdown": 4}
_LEAST = 12
"""Narrowest width that a cut column keeps: less names nothing."""
_LONGEST = 300
"""Widest that a cut column gets where the width is not limited: one message can be a page."""


@dataclass(frozen=True)
class Style:
    """Where text goes: the format, the width in columns, the characters, what to hide."""

    format: Format = "terminal"
    width: int | None = None
    """None: only what is longer than a paragraph is cut."""
    unicode: bool = True
    mask: Callable[[str], str] = str

    def text(self, value: str) -> str:
        """Return text that came from elsewhere, masked, on one line and without controls.

        Masked first: half a secret would pass, and so would one with an escape in it.
        """
        shown = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode()
            for char in self.mask(value)
        )
        return shown if self.unicode else shown.encode("ascii", "backslashreplace").decode()

    def lines(self, value: str) -> list[str]:
        """Return text of several lines, each as `text` does."""
        return [self.text(line) for line in self.mask(value).splitlines()]

    def heading(self, value: str) -> str:
        """Return the heading of one table."""
        return f"### {value}" if self.format == "markdown" else value

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        cut: Mapping[int, Keep] | None = None,
        code: frozenset[int] = frozenset(),
        right: frozenset[int] = frozenset(),
    ) -> str:
        """Return the rows as a table no wider than the style's width, as far as it can.

        Columns in `cut` give way, and keep their start or their end; columns in `code` are
        verbatim text from elsewhere; columns in `right` are figures.
        """
        from tabulate import tabulate

        cells = [[*row] for row in rows]
        self._fit(headers, cells, cut or {})
        if self.format == "markdown":
            cells = [
                [_code(cell) if index in code else _escaped(cell) for index, cell in enumerate(row)]
                for row in cells
            ]
        return tabulate(
            cells,
            headers=headers,
            tablefmt="simple" if self.format == "terminal" else "pipe",
            # A test named `1e5` is no number.
            disable_numparse=True,
            colalign=["right" if index in right else "left" for index in range(len(headers))],
        )

    def _fit(self, headers: Sequence[str], cells: list[list[str]], cut: Mapping[int, Keep]) -> None:
        if self.width is None:
            for row in cells:
                for index, keep in cut.items():
                    row[index] = self._cut(row[index], _LONGEST, keep)
            return
        # tabulate pads each header by its MIN_PADDING, two, before it measures the cells.
        padded = [f"{header}  " for header in headers]
        widths = [max(map(len, column)) for column in zip(padded, *cells, strict=True)]
        gaps = _GAP[self.format] * (len(headers) - 1) + _EDGES[self.format]
        room = self.width - gaps - sum(w for i, w in enumerate(widths) if i not in cut)
        # The narrow columns first: what they leave over goes to the wide ones.
        waiting = sorted(cut, key=widths.__getitem__)
        for position, index in enumerate(waiting):
            share = max(_LEAST, room // (len(waiting) - position))
            widths[index] = min(widths[index], share)
            room -= widths[index]
        for row in cells:
            for index, keep in cut.items():
                row[index] = self._cut(row[index], widths[index], keep)

    def _cut(self, text: str, width: int, keep: Keep) -> str:
        if len(text) <= width:
            return text
        mark = "\N{HORIZONTAL ELLIPSIS}" if self.unicode else "..."
        left = width - len(mark)
        return text[:left].rstrip() + mark if keep == "start" else mark + text[-left:]


def _code(text: str) -> str:
    if not text:
        return ""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    # A pipe ends the cell even inside a code span, unless it is escaped (GFM, tables).
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def _escaped(text: str) -> str:
    for char in "\\`*_[]|":
        text = text.replace(char, f"\\{char}")
    return re.sub(r"<(?=\S)", "&lt;", text)
