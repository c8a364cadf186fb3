"""Trials on record as reports, and where they went as a line of the comparison's text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...envmap.project import masker
from ...errors import EnvironmentFailed, ExitCode
from ...settings import Settings
from ..diff import Comparison
from ..records import Side, comparison_of
from ..tables import render
from ..uncollected import uncollected
from ..verdict import exit_code
from .files import write_reports


@uncollected()
def reported_records(
    settings: Settings,
    baseline: Side,
    candidate: Side,
    *,
    enforce: bool = False,
    strict: bool = False,
    width: int | None = None,
    unicode: bool = True,
    mask: Callable[[str], str] = str,
    more: bool = False,
) -> tuple[str, ExitCode]:
    """Write the reports of two sides; return the comparison as text, and the exit code.

    The line before the verdict says where the reports are. Raises as `comparison_of` does; a
    report that cannot be written is said in that line, since the comparison stands without it.
    """
    comparison = comparison_of(settings, baseline, candidate)
    text = render(comparison, width=width, enforce=enforce, unicode=unicode, mask=mask)
    code = exit_code(comparison, enforce=enforce, strict=strict)
    where = _written(comparison, code, settings, enforce, mask, more)
    above, _, verdict = text.rpartition("\n\n")
    return "\n\n".join(filter(None, (above, where, verdict))), code


@uncollected()
def write_records(
    settings: Settings,
    baseline: Side,
    candidate: Side,
    *,
    enforce: bool = False,
    strict: bool = False,
) -> list[Path]:
    """Write the reports of two sides, without the stack's secrets; return the files.

    Raises as `comparison_of` and `write_reports` do.
    """
    comparison = comparison_of(settings, baseline, candidate)
    code = exit_code(comparison, enforce=enforce, strict=strict)
    mask = masker(settings)
    written = write_reports(comparison, code, settings, enforce=enforce, mask=mask)
    return [*sorted(written.folder.glob("report.*")), *written.elsewhere]


def _written(
    comparison: Comparison,
    code: ExitCode,
    settings: Settings,
    enforce: bool,
    mask: Callable[[str], str],
    more: bool,
) -> str:
    try:
        found = write_reports(comparison, code, settings, enforce=enforce, mask=mask, more=more)
    except EnvironmentFailed as error:
        return f"No report: {error}"
    path = found.html
    shown = path.relative_to(settings.root) if path.is_relative_to(settings.root) else path
    return f"Report: {shown} (report.md and report.xml beside it)."
