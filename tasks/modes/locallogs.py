"""The logs of local services: where they are, and what the last start wrote to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..envmap.secrets import mask_text
from ..stack.isolation import write_private

TAIL_LINES = 15


@dataclass
class LocalLogs:
    """One log file for each service, which goes on over restarts."""

    directory: Path
    hidden: frozenset[str] = frozenset()
    """Secret values, hidden in what is shown."""
    kept: Path | None = None
    """Where a run's logs are copied before its folder goes; None: they stay where they are."""
    _begun: dict[str, int] = field(default_factory=dict, init=False)

    def path(self, service: str) -> Path:
        """Return the log file of a service."""
        return self.directory / f"{service}.log"

    def begin(self, service: str) -> None:
        """Take what is there already for an earlier start's."""
        path = self.path(service)
        self._begun[service] = path.stat().st_size if path.exists() else 0

    def tail(self, service: str, lines: int = TAIL_LINES) -> str:
        """Return the last lines that a service wrote, of the start that began here if one did."""
        try:
            with self.path(service).open("rb") as stream:
                stream.seek(self._begun.get(service, 0))
                text = stream.read().decode(errors="replace")
        except OSError:
            return "(no log)"
        return mask_text("\n".join(text.splitlines()[-lines:]), self.hidden) or "(empty)"

    def shown(self, service: str) -> str:
        """Return the last lines with where to find the log when they are read."""
        path = (self.kept or self.directory) / f"{service}.log"
        tail = "\n".join(f"    {line}" for line in self.tail(service).splitlines())
        return f"Last lines of {path}:\n{tail}"

    def save(self, directory: Path) -> None:
        """Copy all of them, secrets hidden."""
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.directory.glob("*.log")):
            text = path.read_text(errors="replace")
            write_private(directory / path.name, mask_text(text, self.hidden))
