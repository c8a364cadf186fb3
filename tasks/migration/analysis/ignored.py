"""What .dockerignore keeps out of a build context.

Source: Docker's documentation, "Build context", section ".dockerignore files".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

UNWANTED = (
    ".git",
    ".venv",
    "venv",
    "node_modules",
    ".nox",
    ".tox",
    ".tranship",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".env",
)
"""Names at the top of a context that no image needs."""


def ignore_file(context: Path, dockerfile: Path) -> Path:
    """Return the file that counts: one beside the Dockerfile wins over the context's own."""
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    return own if own.is_file() else context / ".dockerignore"


def let_in(context: Path, dockerfile: Path) -> tuple[str, ...]:
    """Return the unwanted names that are in the context and get into the build."""
    path = ignore_file(context, dockerfile)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return tuple(
        name for name in UNWANTED if (context / name).exists() and not is_ignored(name, text)
    )


def is_ignored(name: str, text: str) -> bool:
    """Return whether a path of the context is left out; the last pattern that matches decides."""
    left_out = False
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        back = pattern.startswith("!")
        bare = pattern.removeprefix("!").strip().strip("/").removeprefix("./")
        # `.git/**` and `.git/*` leave nothing of the folder.
        if _pattern(bare).fullmatch(name) or (bare.endswith(("/*", "/**")) and _below(bare, name)):
            left_out = not back
    return left_out


def _below(pattern: str, name: str) -> bool:
    return bool(_pattern(pattern.rstrip("*").rstrip("/")).fullmatch(name))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern of .dockerignore as a regular expression."""
    return re.compile("".join(_pieces(text)))


def _pieces(text: str) -> Iterable[str]:
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|.", text):
        match piece:
            case "**/":
                yield "(?:.*/)?"
            case "**":
                yield ".*"
            case "*":
                yield "[^/]*"
            case "?":
                yield "[^/]"
            case _:
                yield piece if len(piece) > 1 else re.escape(piece)
