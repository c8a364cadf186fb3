"""Where the reports go: a folder of their own, and where the CI system looks for them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import EnvironmentFailed, ExitCode
from ...settings import Settings
from ..diff import Comparison
from .junit import junit
from .markdown import markdown
from .page import page

KEPT = 20
"""Folders of reports that are kept, as of the records of one mode."""
NOTE = "gitlab-note.md"


@dataclass(frozen=True)
class Written:
    """The folder of one comparison's reports, and what else was written."""

    folder: Path
    elsewhere: tuple[Path, ...] = ()

    @property
    def html(self) -> Path:
        """The page."""
        return self.folder / "report.html"


def write_reports(
    comparison: Comparison,
    code: ExitCode,
    settings: Settings,
    *,
    enforce: bool = False,
    mask: Callable[[str], str] = str,
    more: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Written:
    """Write report.md, report.html and report.xml, and what the CI system shows.

    With `more` the GitLab note is added to that of the comparison before it, which is of the
    same command. `environment` is the process's own where it is None.

    Raises EnvironmentFailed when a file cannot be written.
    """
    known = os.environ if environment is None else environment
    text = markdown(comparison, code, enforce=enforce, mask=mask)
    reports = settings.state_directory / "reports"
    folder = reports / folder_name(comparison)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_bytes(_utf8(text))
        (folder / "report.html").write_bytes(
            _utf8(page(comparison, code, enforce=enforce, mask=mask))
        )
        (folder / "report.xml").write_bytes(junit(comparison, mask))
        elsewhere = tuple(_published(text, reports, known, more))
        _remove_old(reports, folder)
    except OSError as error:
        raise EnvironmentFailed(
            f"{error.filename or folder}: the report cannot be written ({error.strerror})."
        ) from error
    return Written(folder, elsewhere)


def folder_name(comparison: Comparison) -> str:
    """Return the folder's name: the candidate's batch or id, and which pair it is.

    One batch may compare several candidates with the same baseline.
    """
    trial = comparison.candidate.trial or comparison.baseline.trial
    run = (trial.batch or trial.id) if trial else "none"
    pair = "-".join(side.name for side in comparison.sides)
    return re.sub(r"[^\w.-]+", "_", f"{run}-{pair}")[:100].lstrip(".")


def _published(text: str, reports: Path, environment: Mapping[str, str], more: bool) -> list[Path]:
    found = []
    summary = environment.get("GITHUB_STEP_SUMMARY", "")
    if environment.get("GITHUB_ACTIONS") == "true" and summary:
        path = Path(summary)
        with path.open("ab") as stream:
            stream.write(_utf8(f"{text}\n"))
        found.append(path)
    if environment.get("GITLAB_CI"):
        path = reports / NOTE
        with path.open("ab" if more else "wb") as stream:
            stream.write(_utf8(f"{text}\n"))
        found.append(path)
    return found


def _remove_old(reports: Path, kept: Path) -> None:
    folders = sorted(
        (it for it in reports.iterdir() if it.is_dir() and it != kept),
        key=lambda it: it.stat().st_mtime,
    )
    for folder in folders[: max(0, len(folders) - KEPT + 1)]:
        shutil.rmtree(folder, ignore_errors=True)


def _utf8(text: str) -> bytes:
    # A lone surrogate of a name that was no UTF-8: a `?` rather than no report.
    return text.encode("utf-8", "replace")
