"""Pieces of HTML. All text that comes from a trial passes through `Ink`, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from ..layout import Style

SIDES = ("baseline", "candidate")
"""CSS classes of the two sides, in order."""


@dataclass(frozen=True)
class Ink:
    """Makes text from elsewhere fit for the page: masked, without controls, escaped."""

    mask: Callable[[str], str] = str

    def __call__(self, text: str) -> str:
        """Return one line of text as HTML."""
        return escape(self.plain(text))

    def plain(self, text: str) -> str:
        """Return one line of text that is masked, and still to be escaped."""
        masked = self.mask(text)
        # Nearly all of 50,000 names are printable, and then done.
        return masked if masked.isprintable() else Style().text(masked)

    def lines(self, text: str) -> str:
        """Return text of several lines as HTML, to stand in a <pre>."""
        return "\n".join(map(escape, Style(mask=self.mask).lines(text)))


@dataclass(frozen=True)
class Cell:
    """One cell: HTML, and what it sorts by where that is not its text (None: as missing)."""

    html: str
    sort: float | None = None
    css: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column; figures sort by `Cell.sort` and stand at the right."""

    title: str
    figure: bool = False


@dataclass(frozen=True)
class Row:
    """One row, and the state that the table's choice filters by."""

    cells: Sequence[Cell]
    state: str = ""


@dataclass(frozen=True)
class Choice:
    """One option of a table's choice: a title, the states that it shows, whether it is set."""

    title: str
    states: frozenset[str]
    chosen: bool = False


@dataclass(frozen=True)
class Grid:
    """A table that sorts, and filters by text and by state."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    choices: Sequence[Choice] = field(default=())
    note: str = ""

    def html(self) -> str:
        """Return the table with its controls. Without JavaScript it shows every row."""
        head = "".join(
            f'<th scope="col"{_kind(column)}><button type="button">{escape(column.title)}'
            '<span class="arrow" aria-hidden="true"></span></button></th>'
            for column in self.columns
        )
        body = "".join(self._row(row) for row in self.rows)
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        return (
            f'<div class="grid" id="grid-{self.name}">{self._controls()}'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(self.caption)}">'
            f'<table><caption class="unseen">{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
            f'<p class="none" hidden>No row fits the filter.</p>{note}</div>'
        )

    def _row(self, row: Row) -> str:
        state = f' data-state="{escape(row.state)}"' if row.state else ""
        cells = []
        for column, cell in zip(self.columns, row.cells, strict=True):
            css = " ".join(filter(None, ("figure" if column.figure else "", cell.css)))
            sort = f' data-sort="{cell.sort!r}"' if cell.sort is not None else ""
            kind = f' class="{css}"' if css else ""
            cells.append(f"<td{kind}{sort}>{cell.html}</td>")
        return f"<tr{state}>{''.join(cells)}</tr>"

    def _controls(self) -> str:
        options = "".join(
            f'<option value="{escape(" ".join(sorted(it.states)))}"'
            f"{' selected' if it.chosen else ''}>{escape(it.title)}</option>"
            for it in self.choices
        )
        choice = f'<label>Show <select class="choice">{options}</select></label>' if options else ""
        return (
            '<div class="controls" hidden><label>Filter <input type="search" class="filter" '
            f'placeholder="text in any column" autocomplete="off"></label>{choice}'
            '<output class="count" aria-live="polite"></output></div>'
        )


def chip(kind: str, text: str) -> str:
    """Return a small coloured label; its symbol says the same as its colour."""
    return f'<span class="chip {kind}">{escape(text)}</span>'


def section(name: str, title: str, *blocks: str) -> str:
    """Return one section of the page."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>{"".join(blocks)}</section>'
    )


def note(text: str) -> str:
    """Return a paragraph of our own words."""
    return f'<p class="note">{escape(text)}</p>'


def folded(title: str, body: str) -> str:
    """Return what opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def legend(names: Iterable[str]) -> str:
    """Return the key of the charts; `names` are HTML already."""
    keys = "".join(
        f'<li class="{side}"><svg class="key" viewBox="0 0 22 10" aria-hidden="true">'
        f'<path class="line {side}" d="M1 5H21"/></svg>{name}</li>'
        for side, name in zip(SIDES, names, strict=True)
    )
    return f'<ul class="legend">{keys}</ul>'


def _kind(column: Column) -> str:
    return ' class="figure" data-figure' if column.figure else ""
