"""What `inv ci.generate` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ...errors import UsageError
from ...settings import Settings
from .github import workflow
from .gitlab import pipeline
from .plan import plan_of
from .providers import PATHS, chosen
from .written import Pipeline, headed

_RENDER = {"github": workflow, "gitlab": pipeline}
_WHY = {
    "changed": "was changed by hand",
    "foreign": "was not made by inv ci.generate",
    "missing": "is missing",
    "stale": "is of other settings, or of another Tranship",
}


def pipelines(settings: Settings, provider: str = "", output: str = "") -> tuple[Pipeline, ...]:
    """Return the files for a provider, or for those that the project tells. Nothing is written.

    `output` is another path for the one file. Raises UsageError and SettingsError.
    """
    names = chosen(settings.root, provider)
    if output and len(names) > 1:
        raise UsageError(f"--output is one file: add --provider {' or --provider '.join(names)}.")
    plan = plan_of(settings)
    made = []
    for name in names:
        path = settings.root / (output or PATHS[name])
        own = Path(os.path.relpath(path, settings.root)).as_posix()
        option = "" if own == PATHS[name] else f" --output {own}"
        command = f"inv ci.generate --provider {name}{option}"
        made.append(Pipeline(path, headed(_RENDER[name](plan, option), command)))
    return tuple(made)


def checked(files: tuple[Pipeline, ...], shown: Callable[[Path], str]) -> list[str]:
    """Return a sentence for each file that is not what would be written."""
    return [
        f"{shown(file.path)} {_WHY[state]}." for file in files if (state := file.state) != "current"
    ]


def write(
    files: tuple[Pipeline, ...], shown: Callable[[Path], str], *, force: bool = False
) -> list[str]:
    """Write what is not current; return a line for each file.

    Raises UsageError, and writes nothing, for a file that a person wrote or changed.
    """
    states = {file.path: file.state for file in files}
    kept = [path for path, state in states.items() if state in ("changed", "foreign")]
    if kept and not force:
        reasons = " ".join(f"{shown(path)} {_WHY[states[path]]}." for path in kept)
        raise UsageError(
            f"{reasons} It stays as it is: --force replaces it, --output writes elsewhere."
        )
    lines = []
    for file in files:
        if states[file.path] == "current":
            lines.append(f"{shown(file.path)} is up to date.")
        else:
            file.write()
            lines.append(f"{shown(file.path)} written.")
    return lines
