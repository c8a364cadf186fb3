"""Mends applied: a diff first, and only what was confirmed, each whole or not at all."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ...envmap.project import open_project
from ...envmap.secrets import mask_text, mask_value
from ...errors import ComposeFileError, SettingsError, UsageError, near
from ...settings import Settings
from ...stack import engine
from ...stack.textfile import replace_file
from .model import Edit, Finding

EVERY = "all"
DELIBERATE = frozenset({"TM012"})
"""Rules that `all` leaves out: a store that gets a volume starts without its old data."""


@dataclass(frozen=True)
class Change:
    """One finding's mend: the texts of its files before and after."""

    finding: Finding
    before: Mapping[Path, str]
    after: Mapping[Path, str]

    def diff(self, root: Path) -> str:
        """Return the change as a unified diff, files relative to `root`."""
        parts = []
        for path, old in self.before.items():
            name = str(path.relative_to(root) if path.is_relative_to(root) else path)
            lines = difflib.unified_diff(
                old.splitlines(keepends=True),
                self.after[path].splitlines(keepends=True),
                f"a/{name}" if path.exists() else "/dev/null",
                f"b/{name}",
            )
            for line in lines:
                lacking = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
                parts.append(f"{line}{lacking}")
        return "".join(parts).rstrip("\n")


def shown(change: Change, settings: Settings) -> str:
    """Return the diff of a change as it may be shown: the secrets around it hidden."""
    hidden = open_project(settings).hidden
    lines = change.diff(settings.root).splitlines()
    return "\n".join(mask_text(mask_value("", line), hidden) for line in lines)


def change_of(finding: Finding) -> Change | None:
    """Return the change that mends a finding; None where it has no fix."""
    if finding.fix is None:
        return None
    edits: dict[Path, list[Edit]] = {}
    for edit in finding.fix.edits:
        edits.setdefault(edit.path, []).append(edit)
    before = {path: _text(path) for path in edits}
    after = {path: _edited(before[path], group) for path, group in edits.items()}
    return Change(finding, before, after)


def _text(path: Path) -> str:
    # Marks do not count a byte order mark; it is put back when the file is written.
    return path.read_bytes().decode("utf-8").removeprefix("\ufeff") if path.exists() else ""


def _edited(text: str, edits: Sequence[Edit]) -> str:
    # From the end, so that earlier places stay true; one place keeps the edits' order.
    for edit in sorted(edits, key=lambda item: item.start)[::-1]:
        text = f"{text[: edit.start]}{edit.text}{text[edit.end :]}"
    return text


def chosen(text: str, fixable: Sequence[Finding]) -> frozenset[str]:
    """Return the rules that `--yes` names; `all` are those of every fixable finding but few.

    Raises UsageError for one that no fixable finding has.
    """
    if text.strip().lower() == EVERY:
        return frozenset(item.rule for item in fixable) - DELIBERATE
    known = sorted({item.rule for item in fixable})
    names = [part.strip().upper() for part in text.split(",") if part.strip()]
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(
                f"No finding of {name!r} that can be mended{near(name, known)}. Rules: {listed}."
            )
    return frozenset(names)


def apply(
    settings: Settings,
    findings: Callable[[], Sequence[Finding]],
    confirmed: Callable[[Change], bool],
) -> tuple[Change, ...]:
    """Ask about each mend in turn, write those that are confirmed, and return them.

    `findings` is called again after each that is written: the lines have moved. Raises
    UsageError where the stack would no longer be one; that mend is not written.
    """
    done: list[Change] = []
    asked: set[tuple[str, tuple[str, ...], str]] = set()
    pending = list(findings())
    while pending:
        change = change_of(pending.pop(0))
        if change is None or _key(change.finding) in asked:
            continue
        asked.add(_key(change.finding))
        if confirmed(change):
            write(settings, change)
            done.append(change)
            pending = list(findings())
    return tuple(done)


def _key(item: Finding) -> tuple[str, tuple[str, ...], str]:
    return item.rule, item.services, item.message


def write(settings: Settings, change: Change) -> None:
    """Write the files of a change, where Compose still resolves the stack with them."""
    project = open_project(settings)
    with _beside(change) as copies:
        files = tuple(copies.get(path, path) for path in project.compose.files)
        trial = replace(project.compose, files=files, directory=project.compose.files[0].parent)
        try:
            engine.document_of(trial)
        except (ComposeFileError, SettingsError) as error:
            raise UsageError(
                f"{change.finding.rule}: the stack would not resolve with this mend, so nothing "
                f"was written: {error}"
            ) from error
    for path, text in change.after.items():
        if _text(path) != change.before[path]:
            raise UsageError(f"{path} has changed meanwhile; nothing was written. Try again.")
        replace_file(path, text)


@contextmanager
def _beside(change: Change) -> Iterator[dict[Path, Path]]:
    """Yield copies of the changed files in their own folders: what they name is relative."""
    copies: dict[Path, Path] = {}
    try:
        for path, text in change.after.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f"-{path.name}")
            copies[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
        yield copies
    finally:
        for copy in copies.values():
            copy.unlink(missing_ok=True)


def write_report(path: str, text: str) -> Path:
    """Write a report to a file and return its path; raises UsageError where that fails."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, f"{text}\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
    return target
