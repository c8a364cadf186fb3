"""What every mode has in common: a named placement that can be started and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from ..settings import Settings
from ..stack.placement import Side
from .cgroups import Cgroup

NO_SUITE = (
    "No suite: name the compose service that runs it in pyproject.toml, "
    '[tool.tranship.suite] service = "tests".'
)

SETTLE_SECONDS = 1.0
"""How long a service that nobody can ask must run to count as started: most programs that
cannot start say so by ending before that."""


def silent(_line: str) -> None:
    """Tell nobody: what a mode does with its progress unless it is given a listener."""


@dataclass(frozen=True)
class Address:
    """Where this host dials a service."""

    host: str
    port: int


@dataclass(frozen=True)
class ServiceProcess:
    """One running service, as its figures are read."""

    service: str
    side: Side
    pid: int | None
    """Id of its first process in this host's numbering; None when the engine is elsewhere."""
    started_at: float | None
    """Start of its own process, seconds since the epoch."""
    cgroup: Cgroup | None = None
    container: str | None = None


@dataclass(frozen=True)
class Startup:
    """What starting took. Times are seconds."""

    total_seconds: float
    """From the request to start until every service answered."""
    ready_seconds: Mapping[str, float] = field(default_factory=dict)
    """Service -> from the request until it answered."""
    own_seconds: Mapping[str, float] = field(default_factory=dict)
    """Service -> from the start of its own process until it answered."""


class SuiteProcess(Protocol):
    """A run of the suite that is going on."""

    def lines(self) -> Iterator[str]:
        """Yield its output as it comes, until it ends."""

    def interrupt(self) -> None:
        """Ask it to end as Ctrl-C would, so that pytest still writes its report."""

    def kill(self) -> None:
        """End it, whatever it does."""

    def wait(self) -> int | None:
        """Return its exit code; None when it was killed."""

    def fetch_report(self, destination: Path) -> bool:
        """Bring the JUnit report here; return whether there is one."""

    def close(self) -> None:
        """Remove what running it left."""


class RunsSuite(Protocol):
    """What can start the suite."""

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest where the suite belongs in this mode, with these arguments."""


class Mode(Protocol):
    """A placement that can be started, waited for, measured and stopped."""

    @property
    def name(self) -> str:
        """The mode's name: local, docker, or hybrid:SERVICE,..."""

    @property
    def sides(self) -> Mapping[str, Side]:
        """Service -> the side it runs on."""

    @property
    def hidden(self) -> frozenset[str]:
        """The stack's secrets, for what shows or keeps its words."""

    def prepare(self) -> None:
        """Do what is no part of starting: check, pull, build."""

    def start(self) -> Startup:
        """Start every service and return when all answer; raise StackFailed when one does not."""

    def addresses(self) -> Mapping[str, Address]:
        """Return where this host dials each service that it can."""

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the running services."""

    def runtime_pids(self) -> tuple[int, ...]:
        """Return the mode's own processes: shims and proxies, or the supervisor."""

    def oom_kills(self, since: float) -> Mapping[str, int]:
        """Return service -> kills for memory that the engine saw since then (epoch seconds)."""

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest where the suite belongs in this mode, with these arguments."""

    def python(self, source: str) -> str:
        """Run a Python program with the suite's interpreter; return what it printed."""

    @property
    def pythons(self) -> Mapping[Side, Callable[[str], str]]:
        """What runs a Python program on each side that has services; the suite's own first."""

    @property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Service -> the services that its variables name, so the ones that it dials."""

    def save_logs(self, directory: Path) -> None:
        """Copy the services' logs into `directory`, one file each."""

    def stop(self) -> None:
        """Stop and remove all that `start` made; safe to call at any point."""


class Timed(Protocol):
    """What has the settings that limit its start."""

    settings: Settings


AnyTimed = TypeVar("AnyTimed", bound=Timed)


def with_timeout(mode: AnyTimed, seconds: float) -> AnyTimed:
    """Return the mode with another start timeout; 0 keeps the settings' one."""
    if seconds > 0:
        mode.settings = replace(mode.settings, start_timeout=seconds)
    return mode
