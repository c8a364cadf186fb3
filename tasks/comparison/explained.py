"""For each test that differs on record: the differences of the sides that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path

from ..envmap.secrets import mask_value
from ..errors import UsageError
from ..settings import Settings
from ..trials.record import TestOutcome
from .causes import Cause, rank
from .diff import Comparison
from .fingerprints import Difference, differences
from .mentions import Mentions, TestSource, beside_tests, mentions
from .records import comparison_of
from .summary import FAILING
from .tracebacks import spoken

SHOWN = 5
SHOWN_TESTS = 20
WEAKEST = 4
"""A row with less than the first one's score by this is not shown."""
_IMPORTED_FILES = 40
_NOT_SOURCES = frozenset({".git", ".venv", ".nox", "node_modules", "site-packages"})


def explained(
    settings: Settings, test: str = "", baseline: str = "local", candidate: str = "docker"
) -> str:
    """Return the ranking for every differing test, or for those whose name has `test` in it.

    Raises UsageError for a name that no differing test has, RecordError as `comparison_of` does.
    """
    comparison = comparison_of(settings, baseline, candidate)
    left, right = comparison.sides
    found = differences(*(it.trial.fingerprint if it.trial else {} for it in (left, right)))
    blocks = []
    tests = list(differing(comparison))
    chosen = [it for it in tests if test in test_name(it[0] or it[1])]
    if test and not chosen:
        known = ", ".join(test_name(it[0] or it[1]) for it in tests[:10])
        raise UsageError(
            f"No test that differs between {left.name} and {right.name} has {test!r} in its name. "
            + (f"These differ: {known}." if known else "None differs.")
        )
    for ours, theirs in chosen[:SHOWN_TESTS]:
        message = "\n".join(spoken(it) for it in (ours, theirs) if it and it.outcome in FAILING)
        path, source = test_source(settings, (ours or theirs))
        twins = case_twins(message, settings.root, path)
        causes = rank(message, source, found, case_twins=twins)
        blocks.append(_block(comparison, (ours, theirs), path, causes, twins, settings.root))
    if chosen[SHOWN_TESTS:]:
        more = len(chosen) - SHOWN_TESTS
        blocks.append(f"{more} more tests differ: name them with --test, by a part of the name.")
    if comparison.flaky:
        names = ", ".join(test_name(it.test) for it in comparison.flaky)
        blocks.append(f"Flaky, which no difference of the sides explains: {names}.")
    if not tests:
        blocks.append(f"No test differs between {left.name} and {right.name} on record.")
    if not found:
        blocks.append("The sides' fingerprints do not differ, or one has none.")
    return "\n\n".join(blocks)


Both = tuple[TestOutcome | None, TestOutcome | None]


def differing(comparison: Comparison) -> Iterator[Both]:
    """Yield each test that differs, as either side has it; None where it has none."""
    for pair in comparison.different:
        yield pair.baseline, pair.candidate
    # A module that cannot be imported is one error there, and its tests are missing.
    for test in comparison.only_baseline:
        if test.outcome in FAILING:
            yield test, None
    for test in comparison.only_candidate:
        if test.outcome in FAILING:
            yield None, test


def test_name(test: TestOutcome | None) -> str:
    """Return a test's name as it is shown, and as `--test` is looked for in it."""
    if test is None:
        return ""
    return f"{test.classname}::{test.name}" if test.classname else test.name


def _block(
    comparison: Comparison,
    both: Both,
    path: Path | None,
    causes: tuple[Cause, ...],
    twins: tuple[tuple[str, str], ...],
    root: Path,
) -> str:
    lines = [test_name(both[0] or both[1])]
    for side, test in zip(comparison.sides, both, strict=True):
        said = f": {_shown(test.message, 160)}" if test and test.message else ""
        lines.append(f"  {side.name}: {test.outcome if test else 'not there'}{said}")
    where = path.relative_to(root) if path and path.is_relative_to(root) else path
    lines.append(f"  source: {where or 'not found, ranked by the failure alone'}")
    if twins and not any(it.difference.key.startswith("case_sensitive") for it in causes):
        # Both file systems tell the cases apart, and one side has a copy with other names.
        lines.append("  it asks for {!r} and here is {!r}".format(*twins[0]))
    strong = [it for it in causes[:SHOWN] if it.score * WEAKEST >= causes[0].score]
    for number, cause in enumerate(strong, 1):
        lines.append(f"  {number}. {_row(cause.difference)}")
        lines.extend(f"       {_shown(reason, 160)}" for reason in cause.reasons)
        if cause.difference.why:
            lines.append(f"       {cause.difference.why}")
    if len(causes) > len(strong):
        lines.append(f"  {len(causes) - len(strong)} more, of which it speaks less.")
    if not causes:
        lines.append("  It speaks of nothing that differs.")
    return "\n".join(lines)


def _row(difference: Difference) -> str:
    name = difference.key.partition(":")[2] if difference.key.startswith("env:") else ""
    values = (
        "-" if value is None else _shown(mask_value(name, value), 60)
        for value in (difference.baseline, difference.candidate)
    )
    return f"{difference.key}: {' / '.join(values)}"


def _shown(text: str, most: int) -> str:
    line = mask_value("", " ".join(text.split()))
    return line if len(line) <= most else line[: most - 3] + "..."


def test_source(settings: Settings, test: TestOutcome | None) -> tuple[Path | None, TestSource]:
    """Return a test's file in this checkout, and what it speaks of; None where it is not here."""
    path = _path(settings, test) if test else None
    if path is None or test is None:
        return None, TestSource()
    text = _read(path)
    whole = mentions(text)
    bare = test.name.partition("[")[0]
    above = [folder / "conftest.py" for folder in (path.parent, *path.parent.parents)]
    inside = [it for it in above if it.is_relative_to(settings.root) and it.is_file()]
    imported = [*inside, *_imported(whole, settings.root, path)][:_IMPORTED_FILES]
    return path, TestSource(
        mentions(text, bare),
        beside_tests(text),
        reduce(or_, (mentions(_read(it)) for it in imported), Mentions()),
    )


# No tests, whatever their names say to pytest.
test_source.__test__ = test_name.__test__ = False  # type: ignore[attr-defined]


def _path(settings: Settings, test: TestOutcome) -> Path | None:
    """Return the file of a JUnit class name: `tests.test_a.TestB` is tests/test_a.py.

    In a container the name may lack the first folders, or have more of them.
    """
    parts = (test.classname or test.name).split(".")
    for count in range(len(parts), 0, -1):
        for start in range(count):
            tail = Path(*parts[start:count]).with_suffix(".py")
            for folder in (".", *settings.suite.paths):
                base = settings.root / folder
                for found in (base / tail, base.parent / tail):
                    if found.is_file():
                        return found
    return None


def _imported(found: Mentions, root: Path, path: Path) -> Iterator[Path]:
    """Yield the project's own files among what is imported."""
    folders = [path.parent, root, root / "src", *_folders_beside(root)]
    for module in sorted(found.modules):
        tail = Path(*module.split("."))
        for folder in folders:
            file, package = folder / tail.with_suffix(".py"), folder / tail / "__init__.py"
            if file.is_file() or package.is_file():
                yield file if file.is_file() else package
                break


def _folders_beside(root: Path) -> list[Path]:
    return sorted(it for it in root.iterdir() if it.is_dir() and it.name not in _NOT_SOURCES)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def case_twins(message: str, root: Path, test: Path | None) -> tuple[tuple[str, str], ...]:
    """Return the file names of a failure that stand on disk in another case of letters."""
    found = []
    if not re.search(r"No such file|FileNotFound|Errno 2\b|No module named", message):
        return ()
    for named in re.findall(r"['\"]([^'\"\n]+)['\"]", message):
        wanted = Path(named)
        folders = [base / wanted.parent for base in (root, *([test.parent] if test else []))]
        for folder in folders:
            if not folder.is_dir():
                continue
            names = {it.name for it in folder.iterdir()}
            twins = sorted(it for it in names if it.lower() == wanted.name.lower())
            if twins and wanted.name not in names:
                found.append((wanted.name, twins[0]))
                break
    return tuple(found)
