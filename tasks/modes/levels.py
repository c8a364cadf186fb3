"""The service level of a run: requests sent while the suite runs, and those that were lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..stack.model import Port, Service


@dataclass(frozen=True)
class ServiceLevel:
    """What came of the requests to one service. Times are seconds."""

    service: str
    requests: int
    lost: int
    """Those that nothing, or no healthy service, answered."""
    longest_gap_seconds: float = 0.0
    """From the first lost request to the next one that was answered; the longest such time."""
    replaced: int = 0
    """How many of its tasks began while the suite ran, in place of others."""


@runtime_checkable
class CountsRequests(Protocol):
    """A mode that asks its services while the suite runs, and counts what is lost."""

    def watching(self) -> AbstractContextManager[Callable[[], tuple[ServiceLevel, ...]]]:
        """Ask while the block runs; what it gives returns the level, once the block has ended."""


def watched(services: Sequence[Service], declared: Mapping[str, Service]) -> tuple[Service, ...]:
    """Return the services whose requests are counted: those that people dial.

    Those that the compose file opens to all; where there are none, those that it publishes on
    loopback and that answer HTTP.
    """
    known = [it for it in services if it.health is not None and declared[it.name].ports]
    opened = [it for it in known if any(_is_open(port) for port in declared[it.name].ports)]
    return tuple(opened or (it for it in known if it.health and it.health.kind == "http"))


def _is_open(port: Port) -> bool:
    return (port.host_ip or "") in ("", "0.0.0.0", "::")  # noqa: S104 - what Compose writes
