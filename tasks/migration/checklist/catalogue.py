"""The probes that an item may name, with their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...comparison.gate_syntax import DATA_LOSS, NAMES
from . import measured, stored, written
from .inspection import Inspection
from .logins import KINDS
from .model import Outcome

Run = Callable[[Inspection, Mapping[str, str]], Outcome]


@dataclass(frozen=True)
class Probe:
    """One way to look."""

    run: Run
    does: str
    proof: str
    """The command that would prove an item; {id} is the item's, {command} a record's."""
    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Parameter -> the words that it may be."""
    optional: tuple[str, ...] = ()


_ONLY = "inv migrate.checklist --only {id}"
_SIDE = {"side": stored.SIDES}
_MODE = {"mode": measured.MODES}
_FIGURES = tuple(name for name in NAMES if name != DATA_LOSS)

PROBES: Mapping[str, Probe] = {
    "settings": Probe(written.settings_load, "compose files, layers and mapping load", _ONLY),
    "variables": Probe(
        written.variables, "env.check has no error", "inv env.check", optional=("environment",)
    ),
    "ports": Probe(written.ports, "the published ports are free, or the stack's own", _ONLY),
    "connection": Probe(
        stored.connection,
        "the stores of a kind take the login that the services have",
        _ONLY,
        {"kind": KINDS, **_SIDE},
    ),
    "arrived": Probe(written.arrived, "env.verify finds no variable that differs", _ONLY),
    "started": Probe(
        measured.started, "every service started, in the newest record", "{command}", _MODE
    ),
    "data": Probe(stored.data, "a marker in the stores outlives a restart", _ONLY, _SIDE),
    "edges": Probe(
        measured.edges,
        "each service reaches those that it dials, within so many seconds",
        "{command}",
        _MODE,
        ("within",),
    ),
    "health": Probe(
        measured.health, "each service has a health check, and passes every probe", "{command}"
    ),
    "logs": Probe(written.logs, "the log drivers keep what is written, bounded", _ONLY),
    "analysis": Probe(
        written.analysis, "migrate.analyze has no error of its own", "inv migrate.analyze"
    ),
    "suite": Probe(
        measured.suite, "the whole suite passed, in the newest record", "{command}", _MODE
    ),
    "gate": Probe(measured.gate, "the gates on a figure pass", "{command}", {"figure": _FIGURES}),
}
