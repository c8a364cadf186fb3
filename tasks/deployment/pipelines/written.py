"""A pipeline's file: whose it is, whether a person changed it, and how it is written."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import EnvironmentFailed

State = Literal["current", "missing", "stale", "changed", "foreign"]
"""`stale`: ours and untouched, but of other settings. `changed`: ours, with a person's change.
`foreign`: not ours."""
_FIRST = "# Made by `{command}`: change [tool.tranship.ci], not this file, and make it again."
_HASH = "# Of what follows, sha256: "


@dataclass(frozen=True)
class Pipeline:
    """One file that is generated."""

    path: Path
    text: str

    @property
    def state(self) -> State:
        """What stands on disk."""
        try:
            found = self.path.read_bytes()
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            raise EnvironmentFailed(f"{self.path}: cannot be read ({error.strerror}).") from error
        # git on Windows writes \\r\\n: that is no change of a person.
        known = found.replace(b"\r\n", b"\n")
        if known == self.text.encode():
            return "current"
        first, _, rest = known.partition(b"\n")
        mark, _, body = rest.partition(b"\n")
        if not first.startswith(b"# Made by `inv ci.generate") or not mark.startswith(
            _HASH.encode()
        ):
            return "foreign"
        untouched = mark.decode(errors="replace").removeprefix(_HASH) == _digest(body)
        return "stale" if untouched else "changed"

    def write(self) -> None:
        """Write the file, whole or not at all; raises EnvironmentFailed where that fails."""
        temporary = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(self.text)
            # Nothing secret is in it, and git keeps no other mode.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self.path)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise EnvironmentFailed(
                f"{self.path}: cannot be written ({error.strerror})."
            ) from error


def headed(body: str, command: str) -> str:
    """Return a pipeline with the lines that say whose it is, and what it was."""
    return f"{_FIRST.format(command=command)}\n{_HASH}{_digest(body.encode())}\n{body}"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
