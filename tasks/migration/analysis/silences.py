"""Findings that the project has looked at and accepts: [[tool.tranship.silence]].

Those of env.check's rules are matched there. One that names a rule of the analysis is the
analysis's own, and env.check leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...envmap.checks import Silence
from ...envmap.checks.silences import is_foreign
from ...errors import SettingsError, near
from .catalogue import RULES
from .model import Finding


def silenced(findings: Iterable[Finding], silences: Sequence[Silence]) -> Iterator[Finding]:
    """Yield the findings with the reason on each that silences match.

    A finding about several services is accepted when each of them is. Raises SettingsError
    for a rule that is not there.
    """
    own = [silence for silence in silences if is_foreign(silence.rule)]
    for silence in own:
        if silence.rule.upper() not in RULES:
            hint = near(silence.rule.upper(), RULES)
            raise SettingsError(
                f"[[tool.tranship.silence]]: no rule {silence.rule!r}{hint}. "
                f"Rules: {', '.join(RULES)}."
            )
    for finding in findings:
        reasons = [item for item in own if item.rule.upper() == finding.rule]
        general = [item for item in reasons if item.service is None]
        named = [item for item in reasons if item.service in finding.services]
        all_named = bool(named) and {item.service for item in named} == set(finding.services)
        matching = general or (named if all_named else [])
        yield replace(finding, silenced=matching[0].reason.strip()) if matching else finding
