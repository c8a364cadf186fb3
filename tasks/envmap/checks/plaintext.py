"""The rule about secrets that git keeps in plain text. No value is ever shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ..jsonlines import read_object
from ..mapping import Written, interpolation_of
from ..origins import Origin
from ..secrets import is_secret
from .model import Finding, Rule, Severity, Subject

PLAIN_TEXT = Rule(
    "TE009",
    "plain-text-secret",
    "error",
    "A secret stands in plain text in a file that git tracks.",
    """\
Finds: a password, token, key or a URL's password, written out in a compose file, an env_file,
a .env, a layer (every envs/*.json) or envs/mapping.toml that git tracks. The default in
${NAME:-secret}, the layers of development and test, the project's own name, and words such
as `postgres` or `changeme` are a warning. The value is never shown.

Why it breaks: whoever has the repository, or any old clone of it, has the secret. Removing
the line does not remove it from the history.

Left alone: files that git does not track, names such as TOKEN_TTL or PASSWORD_FILE, paths,
URLs without a password, and ${NAME}.

Example:
    POSTGRES_PASSWORD: hunter2

Mend: take it from outside and change it, since it is known now.
    POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it in .env}     # .env stands in .gitignore
""",
)

_ENDS_SECRET = re.compile(
    r"(?:^|.*[_.\-])?(?:\w*PASS(?:WORD|WD|PHRASE)?|\w*SECRET|\w*TOKEN|\w*KEY|\w*CREDENTIALS?"
    r"|\w*_PWD|REDIS(?:CLI)?_AUTH)(?:_?\d+)?",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"(?:^|[_.])(?:PUBLIC|PUBLISHABLE|USE|ENABLE|REQUIRE|HAS)(?:[_.]|$)", re.I)
_HARMLESS = re.compile(
    r"true|false|yes|no|on|off|none|null|0|1|\*+|<[^>]*>|/\S*|[a-z][a-z0-9+.-]*://[^@\s]*",
    re.IGNORECASE,
)
_THROWAWAY = {"development", "dev", "test", "testing", "ci"}
_KNOWN_WORDS = {
    "admin",
    "changeit",
    "changeme",
    "change-me",
    "change_me",
    "dev",
    "development",
    "dummy",
    "example",
    "guest",
    "insecure",
    "local",
    "minioadmin",
    "pass",
    "password",
    "placeholder",
    "postgres",
    "redis",
    "replace-me",
    "root",
    "secret",
    "test",
    "testing",
    "user",
    "xxx",
}
_USER_INFO = re.compile(r"://(?P<user>[^/?#@\s:${}]*):(?P<password>(?:\$\{[^}]*\}|[^/?#@\s])+)@")
_WHOLE = re.compile(r"\$\{\w+(?P<sign>:?[-+?])?(?P<word>.*)\}", re.DOTALL)

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_REFERENCE = re.compile(r"(?<!\$)\$\{\w+(?:\}|:?[?+])")


def check_plain_text(subject: Subject) -> Iterator[Finding]:
    """Yield the secrets that tracked files hold, each place once."""
    seen: set[tuple[Path, int, str]] = set()
    for finding in _all(subject):
        origin = finding.origin
        assert origin is not None  # noqa: S101 - each place below has one
        key = (origin.file, origin.line, finding.variable or "")
        if key not in seen:
            seen.add(key)
            yield finding


def _all(subject: Subject) -> Iterator[Finding]:
    project = subject.envmap.stack.name
    for service, variables in subject.declarations.items():
        for declared in (item for items in variables.values() for item in items):
            if declared.text is not None and subject.is_tracked(declared.file):
                origin = Origin(declared.file, declared.line)
                name = declared.variable
                text = _unquoted(declared.text)
                yield from _told(name, text, origin, service, project)
            for use in declared.uses:
                if use.source != "env file" or use.file is None or not use.value:
                    continue
                if subject.is_tracked(use.file):
                    origin = Origin(use.file, use.line)
                    yield from _told(use.name, use.value, origin, None, project)
    for written in _mapping_lines(subject):
        if subject.is_tracked(written.origin.file):
            text = _PLACEHOLDER.sub("${x}", written.template.text)
            owner = written.service if written.service in subject.envmap.stack.services else None
            yield from _told(written.variable, text, written.origin, owner, project)
    for file in _layer_files(subject):
        yield from _in_layer(file, project)


def _mapping_lines(subject: Subject) -> Iterator[Written]:
    mapping = subject.envmap.mapping
    for rules in mapping.rules.values():
        yield from rules.values()
    if mapping.file is not None:
        yield from interpolation_of(mapping.file).values()


def _told(
    name: str, text: str, origin: Origin, service: str | None, known: str = ""
) -> Iterator[Finding]:
    severity = _severity(name, text, known)
    if severity is None:
        return
    default = "as the default of ${...} " if _default(text) is not None else ""
    yield PLAIN_TEXT.finding(
        f"{name} stands {default}in plain text in {origin.file.name}, which git tracks.",
        f"Take it from outside, for example ${{{name}:?set it in .env}}, with the file that holds "
        "it in .gitignore; and change it.",
        service=service,
        variable=name,
        origin=origin,
        severity=severity,
    )


def _severity(name: str, text: str, known: str) -> Severity | None:
    """Return how bad it is that this text stands in the repository; None where it is not."""
    in_url = _USER_INFO.search(text)
    if in_url is not None:
        secret = in_url["password"]
    elif is_secret(name) and _ENDS_SECRET.fullmatch(name) and not _PUBLIC.search(name):
        secret = text
    else:
        return None
    default = _default(secret)
    if default is not None:
        return "warning" if _telling(default) else None
    if not _telling(secret):
        return None
    return "warning" if secret.strip().lower() in {*_KNOWN_WORDS, known.lower()} else "error"


def _telling(secret: str) -> bool:
    bare = secret.strip()
    return bool(bare) and not _HARMLESS.fullmatch(bare) and not _REFERENCE.search(bare)


def _default(text: str) -> str | None:
    """Return the word of a text that is ${NAME:-word} as a whole; in a URL, of its password."""
    in_url = _USER_INFO.search(text)
    match = _WHOLE.fullmatch((in_url["password"] if in_url else text).strip())
    if match is None or not (match["sign"] or "").endswith("-"):
        return None
    return match["word"] or ""


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _layer_files(subject: Subject) -> tuple[Path, ...]:
    """Return the tracked layers of every environment, not of the chosen one alone."""
    folders = {file.parent for layers in subject.envmap.layers.values() for file in layers.files}
    found = (path for folder in sorted(folders) for path in sorted(folder.glob("*.json")))
    return tuple(path for path in found if subject.is_tracked(path))


def _in_layer(file: Path, known: str) -> Iterator[Finding]:
    try:
        document, lines = read_object(file)
    except SettingsError:
        # Another environment's layer: it is reported when that environment is chosen.
        return
    for dotted, value in _leaves(document, ""):
        origin = Origin(file, lines.get(dotted, 0))
        for finding in _told(dotted, value, origin, None, known):
            yield replace(
                finding,
                # What development and tests use opens nothing that anybody wants.
                severity="warning" if file.stem in _THROWAWAY else finding.severity,
                mend="Keep it in a file that .gitignore names, or let the compose file give the "
                "variable, as ${...:?message}, instead of the mapping; and change it.",
            )


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, prefix)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield prefix, str(value)
