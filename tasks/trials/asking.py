"""Asking the services from within their network: when they first answer, and what is lost."""

from __future__ import annotations

import importlib.resources
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ..errors import EnvironmentFailed
from ..modes.background import Background
from ..modes.docker import DockerMode
from ..modes.levels import ServiceLevel
from ..stack.model import Service

EVERY_SECONDS = 0.1
"""Between two requests to one service."""


class FirstAnswers:
    """Asks each service until it answers, from the moment that its network is there."""

    def __init__(self, beside: DockerMode, services: Sequence[Service], seconds: float) -> None:
        self._beside = beside
        self._program = _program(services, f"until_ready({{}}, {seconds!r})")
        self._found: dict[str, float] = {}
        self._failure: EnvironmentFailed | None = None
        self._command = Background(beside.project_name, "run", self._run if services else _nothing)

    def start(self) -> None:
        """Begin to ask."""
        self._command.start()

    def wait(self) -> dict[str, float]:
        """Return service -> when it answered (epoch seconds), once all have or time is up."""
        self._command.join()
        if self._failure is not None:
            raise self._failure
        return self._found

    def end(self) -> None:
        """Ask no more."""
        self._command.end()

    def _run(self) -> None:
        try:
            lines = self._beside.python(self._program).strip().splitlines()
        except EnvironmentFailed as error:
            self._failure = error
            return
        with suppress(ValueError):  # it was ended
            self._found = dict(json.loads(lines[-1] if lines else "{}"))


def _nothing() -> None:
    """Ask nobody."""


@contextmanager
def counting(
    beside: DockerMode, services: Sequence[Service], tell: Callable[[str], None]
) -> Iterator[Callable[[], tuple[ServiceLevel, ...]]]:
    """Ask the services while the block runs; what it gives returns what came of it afterwards.

    That the count fails is told, and no reason for the suite not to run.
    """
    asked = [it for it in services if it.health is not None]
    if not asked:
        yield tuple
        return
    found: list[tuple[ServiceLevel, ...]] = []
    try:
        process = beside.program(_program(asked, f"count({{}}, {EVERY_SECONDS!r})"), "watch")
    except EnvironmentFailed as error:
        tell(f"no service level: {error}")
        yield tuple
        return
    lines = process.lines()
    try:
        next(lines, "")  # it asks from now on
        yield lambda: found[0] if found else ()
        process.interrupt()
        found.append(levels(asked, _last(lines)))
    finally:
        process.close()


def _last(lines: Iterable[str]) -> str:
    last = ""
    for line in lines:
        last = line
    return last


def levels(services: Iterable[Service], output: str) -> tuple[ServiceLevel, ...]:
    """Return the level of each service, from what the program printed; nothing where it failed."""
    try:
        requests = [(str(name), float(at), bool(ok)) for name, at, ok in json.loads(output)]
    except (TypeError, ValueError):
        return ()
    return tuple(
        _level(it.name, [(at, ok) for name, at, ok in requests if name == it.name])
        for it in services
    )


def _level(service: str, requests: Sequence[tuple[float, bool]]) -> ServiceLevel:
    """Return the level of requests in the order in which they were sent."""
    gaps = [0.0]
    end = requests[-1][0] if requests else 0.0
    since: float | None = None
    for at, answered in itertools.chain(requests, [(end, True)]):
        if answered and since is not None:
            gaps.append(at - since)
            since = None
        elif not answered and since is None:
            since = at
    lost = sum(not answered for _, answered in requests)
    return ServiceLevel(service, len(requests), lost, round(max(gaps), 3))


def _program(services: Iterable[Service], call: str) -> str:
    """Return the text of a program that asks these services by their own names."""
    targets = ", ".join(
        f"Target({it.name!r}, {it.health.kind!r}, {it.name!r}, {it.health.port!r}, "
        f"{it.health.path!r})"
        for it in services
        if it.health is not None
    )
    dial, inside = (
        (importlib.resources.files(__package__) / name).read_text("utf-8")
        for name in ("dial.py", "inside.py")
    )
    return f"{dial}\n{inside}\n{call.format(f'[{targets}]')}\n"
