"""Silences: findings that the project has looked at and accepts, each with its reason.

[[tool.tranship.silence]]
rule = "TE001"                 # or its name
service = "worker"             # optional
variable = "BROKER_URL"        # optional
reason = "the broker runs inside the same container"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ...errors import SettingsError
from ..origins import Origin
from .catalogue import find
from .model import Finding
from .written import USELESS_SILENCE


class Silence(Protocol):
    """One [[tool.tranship.silence]]; settings.py, which knows no rules, has the dataclass."""

    @property
    def rule(self) -> str:
        """The rule's id or name."""

    @property
    def reason(self) -> str:
        """Why the finding is accepted; never empty."""

    @property
    def service(self) -> str | None:
        """The service it is limited to; None: any."""

    @property
    def variable(self) -> str | None:
        """The variable it is limited to; None: any."""


def silenced(
    findings: Iterable[Finding], silences: Sequence[Silence], file: Path
) -> tuple[Finding, ...]:
    """Return the findings with the reason on each that a silence matches.

    A silence that matches nothing becomes a finding itself. `file` is the pyproject.toml
    that has them. Raises SettingsError for an unknown rule or an empty reason.
    """
    rules = []
    for number, silence in enumerate(silences, 1):
        where = f"{file}: [[tool.tranship.silence]] number {number}: "
        if not silence.reason.strip():
            raise SettingsError(f"{where}give it a reason, which stays visible.")
        foreign = is_foreign(silence.rule)
        rules.append(silence.rule if foreign else find(silence.rule, where, SettingsError).id)
    # What a silence of the analysis matches is not known here.
    used = {index for index, silence in enumerate(silences) if is_foreign(silence.rule)}
    result = []
    for finding in findings:
        matching = [
            index
            for index, silence in enumerate(silences)
            if rules[index] == finding.rule
            and silence.service in (None, finding.service)
            and silence.variable in (None, finding.variable)
        ]
        used.update(matching)
        reason = silences[matching[0]].reason.strip() if matching else None
        result.append(replace(finding, silenced=reason) if matching else finding)
    lines = _lines(file) if len(used) < len(silences) else []
    for index, silence in enumerate(silences):
        if index not in used:
            line = lines[index] if index < len(lines) else 0
            result.append(_useless(silence, rules[index], Origin(file, line)))
    return tuple(result)


def is_foreign(rule: str) -> bool:
    """Return whether a silence is for a rule of `inv migrate.analyze`, not of env.check."""
    return bool(re.fullmatch(r"TM\d+", rule, re.IGNORECASE))


def _useless(silence: Silence, rule: str, origin: Origin) -> Finding:
    limits = [part for part in (silence.service, silence.variable) if part]
    of = f" of {'.'.join(limits)}" if limits else ""
    return USELESS_SILENCE.finding(
        f"The silence for {rule}{of} matches no finding ({silence.reason.strip()}).",
        "Remove it.",
        service=silence.service,
        variable=silence.variable,
        origin=origin,
    )


def _lines(file: Path) -> list[int]:
    """Return the lines of the tables' headers, in their order."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError:
        return []
    header = re.compile(r"\s*\[\[\s*tool\s*\.\s*tranship\s*\.\s*silence\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]
