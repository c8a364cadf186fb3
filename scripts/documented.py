#!/usr/bin/env python3
"""Say how much of Tranship has its entry in docs/; exit 1 where it is too little.

An entry is what a reader would look up by its name: a task, an option of the settings, a
figure of the gates, a rule, an error, an item or a probe of the checklist.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tranship
from tranship import errors, settings
from tranship.comparison import gate_syntax
from tranship.envmap import checks
from tranship.migration.analysis import catalogue as analysis
from tranship.migration.checklist import catalogue as checklist
from tranship.migration.checklist.items import defaults

ROOT = Path(__file__).resolve().parents[1]
_OF_MODEL = {
    *("root", "suite", "local", "silence", "gates", "checklist", "migrate", "triggers"),
    *("ci", "kubernetes", "autoscale", "swarm", "monitoring", "harden"),
}
"""Fields of the settings that are the folder, or a table with fields of its own."""


def entries() -> Iterator[tuple[str, str, str]]:
    """Yield (page, how an entry begins there, name) for all that is to be documented."""
    for name in sorted(tranship.namespace().task_names):
        yield "commands.md", f"### {name}", name
    tables = (settings.Settings, settings.MigrateSettings, settings.KubernetesSettings)
    for table in vars(settings).values():
        if inspect.isclass(table) and dataclasses.is_dataclass(table):
            for field in dataclasses.fields(table):
                if field.name not in _OF_MODEL or table not in tables:
                    yield "settings.md", f"### {field.name.replace('_', '-')}", field.name
    for name in gate_syntax.NAMES:
        yield "comparing.md", f"`{name}`", name
    for name in checks.RULES:
        yield "env-check.md", f"### {name}", name
    for name in analysis.RULES:
        yield "analyze.md", f"| {name}", name
    for name, found in vars(errors).items():
        is_error = inspect.isclass(found) and issubclass(found, errors.TranshipError)
        if is_error and found is not errors.TranshipError:
            yield "errors.md", f"`{name}`", name
    for item in defaults():
        yield "checklist.md", f"| `{item.id}`", item.id
    for name in checklist.PROBES:
        yield "checklist.md", f"| `{name}`", name


def missing(docs: Path) -> tuple[int, list[str]]:
    """Return how many entries there should be, and those that are not there."""
    count, absent = 0, []
    pages: dict[str, str] = {}
    for page, begins, name in entries():
        if page not in pages:
            path = docs / page
            pages[page] = path.read_text(encoding="utf-8") if path.is_file() else ""
        count += 1
        if not re.search(rf"{re.escape(begins)}(?![\w-])", pages[page]):
            absent.append(f"{page}: {name}")
    return count, absent


def main(argv: Sequence[str]) -> int:
    """Print the figure, and what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--above", type=float, default=95.0, help="percent that are asked for")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="the folder")
    chosen = parser.parse_args(argv)
    count, absent = missing(chosen.docs)
    share = 100.0 * (count - len(absent)) / count
    for name in absent:
        sys.stdout.write(f"no entry: {name}\n")
    sys.stdout.write(f"{count - len(absent)} of {count} entries are documented ({share:.1f} %)\n")
    return 0 if share > chosen.above else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
