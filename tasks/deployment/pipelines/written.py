"""A pipeline's file: whose it is, whether a person changed it, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import EnvironmentFailed
from ...stack.textfile import replace_file
from .. import signature

State = Literal["current", "missing", "stale", "changed", "foreign"]
"""`stale`: ours and untouched, but of other settings. `changed`: ours, with a person's change.
`foreign`: not ours."""
_FIRST = "# Made by `{command}`: change [tool.tranship.ci], not this file, and make it again."
_OURS = "# Made by `inv ci.generate"


@dataclass(frozen=True)
class Pipeline:
    """One file that is generated."""

    path: Path
    text: str

    @property
    def state(self) -> State:
        """What stands on disk."""
        try:
            found = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            raise EnvironmentFailed(f"{self.path}: cannot be read ({error.strerror}).") from error
        if found == self.text:
            return "current"
        if not signature.is_ours(found, _OURS):
            return "foreign"
        return "stale" if signature.is_untouched(found, _OURS) else "changed"

    def write(self) -> None:
        """Write the file, whole or not at all; raises EnvironmentFailed where that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, self.text)
        except OSError as error:
            raise EnvironmentFailed(
                f"{self.path}: cannot be written ({error.strerror})."
            ) from error


def headed(body: str, command: str) -> str:
    """Return a pipeline with the lines that say whose it is, and what it was."""
    return signature.signed(body, _FIRST.format(command=command))
