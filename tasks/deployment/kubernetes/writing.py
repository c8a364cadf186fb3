"""Files on the disk: whole, never over what a person changed, Secrets for their owner alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ...errors import UsageError
from ...stack.isolation import write_private
from ...stack.textfile import replace_file
from .. import signature
from .layouts import HEADER, SECRETS


def stale(folder: Path, files: Mapping[PurePosixPath, str]) -> list[str]:
    """Return the files that are missing, say something else, or are no longer made."""
    other = [str(path) for path, text in files.items() if _text(folder / path) != text]
    return sorted([*other, *(str(path) for path in _generated(folder) if path not in files)])


def write(folder: Path, files: Mapping[PurePosixPath, str], *, force: bool = False) -> list[Path]:
    """Write the files that changed, remove those that are no longer made; return the written.

    Raises UsageError, and touches nothing, where that would take something from a person.
    """
    present = _generated(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is no folder. Name another one with --output.")
    if not force:
        _require_free(folder, files, present)
    written = []
    for path, text in files.items():
        target = folder / path
        private = path.name == SECRETS
        if _text(target) != text or (private and target.stat().st_mode & 0o077):
            _replace(target, text, private=private)
            written.append(target)
    for path in present:
        # One that was changed stays even then: --force says to write, not to throw away.
        if path not in files and _is_untouched(_text(folder / path) or ""):
            (folder / path).unlink()
    return written


def _require_free(
    folder: Path, files: Mapping[PurePosixPath, str], present: list[PurePosixPath]
) -> None:
    if not present and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"{folder}: is not empty, and none of it was generated. Name another folder with "
            "--output, or write into it with --force."
        )
    taken = [
        str(path)
        for path in files
        if (text := _text(folder / path)) is not None and not _is_untouched(text)
    ]
    changed = [str(path) for path in present if not _is_untouched(_text(folder / path) or "")]
    if taken or changed:
        names = ", ".join(sorted({*taken, *changed}))
        raise UsageError(
            f"{folder}: changed by hand since it was generated: {names}. Change the stack instead, "
            "or add a file of your own beside these; --force writes over the changes."
        )


def _generated(folder: Path) -> list[PurePosixPath]:
    if not folder.is_dir():
        return []
    # Only where the layouts put files: a folder below may be another export's.
    return sorted(
        PurePosixPath(path.relative_to(folder))
        for pattern in ("*", "base/*", "overlays/*/*")
        for path in folder.glob(pattern)
        if path.is_file() and _is_ours(_text(path) or "")
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None if not path.exists() else ""


def _replace(path: Path, text: str, *, private: bool) -> None:
    if private:
        write_private(path, text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text)


def _is_ours(text: str) -> bool:
    return signature.is_ours(text, HEADER)


def _is_untouched(text: str) -> bool:
    return signature.is_untouched(text, HEADER)
