"""The written mapping: envs/mapping.toml, which names variables and their templates.

[names]                      # spellings in settings and templates -> services
data_manager = "data-service"

[services."*"]               # every service that the suite or a person may start
LOG_LEVEL = "{logging.level}"

[services.data-service]      # wins over "*"; "a, b" stands for both
DATABASE_URL = "postgresql://{database.user}@{postgres}/{database.name}"

[interpolate]                # what ${NAME} in the compose files stands for
REDIS_PASSWORD = "{redis.password}"

[infer]
exclude = ["REDIS_KEY_PREFIX", "data-service.CACHE_HOST", "rule:bare host"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SettingsError, near
from ..stack.model import Stack
from .infer import RULES
from .layers import kind
from .origins import Origin
from .templates import Template, TemplateError, as_text, parse

EVERY = "*"
_SECTIONS = ("names", "services", "interpolate", "infer")
INTERPOLATE = "(interpolation)"


@dataclass(frozen=True)
class Written:
    """One line of the mapping: a variable of a service, and its template."""

    service: str
    variable: str
    template: Template
    origin: Origin


@dataclass(frozen=True)
class Mapping:
    """The written mapping, or an empty one where there is no file."""

    file: Path | None = None
    names: MappingType[str, str] = field(default_factory=dict)
    rules: MappingType[str, MappingType[str, Written]] = field(default_factory=dict)
    """Service (or "*") -> variable -> its line."""
    excluded: frozenset[str] = frozenset()
    """What inference leaves alone: VARIABLE, service.VARIABLE or rule:NAME."""

    def service_of(self, name: str) -> str:
        """Return the service that a spelling means: itself where `names` says nothing."""
        return self.names.get(name, name)

    def written(self, service: str) -> dict[str, Written]:
        """Return the variables that the mapping gives this service; its own win over "*"."""
        return {**self.rules.get(EVERY, {}), **self.rules.get(service, {})}

    def excludes(self, service: str, variable: str, rule: str) -> bool:
        """Return whether inference must leave this variable alone."""
        return bool(self.excluded & {variable, f"{service}.{variable}", f"rule:{rule}"})


def load(path: Path, stack: Stack) -> Mapping:
    """Return the mapping in `path`, checked against the stack; empty where no file is.

    Raises SettingsError naming file, line and key for malformed TOML, an unknown section
    or service, a malformed template, or one variable that two lines give.
    """
    if not path.is_file():
        return Mapping()
    document, lines = _read(path)
    names = _names(document.get("names", {}), stack, path, lines)
    return Mapping(
        file=path,
        names=names,
        rules=_rules(document.get("services", {}), names, stack, path, lines),
        excluded=_excluded(document.get("infer", {}), path, lines),
    )


def interpolation_of(path: Path) -> dict[str, Written]:
    """Return the [interpolate] lines: they need no stack, since they make it.

    Raises SettingsError as `load` does.
    """
    if not path.is_file():
        return {}
    document, lines = _read(path)
    section = _table(document.get("interpolate", {}), "interpolate", path, lines)
    return {
        name: _written(INTERPOLATE, name, value, ("interpolate",), path, lines)
        for name, value in section.items()
    }


def _read(path: Path) -> tuple[dict[str, Any], _Lines]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not valid UTF-8. Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    lines = _Lines(text)
    for section in document:
        if section not in _SECTIONS:
            raise SettingsError(
                f"{path}:{lines.table(section)}: unknown section [{section}]"
                f"{near(section, _SECTIONS)}. Sections: {', '.join(_SECTIONS)}."
            )
    return document, lines


def _written(
    service: str, variable: str, value: Any, where: tuple[str, ...], path: Path, lines: _Lines
) -> Written:
    origin = Origin(path, lines.key(where, variable))
    if not isinstance(value, (str, int, float)):
        found = kind(value) if isinstance(value, (dict, list)) else "a date or time"
        raise SettingsError(
            f"{path}:{origin.line}: {'.'.join(where)}.{variable} is {found}; "
            "it must be a string, a number or a boolean."
        )
    # A number or a boolean is its own text; only strings are templates.
    raw = value if isinstance(value, str) else as_text(value)
    try:
        return Written(service, variable, parse(raw), origin)
    except TemplateError as error:
        raise SettingsError(f"{path}:{origin.line}: {variable}: {error}.") from error


def _names(section: Any, stack: Stack, path: Path, lines: _Lines) -> dict[str, str]:
    names = {}
    for spelling, service in _table(section, "names", path, lines).items():
        where = f"{path}:{lines.key(('names',), spelling)}"
        if not isinstance(service, str) or service not in stack.services:
            raise SettingsError(
                f"{where}: names.{spelling}: no service {service!r}"
                f"{near(str(service), stack.services)}."
            )
        if spelling in stack.services and spelling != service:
            raise SettingsError(
                f"{where}: names.{spelling}: that is a service of its own. Rename one."
            )
        names[spelling] = service
    return names


def _rules(
    section: Any, names: MappingType[str, str], stack: Stack, path: Path, lines: _Lines
) -> dict[str, dict[str, Written]]:
    rules: dict[str, dict[str, Written]] = {}
    sections = _table(section, "services", path, lines)
    for heading, spelling in ((key, name.strip()) for key in sections for name in key.split(",")):
        body = sections[heading]
        where = ("services", heading)
        service = names.get(spelling, spelling)
        if service != EVERY and service not in stack.services:
            raise SettingsError(
                f"{path}:{lines.table_of(where)}: [services.{spelling}]: no such service"
                f"{near(spelling, [*stack.services, *names])}."
            )
        found = rules.setdefault(service, {})
        for variable, value in _table(body, f"services.{heading}", path, lines).items():
            if variable in found:
                raise SettingsError(
                    f"{path}:{lines.key(where, variable)}: {variable} of {service} has two values; "
                    f"the other stands on line {found[variable].origin.line}. Remove one."
                )
            found[variable] = _written(service, variable, value, where, path, lines)
    return rules


def _excluded(section: Any, path: Path, lines: _Lines) -> frozenset[str]:
    body = _table(section, "infer", path, lines)
    for key in body:
        if key != "exclude":
            raise SettingsError(
                f"{path}:{lines.key(('infer',), key)}: [infer] has an unknown key {key!r}"
                f"{near(key, ['exclude'])}. Keys: exclude."
            )
    entries = body.get("exclude", [])
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise SettingsError(
            f"{path}:{lines.key(('infer',), 'exclude')}: infer.exclude must be a list of strings: "
            "VARIABLE, service.VARIABLE or rule:NAME."
        )
    for entry in entries:
        rule = entry.removeprefix("rule:")
        if rule != entry and rule not in RULES:
            raise SettingsError(
                f"{path}:{lines.key(('infer',), 'exclude')}: infer.exclude: no rule {rule!r}"
                f"{near(rule, RULES)}. Rules: {', '.join(RULES)}."
            )
    return frozenset(entries)


def _table(value: Any, key: str, path: Path, lines: _Lines) -> MappingType[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{path}:{lines.table(key)}: {key} must be a table.")
    return value


class _Lines:
    """The lines of a TOML file's tables and keys, by a look at the text: 0 where not found.

    tomllib gives no positions; the text is known to be valid, so headers and keys at the
    start of a line are what they seem, but for text inside multi-line strings.
    """

    def __init__(self, text: str) -> None:
        self._tables: dict[tuple[str, ...], int] = {}
        self._keys: dict[tuple[tuple[str, ...], str], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            header = re.match(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$", line)
            if header:
                table = tuple(_parts(header[1]))
                self._tables.setdefault(table, number)
                continue
            key = re.match(r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*\S+)?)\s*=", line)
            if key:
                *inner, last = _parts(key[1])
                self._keys.setdefault(((*table, *inner), last), number)

    def table_of(self, parts: tuple[str, ...]) -> int:
        inside = (line for (table, _), line in self._keys.items() if table == parts)
        return self._tables.get(parts) or self.key(parts[:-1], parts[-1]) or min(inside, default=0)

    def table(self, name: str) -> int:
        return self.table_of(tuple(_parts(name))) or min(
            (line for key, line in self._tables.items() if ".".join(key).startswith(name)),
            default=0,
        )

    def key(self, table: tuple[str, ...], name: str) -> int:
        # An inline table stands on one line with its keys.
        inline = self._keys.get((table[:-1], table[-1]), 0) if table else 0
        return self._keys.get((table, name)) or inline


def _parts(dotted: str) -> list[str]:
    found = re.findall(r"\"([^\"]*)\"|'([^']*)'|([^\s.\"']+)", dotted)
    return [first or second or third for first, second, third in found]
