"""Trials on record, compared: the newest of two modes, or the newest with an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import ExitCode, RecordError, UsageError
from ..settings import Settings
from ..trials import record
from ..trials.record import Trial
from .diff import Comparison, compare
from .gates import project_gates
from .tables import render
from .uncollected import uncollected
from .verdict import exit_code

FORMATS = ("terminal", "markdown")


Side = str | tuple[Trial, ...]
"""A mode, whose newest batch is meant; the path of a record (`.json`); or the runs themselves."""


@uncollected()
def compared_records(
    settings: Settings,
    baseline: Side,
    candidate: Side,
    *,
    format: str = "terminal",  # noqa: A002 - the word of the command line
    enforce: bool = False,
    strict: bool = False,
    width: int | None = None,
    unicode: bool = True,
    mask: Callable[[str], str] = str,
) -> tuple[str, ExitCode]:
    """Return the comparison of two sides as text, and the exit code.

    Raises as `comparison_of` does, and UsageError for a format that is none.
    """
    if format not in FORMATS:
        raise UsageError(f"Unknown format {format!r}. Formats: {', '.join(FORMATS)}.")
    comparison = comparison_of(settings, baseline, candidate)
    text = render(
        comparison,
        format="markdown" if format == "markdown" else "terminal",
        width=width,
        enforce=enforce,
        unicode=unicode,
        mask=mask,
    )
    return text, exit_code(comparison, enforce=enforce, strict=strict)


def comparison_of(settings: Settings, baseline: Side, candidate: Side) -> Comparison:
    """Return the comparison of two sides, by the project's gates.

    A mode with no record is shown as missing, which never passes. Raises RecordError when there
    is none of either, one cannot be read, or both are the same; SettingsError for a gate.
    """
    gates = project_gates(settings)
    runs = (_runs(settings, baseline), _runs(settings, candidate))
    if not any(runs):
        raise RecordError(
            f"No record of {baseline!r} or {candidate!r} in {settings.trials}. "
            "Run `nox -s compare`."
        )
    if {run.id for run in runs[0]} & {run.id for run in runs[1]}:
        mode = runs[1][0].mode
        raise RecordError(
            f"The baseline is the newest record of {mode!r} itself: nothing to compare. "
            f"Run `nox -s {mode}` first."
        )
    modes = tuple(side if isinstance(side, str) else side[0].mode for side in (baseline, candidate))
    return compare(*runs, modes=(modes[0], modes[1]), gates=gates)


def earlier_batch(path: Path) -> tuple[Trial, ...]:
    """Return the runs of the batch that the record is of, as far as they lie beside it.

    Raises RecordError when it cannot be read.
    """
    found = record.read(path)
    if not found.batch:
        return (found,)
    beside = (record.read(other) for other in sorted(path.parent.glob("*.json")))
    alike = [it for it in beside if (it.batch, it.mode) == (found.batch, found.mode)]
    return tuple(sorted(alike, key=lambda it: it.repeat))


def _runs(settings: Settings, side: Side) -> tuple[Trial, ...]:
    if not isinstance(side, str):
        return side
    if side.endswith(".json"):
        return earlier_batch(Path(side))
    return record.newest_batch(settings.trials, side)
