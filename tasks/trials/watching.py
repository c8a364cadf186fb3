"""What happens to services while the suite runs: requests lost, and containers replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from ..modes.base import Mode, ServiceProcess
from ..modes.docker import DockerMode
from ..modes.levels import CountsRequests, ServiceLevel
from .asking import counting


def watching(mode: Mode) -> AbstractContextManager[Callable[[], tuple[ServiceLevel, ...]]]:
    """Count requests and what is lost of them, in a mode that does."""
    if isinstance(mode, CountsRequests):
        return mode.watching()
    if isinstance(mode, DockerMode) and mode.counts:
        return counting(mode, mode.watched, mode.tell)
    return nullcontext(tuple)


def replaced(
    mode: Mode, before: Sequence[ServiceProcess], after: Sequence[ServiceProcess]
) -> frozenset[str]:
    """Return the services that ran in another container before, so that its figures are lost.

    One that is not there any more has ended, or on a Swarm is on another node.
    """
    moves = isinstance(mode, CountsRequests)
    known = {item.service: item.container for item in after}
    return frozenset(
        item.service
        for item in before
        if item.container is not None
        and known.get(item.service, None if moves else item.container) != item.container
    )
