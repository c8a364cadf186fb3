"""What the suite sees, how long calls take from where it runs, and what of it is kept."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..envmap.secrets import mask_text, mask_value
from ..errors import EnvironmentFailed
from ..modes.base import Address, Mode
from ..stack.model import Service
from . import edges
from .record import EdgeLatency, SuiteRun


def seen_and_dialled(
    mode: Mode, services: Sequence[Service], addresses: Mapping[str, Address]
) -> tuple[dict[str, str], tuple[EdgeLatency, ...]]:
    """Read the fingerprint and dial the edges: after the figures, which dialling would move.

    Both in one run of the suite's interpreter, which in a container takes half a second.
    """
    side = next(iter(mode.pythons))
    known = edges.routes(services, mode.sides, mode.references, addresses)
    here = [route for route in known if (route.via, route.side) == ("direct", side)]
    found, rest = seen(mode, edges.program(here))
    return found, (
        *edges.latencies(here, edges.read(rest)),
        *edges.measured(mode, [route for route in known if route not in here]),
    )


def fingerprint(mode: Mode) -> dict[str, str]:
    """Return what the suite's interpreter sees in this mode."""
    return seen(mode)[0]


def seen(mode: Mode, more: str = "") -> tuple[dict[str, str], str]:
    """Return the fingerprint, and what the program `more` printed in the same interpreter."""
    source = (importlib.resources.files(__package__) / "fingerprint.py").read_text("utf-8")
    program = f"STACK_NAMES = {sorted(mode.sides)!r}\n{source}\n{more}"
    lines = mode.python(program).strip().splitlines()
    last = lines.pop() if more and len(lines) > 1 else ""
    try:
        values = json.loads(lines[-1]) if lines else {}
    except ValueError as error:
        raise EnvironmentFailed(f"The fingerprint is not JSON: {lines[-1][:200]}") from error
    return {str(name): str(value) for name, value in values.items()}, last


def without_secrets(run: SuiteRun, secrets: Iterable[str]) -> SuiteRun:
    """Return a suite's run whose tracebacks hide the stack's secrets, before they are kept."""
    known = tuple(secrets)
    tests = (
        replace(it, details=mask_value("", mask_text(it.details, known))) if it.details else it
        for it in run.tests
    )
    return replace(run, tests=tuple(tests))
