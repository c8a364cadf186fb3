"""Templates: text with `{placeholders}` that settings, endpoints and variables fill.

{database.user}          a setting from the layers
{postgres}               host:port of a service, as this consumer must dial it
{postgres.host}          its host alone; {postgres.port} its port alone
{postgres:9187}          another of its ports; {postgres:9187.port} alike
{self.host} {self.port}  where this service itself listens
{OTHER_VARIABLE}         another variable of the same service
{database.password|url}  percent-encoded, for user info and queries of a URL
{{ and }}                literal braces
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

FILTERS = ("url", "json")

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """A template that is not well-formed; the caller adds file and line."""


@dataclass(frozen=True)
class Placeholder:
    """One `{...}` of a template."""

    name: str
    filter: str | None = None

    def __str__(self) -> str:
        return f"{{{self.name}|{self.filter}}}" if self.filter else f"{{{self.name}}}"


@dataclass(frozen=True)
class Template:
    """A parsed template: literal text and placeholders in turn."""

    text: str
    parts: tuple[str | Placeholder, ...]

    @property
    def sole(self) -> Placeholder | None:
        """The placeholder that is the whole template: only then can null mean "unset"."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Placeholder):
            return self.parts[0]
        return None

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Every placeholder, in order."""
        return tuple(part for part in self.parts if isinstance(part, Placeholder))


@functools.lru_cache(maxsize=65_536)
def parse(text: str) -> Template:
    """Return the parsed template.

    Raises TemplateError for a lone brace, an empty placeholder or an unknown filter.
    """
    parts: list[str | Placeholder] = []
    literal, position = "", 0
    for match in _PART.finditer(text):
        literal += text[position : match.start()]
        position = match.end()
        if match[0] in ("{{", "}}"):
            literal += match[0][0]
        elif match[1] is None:
            raise TemplateError(
                f"a lone {match[0]!r} at column {match.start() + 1}; a literal one is "
                f"written {match[0] * 2!r}"
            )
        else:
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(_placeholder(match[1]))
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
    return Template(text, tuple(parts))


def _placeholder(inside: str) -> Placeholder:
    name, bar, chosen = (part.strip() for part in inside.partition("|"))
    if not name:
        raise TemplateError("an empty placeholder; name a setting, a service or a variable in it")
    if bar and chosen not in FILTERS:
        raise TemplateError(f"unknown filter {chosen!r}; filters: {', '.join(FILTERS)}")
    return Placeholder(name, chosen or None)


def as_text(value: Any, chosen: str | None = None) -> str:
    """Return a setting as it stands in a variable: JSON's spelling for all but strings."""
    if chosen == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return quote(text, safe="") if chosen == "url" else text
