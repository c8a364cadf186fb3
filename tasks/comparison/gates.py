"""Gates: [tool.tranship.gates], thresholds in k6's manner, with the targets as their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError, near
from ..settings import QueryGateSettings, Settings
from .gate_syntax import DATA_LOSS, TESTS, Gate, parsed
from .query_gates import SOURCE, query_gates, source_of
from .targets import Judgement, Verdict

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "startup": ("ratio < 1.5",),
    "memory": ("ratio < 1.2",),
    "cpu": ("ratio < 1.1",),
    "latency": ("p95 < 100ms",),
    "health": ("rate > 99%",),
    TESTS: ("same",),
}

NO_DATA_MOVED = "it waits for data to be moved between the sides, which no trial does yet"


@dataclass(frozen=True)
class Gates:
    """The gates in effect. A key that is declared takes the place of that key's defaults."""

    all: tuple[Gate, ...]
    declared: bool = False
    """Whether the project declares any."""

    def on(self, service: str, row: str) -> tuple[Gate, ...]:
        """Return the gates on one figure (a row of the table) of one service.

        A gate with `{service=...}` takes the place, for that service, of those without.
        """
        found: list[Gate] = []
        for name in dict.fromkeys(gate.name for gate in self.all if gate.target):
            alike = [gate for gate in self.all if gate.name == name]
            own = [gate for gate in alike if gate.service == service]
            chosen = own or [gate for gate in alike if gate.service is None]
            found.extend(it for it in chosen if it.target and it.target.figure == row)
        return tuple(found)


@dataclass(frozen=True)
class GateResult:
    """What became of one gate; `figures` names what decided it."""

    gate: Gate
    judgement: Judgement
    figures: str = ""
    sources: tuple[str, ...] = ()
    """The Prometheus that said it, of a gate on a query; none where it was never asked."""


def default_gates() -> Gates:
    """Return the gates of a project that declares none."""
    return Gates(tuple(gate for key, texts in DEFAULTS.items() for gate in parsed(key, texts, "")))


def project_gates(settings: Settings) -> Gates:
    """Return the gates of a project: its own, and the defaults for what it does not name.

    Raises SettingsError, naming file and key, for a figure, statistic or unit that is none.
    """
    if not settings.gates:
        return default_gates()
    where = f"{settings.root / 'pyproject.toml'}: [tool.tranship.gates]"
    own = [
        gate
        for key, declared in settings.gates.items()
        if key != SOURCE
        for gate in _declared(key, declared, where)
    ]
    source_of(settings)  # raises for a URL that is none
    kept = [gate for gate in default_gates().all if gate.key not in settings.gates]
    return Gates((*own, *kept), declared=True)


def _declared(
    key: str, declared: str | tuple[str, ...] | QueryGateSettings, where: str
) -> tuple[Gate, ...]:
    if isinstance(declared, QueryGateSettings):
        return query_gates(key, declared, where)
    return parsed(key, (declared,) if isinstance(declared, str) else declared, where)


def require_services(gates: Gates, known: Iterable[str], root: Path) -> None:
    """Raise SettingsError for a gate on a service that is none of `known`."""
    names = sorted(known)
    for gate in gates.all:
        if gate.service is not None and gate.service not in names:
            raise SettingsError(
                f'{root / "pyproject.toml"}: [tool.tranship.gates] "{gate.key}": no service named '
                f"{gate.service!r} in the stack{near(gate.service, names)}. "
                f"Services: {', '.join(names) or 'none'}."
            )


def judged(gate: Gate, judgements: Sequence[tuple[str, Judgement]], tests: Judgement) -> GateResult:
    """Return the result of one gate from those of its services, the worst deciding.

    `judgements` are (what is said of a service, its judgement); a gate on nothing is unknown.
    """
    if gate.name == TESTS:
        return GateResult(gate, tests)
    if gate.name == DATA_LOSS:
        return GateResult(gate, Judgement(Verdict.UNKNOWN, NO_DATA_MOVED))
    for verdict in (Verdict.MISSED, Verdict.UNKNOWN):
        worst = [(said, it) for said, it in judgements if it.verdict is verdict]
        if worst:
            reasons = "; ".join(dict.fromkeys(it.reason for _, it in worst if it.reason))
            said = ", ".join(said for said, _ in worst)
            return GateResult(gate, Judgement(verdict, reasons), said)
    if not judgements:
        where = "no service was measured" if gate.service is None else "it was not measured"
        return GateResult(gate, Judgement(Verdict.UNKNOWN, where))
    return GateResult(gate, Judgement(Verdict.MET))
