"""Every rule, by its id. An id is never given to another rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...errors import SettingsError, UsageError, near
from .binding import LOOPBACK_BIND
from .definitions import CASE, DELETED, DISAGREE, ONE_SIDE
from .dialing import CONTAINER_PORT, LOCALHOST, PUBLISHED
from .hostnames import UNDERSCORE
from .interpolated import CHANGED, UNSET
from .model import Rule
from .plaintext import PLAIN_TEXT
from .written import TYPE_CHANGES, USELESS_EXCLUSION, USELESS_SILENCE

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.id: rule
        for rule in (
            LOCALHOST,
            PUBLISHED,
            CONTAINER_PORT,
            ONE_SIDE,
            UNSET,
            DELETED,
            DISAGREE,
            CASE,
            PLAIN_TEXT,
            UNDERSCORE,
            LOOPBACK_BIND,
            TYPE_CHANGES,
            CHANGED,
            USELESS_EXCLUSION,
            USELESS_SILENCE,
        )
    }
)


def find(
    text: str, where: str = "", error: type[SettingsError] | type[UsageError] = UsageError
) -> Rule:
    """Return the rule of an id or a name; raises `error`, with the nearest one, for none."""
    for rule in RULES.values():
        if text.upper() == rule.id or text.lower() == rule.name:
            return rule
    known = [*RULES, *(rule.name for rule in RULES.values())]
    hint = near(text, known) or near(text.upper(), known)
    raise error(
        f"{where}no rule {text!r}{hint}. Rules: {', '.join(RULES)}; "
        "`inv env.check --explain ID` explains one."
    )


def explain(text: str) -> str:
    """Return what a rule finds, why that breaks, an example and the mend.

    Raises UsageError with the nearest one for an unknown id or name.
    """
    rule = find(text)
    title = f"{rule.id} {rule.name} ({rule.severity})"
    return f"{title}\n{rule.summary}\n\n{rule.explanation.rstrip()}"
