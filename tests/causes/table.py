"""The table of docs/causes.md: read, and written by the tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .planted import CAUSES, Found

PAGE = Path(__file__).parents[2] / "docs" / "causes.md"
HEAD = ["cause", "planted", "fails on", "compare", "explain's first row", "bisect", "probes"]
_BEGIN = "| " + " | ".join(HEAD) + " |\n"
_NAMES = {cause.cause: cause.name for cause in CAUSES}


def row(name: str, found: Found) -> list[str]:
    """Return the cells of a cause."""
    cause = next(it for it in CAUSES if it.name == name)
    return [
        cause.cause,
        cause.planted,
        cause.fails if cause.compare == "differs" else "both",
        found.compare,
        found.explain,
        found.bisect,
        found.probes,
    ]


def stable(cells: list[str]) -> list[str]:
    """Return the cells that are the same in every run: all but the number of probes."""
    return cells[:-1]


def rows() -> dict[str, list[str]]:
    """Return folder -> cells, as the page has them."""
    text = PAGE.read_text(encoding="utf-8")
    lines = text[text.index(_BEGIN) :].split("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines)
    return {_NAMES[it[0]]: it for it in cells}


def write(found: Mapping[str, Found]) -> None:
    """Write what was found into the page; rows of causes that did not run stay."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition("\n\n")[2]
    known = rows()
    cells = {name: row(name, it) for name, it in found.items()}
    ordered = [cells.get(it.name) or known.get(it.name) for it in CAUSES]
    lines = [f"| {' | '.join(it)} |" for it in ordered if it]
    table = _BEGIN + "|---" * len(HEAD) + "|\n" + "\n".join(lines)
    PAGE.write_text(f"{before}{table}\n\n{after}", encoding="utf-8")
