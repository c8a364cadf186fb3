"""One gate from its text: `"latency{service=api}" = "p95 < 100ms"`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import SettingsError, near
from .targets import Figure, Relation, Target, Unit

TESTS = "tests"
DATA_LOSS = "data_loss"
VALUE = "value"
"""The candidate's own figure. A relation without a statistic means it, as in `== 0`."""

_RATIO = "ratio"
_FACTORS: Mapping[str, Mapping[str, float]] = {
    "seconds": {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0},
    "bytes": {
        "B": 1.0,
        "kB": 1e3, "MB": 1e6, "GB": 1e9,
        "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
    },
    "share": {"%": 0.01, "": 1.0},
    "count": {"": 1.0},
    "number": {"": 1.0},
    _RATIO: {"": 1.0, "x": 1.0},
}  # fmt: skip


@dataclass(frozen=True)
class _Statistic:
    row: Figure
    unit: Unit
    of_ratio: bool = False


def _cost(row: Figure, unit: Unit) -> Mapping[str, _Statistic]:
    return {_RATIO: _Statistic(row, unit, of_ratio=True), VALUE: _Statistic(row, unit)}


_STATISTICS: Mapping[str, Mapping[str, _Statistic]] = {
    "startup": _cost("start-up", "seconds"),
    "own_startup": _cost("own start-up", "seconds"),
    "memory": _cost("memory", "bytes"),
    "cpu": _cost("CPU", "seconds"),
    "latency": {
        "p50": _Statistic("health p50", "seconds"),
        "p95": _Statistic("health p95", "seconds"),
        "p99": _Statistic("health p99", "seconds"),
    },
    "health": {"rate": _Statistic("health rate", "share")},
}
NAMES = (*_STATISTICS, TESTS, DATA_LOSS)
_KEY = re.compile(r"(?P<name>[^{}]*?)\s*(?:\{(?P<selector>[^{}]*)\})?")
_EXPRESSION = re.compile(
    r"(?:(?P<statistic>[A-Za-z]\w*)\s*)?(?P<relation><=|>=|==|<|>)\s*"
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[^\s\d]*)"
)


@dataclass(frozen=True)
class Gate:
    """A threshold on one figure, of one service or of every one."""

    key: str
    """As the settings have it, such as `latency{service=api}`."""
    text: str
    """The expression, such as `p95 < 100ms`."""
    name: str
    """The figure's name in the settings."""
    service: str | None
    target: Target | None
    """None for what no service has: tests and data_loss."""
    query: str = ""
    """PromQL with its placeholders, of a gate on what a Prometheus says."""
    unit: Unit = "number"
    """Of such a gate's figure; that of a service has its own."""

    def __str__(self) -> str:
        """Return the gate as one line."""
        return f"{self.key}: {self.text}"


def parsed(key: str, texts: Sequence[str], where: str) -> tuple[Gate, ...]:
    """Return the gates of one key. `where` is the file and the table, for the message.

    Raises SettingsError for a figure, a selector, a statistic or a unit that is none.
    """
    place = f'{where} "{key}"'
    match = _KEY.fullmatch(key.strip())
    name = match["name"] if match else key
    if name not in NAMES:
        raise SettingsError(
            f"{where} has an unknown figure {_known(name, NAMES)} Figures: {', '.join(NAMES)}."
        )
    selector = match["selector"] if match else None
    service = None if selector is None else _service(selector, name, place)
    return tuple(
        Gate(key, text, name, service, _target(name, text.strip(), place)) for text in texts
    )


def _service(selector: str, name: str, place: str) -> str:
    if name in (TESTS, DATA_LOSS):
        raise SettingsError(f"{place}: {name} is of the whole stack. Remove {{{selector}}}.")
    label, equals, service = (part.strip() for part in selector.partition("="))
    if label != "service":
        raise SettingsError(f"{place}: unknown label {_known(label, ['service'])}")
    if not equals or not service:
        raise SettingsError(f"{place}: name a service, as in {name}{{service=api}}.")
    return service


def _target(name: str, text: str, place: str) -> Target | None:
    if name == TESTS:
        if text != "same":
            raise SettingsError(f'{place}: {text!r} is no gate on tests. Write "same".')
        return None
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"{place}: {text!r} is no gate. Write a statistic, a relation (<, <=, >, >=, ==) and "
            f"a number with its unit, such as {_example(name)!r}."
        )
    if name == DATA_LOSS:
        if match["statistic"] or match["unit"]:
            raise SettingsError(f'{place}: {text!r} is no gate on data_loss. Write "== 0".')
        return None
    known = _STATISTICS[name]
    statistic = match["statistic"] or VALUE
    if statistic not in known:
        said = _known(statistic, known) if match["statistic"] else "''."
        raise SettingsError(
            f"{place}: {text!r}: unknown statistic {said} Statistics of {name}: {', '.join(known)}."
        )
    chosen = known[statistic]
    factors = _FACTORS[_RATIO if chosen.of_ratio else chosen.unit]
    if match["unit"] not in factors:
        units = [unit for unit in factors if unit]
        said = _known(match["unit"], units) if match["unit"] else "''."
        raise SettingsError(
            f"{place}: {text!r}: unknown unit {said} Units of {statistic}: {', '.join(units)}."
        )
    return Target(
        figure=chosen.row,
        of="ratio" if chosen.of_ratio else "candidate",
        relation=_relation(match),
        limit=float(match["number"]) * factors[match["unit"]],
    )


def query_target(text: str, place: str) -> tuple[Target, Unit]:
    """Return the target of a threshold on a query, and the unit that it is written in.

    Raises SettingsError for what is no threshold.
    """
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"{place}: {text!r} is no threshold. Write a relation (<, <=, >, >=, ==) and a number, "
            "such as '< 250ms', or 'ratio < 1.5' of both sides."
        )
    statistic = match["statistic"] or VALUE
    if statistic not in (_RATIO, VALUE):
        raise SettingsError(
            f"{place}: {text!r}: unknown statistic {_known(statistic, (_RATIO, VALUE))} "
            f"Statistics of a query: {_RATIO}, {VALUE}."
        )
    of_ratio = statistic == _RATIO
    units: tuple[Unit, ...] = ("number",) if of_ratio else ("number", "seconds", "bytes", "share")
    for unit in units:
        factors = _FACTORS[_RATIO if of_ratio else unit]
        if match["unit"] in factors:
            limit = float(match["number"]) * factors[match["unit"]]
            of: Literal["ratio", "candidate"] = "ratio" if of_ratio else "candidate"
            return Target("query", of, _relation(match), limit), unit
    known = [name for unit in units for name in _FACTORS[unit] if name]
    said = _known(match["unit"], known)
    listed = f"Units of {statistic}: {', '.join(known) or 'x'}."
    raise SettingsError(f"{place}: {text!r}: unknown unit {said} {listed}")


def _relation(match: re.Match[str]) -> Relation:
    return next(it for it in get_args(Relation) if it == match["relation"])


def _example(name: str) -> str:
    return {"latency": "p95 < 100ms", "health": "rate > 99%", DATA_LOSS: "== 0"}.get(
        name, "ratio < 1.5"
    )


def _known(name: str, known: Iterable[str]) -> str:
    return f"{name!r}{near(name, known)}."
