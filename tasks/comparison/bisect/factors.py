"""What differs between the sides as things that can be applied to the failing one, or cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...envmap.secrets import mask_value
from ..fingerprints import EXPECTED, Difference
from . import containerside, hostside, reasons
from .change import Change
from .ground import Ground

Kind = Literal["plain", "place", "package"]


@dataclass(frozen=True)
class Factor:
    """One difference, or several that are one thing, and how the failing side gets it."""

    key: str
    baseline: str | None
    candidate: str | None
    change: Change | None = None
    """None where it cannot be applied."""
    reason: str = ""
    """Why it cannot be applied."""
    kind: Kind = "plain"
    """`place`: what goes with the placement itself, tried when the rest does not do it."""
    suspicion: int = 0
    spoken: bool = False
    """Whether the test's failure or source speaks of it."""

    @property
    def row(self) -> str:
        """The key with both values, the baseline's first; secrets are hidden."""
        name = self.key.partition(":")[2] if self.key.startswith("env:") else ""
        values = (
            "-" if it is None else _short(mask_value(name, it))
            for it in (self.baseline, self.candidate)
        )
        return f"{self.key}: {' / '.join(values)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


_GROUPS: tuple[tuple[str, str], ...] = (
    ("tz|tz_names|utc_offset|localtime|env:TZ", "tz"),
    ("locale.*|collation|number_format|date_format|env:(LANG|LANGUAGE|LC_.*)", "locale"),
    ("encoding.*|utf8_mode", "locale"),
    ("uid|gid|user|groups", "uid"),
    ("dns:.*", "hosts"),
)
"""Rows that are one thing: what decides them is applied as one."""
_FIRST = {"tz": ("env:TZ", "tz_names"), "locale": ("env:LC_ALL", "env:LANG"), "uid": ("uid",)}
"""The row of a group that is shown for it, where it differs."""
_LEFT_OUT = re.compile(
    r"env:(PWD|OLDPWD|HOSTNAME|_|SHLVL|TRANSHIP_RUN)|python_executable|python_path|pytest_rootdir"
    r"|hash_seed|home|tmp"
)
"""What the placement makes, and rows that only show what another row decides."""
_PLACE = re.compile(r"hostname|cwd|env:(PATH|PYTHONPATH|VIRTUAL_ENV|HOME|LD_LIBRARY_PATH)")
NETWORK = "network"


def factors(differences: Sequence[Difference], ground: Ground) -> tuple[Factor, ...]:
    """Return what may be the cause, in the order of the differences.

    Addresses of services and the network are one factor, `network`, which comes last: one
    without the other leads nowhere.
    """
    groups: dict[str, list[Difference]] = {}
    for difference in differences:
        if containerside.in_networks_apart(difference.key, ground):
            continue
        if not _LEFT_OUT.fullmatch(difference.key) and not is_address(difference):
            groups.setdefault(group_of(difference.key), []).append(difference)
    if "hosts" not in groups and containerside.hosts_beyond(ground):
        groups["hosts"] = [Difference("dns:", None, None, 15, "")]
    if groups.keys() & {"uid", *(key for key in groups if key.startswith("read_only_"))}:
        # What may be written follows from these.
        groups = {key: rows for key, rows in groups.items() if not key.startswith("writable_")}
    found = [_factor(key, rows, ground) for key, rows in groups.items()]
    if "network" not in groups and ground.side != ground.passing_side:
        addresses = [it for it in differences if is_address(it)]
        found.append(_network(ground, addresses))
    return tuple(it for it in found if it is not None)


def group_of(key: str) -> str:
    """Return the key of the factor that a row of the fingerprint belongs to."""
    return next((group for rows, group in _GROUPS if re.fullmatch(rows, key)), key)


def is_address(difference: Difference) -> bool:
    """Return whether a variable differs in where a service is, and in nothing else."""
    return difference.key.startswith("env:") and difference.why.startswith("only the address")


def _factor(key: str, rows: list[Difference], ground: Ground) -> Factor | None:
    shown = next((it for name in _FIRST.get(key, ()) for it in rows if it.key == name), rows[0])
    kind: Kind = "plain"
    if key.startswith("package:"):
        kind = "package"
    elif _PLACE.fullmatch(key):
        kind = "place"
    if kind == "package" and rows[0].suspicion <= EXPECTED:
        return None
    change, reason = _applied(key, rows, ground)
    if change is None and not reason:
        return None
    suspicion = max(it.suspicion for it in rows)
    values = (shown.baseline, shown.candidate)
    if key == "hosts":
        names = ", ".join(f"{name}={at}" for name, at in containerside.hosts_beyond(ground)) or None
        values = (None, names) if ground.passing_name == ground.candidate_name else (names, None)
    return Factor(key, *values, change, reason, kind, suspicion)


def _applied(key: str, rows: list[Difference], ground: Ground) -> tuple[Change | None, str]:
    """Return the change, or why there is none; neither for what says nothing by itself."""
    try:
        if key.startswith("package:"):
            return ground.packages(key.partition(":")[2]), ""
        change = _change(key, rows, ground)
    except reasons.NotApplicable as error:
        return None, str(error)
    if change is not None:
        return change, ""
    expected = max(it.suspicion for it in rows) <= EXPECTED
    return None, "" if expected else reasons.reason(key, ground.side)


def _change(key: str, rows: list[Difference], ground: Ground) -> Change | None:
    if key.startswith("env:"):
        return _variable(key.partition(":")[2], ground)
    if key == "tz":
        return Change(variables={"TZ": _zone(rows, ground)})
    if key == "locale":
        return _locale(ground)
    if key == "umask":
        return Change(launch={"umask": ground.passing.fingerprint["umask"]})
    table: Mapping[str, Callable[[str, Ground], Change | None]] = (
        containerside.APPLIED if ground.side == "docker" else hostside.APPLIED
    )
    make = next((make for rows, make in table.items() if re.fullmatch(rows, key)), None)
    return make(key, ground) if make is not None else None


def _variable(name: str, ground: Ground) -> Change | None:
    value = ground.passing.variables.get(name)
    if name in ("PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"):
        return None
    if name == "PYTHONPATH" and value is not None:
        # The project's folders have other names on the other side.
        there, here = (it.fingerprint.get("cwd", "") for it in (ground.passing, ground.failing))
        value = value.replace(there, here) if len(there) > 1 else value
    return Change(variables={name: value})


def _zone(rows: Sequence[Difference], ground: Ground) -> str | None:
    """Return what TZ is to be: the other side's, or the zone that its system has."""
    variables = ground.passing.variables
    if "TZ" in variables:
        return variables["TZ"]
    if not any(it.key == "localtime" for it in rows):
        return None
    _, marker, zone = ground.passing.fingerprint.get("localtime", "").partition("/zoneinfo/")
    return zone if marker else "UTC"


def _locale(ground: Ground) -> Change | None:
    names = [
        name
        for name in sorted({*ground.passing.variables, *ground.failing.variables})
        if re.fullmatch(r"LANG|LANGUAGE|LC_\w+", name)
        and ground.passing.variables.get(name) != ground.failing.variables.get(name)
    ]
    wanted = {name: ground.passing.variables.get(name) for name in names}
    for name, value in wanted.items():
        if value and name != "LANGUAGE" and not ground.has_locale(value):
            raise reasons.NotApplicable(f"the locale {value} is not installed on this side")
    return Change(variables=wanted) if wanted else None


def _network(ground: Ground, addresses: Sequence[Difference]) -> Factor:
    names = [it.key.partition(":")[2] for it in addresses]
    variables = {name: ground.passing.variables.get(name) for name in names}
    sides = {ground.passing_name: ground.passing_side, ground.failing_name: ground.side}
    mine, theirs = (
        "this host's" if sides[name] == "local" else "the containers'"
        for name in (ground.baseline_name, ground.candidate_name)
    )
    try:
        module = containerside if ground.side == "docker" else hostside
        change = Change(variables=variables) | module.network(ground)
    except reasons.NotApplicable as error:
        return Factor(NETWORK, mine, theirs, None, str(error), "place", 11)
    return Factor(NETWORK, mine, theirs, change, kind="place", suspicion=11)
