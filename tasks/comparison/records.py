"""The newest trials on record, compared."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ExitCode, RecordError, UsageError
from ..settings import Settings
from ..trials import record
from .diff import compare
from .tables import render
from .verdict import exit_code

FORMATS = ("terminal", "markdown")


def compared_records(
    settings: Settings,
    baseline: str,
    candidate: str,
    *,
    format: str = "terminal",  # noqa: A002 - the word of the command line
    enforce: bool = False,
    strict: bool = False,
    width: int | None = None,
    unicode: bool = True,
    mask: Callable[[str], str] = str,
) -> tuple[str, ExitCode]:
    """Return the newest trials of two modes as text, and the exit code.

    A mode with no record is shown as missing, which never passes. Raises RecordError when
    there is none of either, or one cannot be read.
    """
    if format not in FORMATS:
        raise UsageError(f"Unknown format {format!r}. Formats: {', '.join(FORMATS)}.")
    trials = [record.newest_or_none(settings.trials, mode) for mode in (baseline, candidate)]
    if trials == [None, None]:
        raise RecordError(
            f"No record of {baseline!r} or {candidate!r} in {settings.trials}. "
            "Run `nox -s compare`."
        )
    comparison = compare(trials[0], trials[1], modes=(baseline, candidate))
    text = render(
        comparison,
        format="markdown" if format == "markdown" else "terminal",
        width=width,
        enforce=enforce,
        unicode=unicode,
        mask=mask,
    )
    return text, exit_code(comparison, enforce=enforce, strict=strict)
