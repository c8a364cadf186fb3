"""Where a value was written: the file and line that every message and table names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """A place in a file; line 0 stands for the whole file."""

    file: Path
    line: int = 0

    def shown(self, root: Path) -> str:
        """Return `envs/base.json:12`, relative to the project where it lies inside it."""
        path = self.file
        if path.is_absolute() and path.is_relative_to(root):
            path = path.relative_to(root)
        return f"{path}:{self.line}" if self.line else str(path)
