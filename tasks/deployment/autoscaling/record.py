"""What was decided, and of what: JSON lines, one a service and look."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ...errors import UsageError
from .deciding import Decision, Sample
from .policy import Policy


@dataclass(frozen=True)
class Looked:
    """One look at one service, and what came of it."""

    at: float
    policy: Policy
    replicas: int
    sample: Sample | None
    """None where Prometheus was not asked."""
    decision: Decision
    figures: Mapping[str, float | None]
    dry_run: bool = False


class Record:
    """A file that looks are added to, or nothing."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    @property
    def kept(self) -> bool:
        """Whether anything is recorded."""
        return self._stream is not None

    def add(self, look: Looked) -> None:
        """Add a line, which is on disk when this returns."""
        if self._stream is not None:
            self._stream.write(json.dumps(line(look)) + "\n")
            self._stream.flush()


def line(look: Looked) -> dict[str, object]:
    """Return one line of the record."""
    decision = look.decision
    return {
        "time": datetime.fromtimestamp(look.at, UTC).isoformat(timespec="milliseconds"),
        "service": look.policy.service,
        "figure": look.policy.figure,
        "value": look.sample.value if look.sample else None,
        "target": look.policy.target,
        "replicas": look.replicas,
        "wish": decision.wish,
        "decision": decision.kind,
        "to": decision.replicas,
        "reason": decision.reason,
        "dry_run": look.dry_run,
        "figures": dict(look.figures),
    }


@contextmanager
def recording(path: str) -> Iterator[Record]:
    """Have a record in this file, after what is there; in none for an empty path.

    Raises UsageError where it cannot be written.
    """
    if not path:
        yield Record()
        return
    try:
        stream = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - only opening may fail so
    except OSError as error:
        raise UsageError(f"--record {path}: cannot be written: {error.strerror}.") from error
    with stream:
        yield Record(stream)
