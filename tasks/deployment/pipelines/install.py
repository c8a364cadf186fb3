"""How Tranship gets installed in a pipeline: as the project's own files say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...settings import Settings

_BY_NAME = re.compile(r"tranship(?![\w.-])", re.I)
_BY_PLACE = re.compile(
    r"(^|[ /=])tranship(-\d[\w.+]*(-[\w.]+)*\.(whl|zip|tar\.gz)|\.git)?/?([@#\[;].*)?$", re.I
)
"""A folder, a wheel, a repository: what a requirement is that has no name before it."""


def setup_lines(settings: Settings) -> tuple[str, ...]:
    """Return the shell lines that install the project with Tranship.

    Raises UsageError where nothing says that the project needs it.
    """
    if settings.ci.setup:
        return settings.ci.setup
    line = next(_found(settings.root), None)
    if line is None:
        raise UsageError(
            "Nothing says how a pipeline installs Tranship: neither pyproject.toml nor a "
            "requirements*.txt names it. Name it in one of them, or give the shell lines: "
            '[tool.tranship.ci] setup = ["python -m pip install ..."].'
        )
    return ("python -m pip install --upgrade pip", line)


def _found(root: Path) -> Iterator[str]:
    document = _pyproject(root)
    project = document.get("project", {})
    if _names_it(project.get("dependencies", ())):
        yield "python -m pip install --editable ."
    for extra, packages in sorted(project.get("optional-dependencies", {}).items()):
        if _names_it(packages):
            yield f"python -m pip install --editable '.[{extra}]'"
    for group, packages in sorted(document.get("dependency-groups", {}).items()):
        if _names_it(item for item in packages if isinstance(item, str)):
            yield f"python -m pip install --group {group}"
    for path in _requirement_files(root):
        if _names_it(path.read_text(encoding="utf-8", errors="replace").splitlines()):
            yield f"python -m pip install --requirement {path.relative_to(root).as_posix()}"


def dependency_files(settings: Settings) -> tuple[str, ...]:
    """Return the files that say which packages there are: what a cache depends on."""
    named = [Path(name).as_posix() for name in settings.local.requirements]
    found = [
        path.relative_to(settings.root).as_posix() for path in _requirement_files(settings.root)
    ]
    first = ["pyproject.toml"] if (settings.root / "pyproject.toml").is_file() else []
    return tuple(dict.fromkeys([*first, *named, *found]))


def _requirement_files(root: Path) -> list[Path]:
    return sorted(root.glob("requirements*.txt"))


def _names_it(lines: Iterable[str]) -> bool:
    words = [line.partition(" #")[0].strip() for line in lines if not line.startswith("#")]
    return any(_BY_NAME.match(word) or _BY_PLACE.search(word) for word in words)


def _pyproject(root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
