"""The linter over values: variables that break on one side, or will.

`check` looks at the resolved variables of both pure placements, at where they were written,
and at layers and mapping. It starts nothing and dials nothing. A false alarm costs more than
a miss: where a value may be right, a rule stays silent or only warns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .binding import check_binding
from .catalogue import RULES, explain
from .definitions import check_definitions
from .dialing import check_dialling
from .hostnames import check_host_names
from .interpolated import check_interpolation
from .model import SEVERITIES, Finding, Rule, Severity, Subject
from .plaintext import check_plain_text
from .silences import Silence, silenced
from .written import check_written

__all__ = [
    "RULES",
    "Finding",
    "Rule",
    "Severity",
    "Silence",
    "Subject",
    "check",
    "exit_code",
    "explain",
]

_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    check_dialling,
    check_host_names,
    check_binding,
    check_definitions,
    check_interpolation,
    check_plain_text,
    check_written,
)


def check(subject: Subject, silences: Sequence[Silence] = ()) -> tuple[Finding, ...]:
    """Return every finding, errors first, the silenced ones last, with their reasons.

    Raises SettingsError for a silence that names no rule or has no reason.
    """
    found = [finding for rule in _CHECKS for finding in rule(subject)]
    told = silenced(found, silences, subject.root / "pyproject.toml")
    return tuple(sorted(told, key=_order))


def _order(finding: Finding) -> tuple[bool, int, str, str, str, str, int]:
    origin = finding.origin
    return (
        finding.silenced is not None,
        SEVERITIES.index(finding.severity),
        finding.rule,
        finding.service or "",
        finding.variable or "",
        str(origin.file) if origin else "",
        origin.line if origin else 0,
    )


def exit_code(findings: Iterable[Finding], *, strict: bool = False) -> int:
    """Return 1 where an error counts, and with `strict` a warning too; else 0.

    Notes and silenced findings never count.
    """
    counting = {"error", "warning"} if strict else {"error"}
    counts = any(item.silenced is None and item.severity in counting for item in findings)
    return int(counts)
