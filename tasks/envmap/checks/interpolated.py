"""Rules about `$`: names that are not set, and values that reading an env_file changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..origins import Origin
from ..secrets import is_secret, mask_value
from .model import Finding, Rule, Subject

if TYPE_CHECKING:
    from ...stack.sources import Declared

UNSET = Rule(
    "TE005",
    "unset-interpolation",
    "warning",
    "`${NAME}` without a default, and nothing gives NAME.",
    """\
Finds: `${NAME}` or `$NAME` in a compose file or an env_file, where neither the shell
variables that are let through ([tool.tranship] pass-env) nor an env file gives NAME.

Why it breaks: Compose puts nothing in its place and goes on, with one line on standard
error. `postgres://app:${DB_PASSWORD}@db` becomes `postgres://app:@db`. A literal dollar that
is not doubled looks the same: `corr3ct$battery` arrives as `corr3ct`.

Left alone: ${NAME:-default}, ${NAME-}, ${NAME:?message} and ${NAME:+value}.

Example:
    DATABASE_URL: postgresql://app:${DB_PASSWORD}@postgres:5432/app

Mend: ${DB_PASSWORD:?set it in .env} to stop there, ${DB_PASSWORD:-} if empty is meant, $$ for
a literal dollar, or [interpolate] in envs/mapping.toml.
""",
)

CHANGED = Rule(
    "TE013",
    "env-file-changes-value",
    "error",
    "Compose reads an env_file's value as something else than what stands there.",
    """\
Finds: an unquoted or double-quoted value of an `env_file:` with a bare $NAME, which Compose
expands (an error where NAME is not set: the rest is lost; else a warning), and an unquoted
secret or text of several words with ` #` straight before a word, which Compose cuts as a
comment (a warning).

Why it breaks: Compose interpolates env_files, unlike `docker run --env-file` and most
libraries, and says nothing. A password loses its end, and only the login fails.

Left alone: single quotes, ${NAME} with braces, `$$`, and `# a comment`.

Example, in app.env:
    DB_PASSWORD=corr3ct$battery        # arrives as corr3ct

Mend: single quotes, in which nothing is read: DB_PASSWORD='corr3ct$battery'. Or have the
mapping give the variable: it never goes through an env_file.
""",
)

_REFERENCE = re.compile(
    r"\$(?:\$|(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<sign>:?[-+?])?)"
)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_KEY = re.compile(r"[\s\-]*([\w.-]+)\s*[:=]")
_CUT = re.compile(r"(?:export\s+)?[\w.-]+\s*[=:]\s*[^\s'\"#][^'\"]*?\s#[^\s#!-].*")


def check_interpolation(subject: Subject) -> Iterator[Finding]:
    """Yield unset names, and what env_files do to values."""
    told: set[tuple[Path, str]] = set()
    for service, variables in subject.declarations.items():
        for declared in variables.values():
            if declared:
                yield from _of_winner(service, declared[-1], told)
    yield from _elsewhere(subject, told)


def _of_winner(service: str, winner: Declared, told: set[tuple[Path, str]]) -> Iterator[Finding]:
    text = winner.text or ""
    origin = Origin(winner.file, winner.line)
    if winner.kind == "env_file" and text[:1] == "'":
        return
    bare, braced = _references(text)
    unset = dict.fromkeys(use.name for use in winner.uses if use.source == "unset")
    known = {use.name for use in winner.uses if use.source in ("shell", "env file")}
    for name in unset:
        if winner.kind == "env_file" and name in bare:
            yield _expanded(service, winner, name, lost=True)
        elif name in bare or name in braced:
            told.add((winner.file, name))
            yield _unset(name, winner, service, origin, bare=name in bare)
    if winner.kind == "env_file":
        for name in bare & known:
            yield _expanded(service, winner, name, lost=False)
        # `PORT=8000 #main` is a comment as people write them; a password's end is none.
        text_like = (_secret(winner) or " " in text) and "#" not in (winner.value or "")
        if text_like and text[:1] != '"' and _CUT.fullmatch(_line(winner.file, winner.line)):
            yield CHANGED.finding(
                f"{winner.variable} ends before the `#` that stands in its line, as if a "
                "comment followed.",
                "Quote the value: single quotes keep it as it is.",
                service=service,
                variable=winner.variable,
                origin=origin,
                severity="warning",
            )


def _references(text: str) -> tuple[set[str], set[str]]:
    """Return the names that stand as $NAME, and those as ${NAME}, neither with a default."""
    bare, braced = set(), set()
    for match in _REFERENCE.finditer(text):
        if match["bare"]:
            bare.add(match["bare"])
        elif match["name"] and not match["sign"]:
            braced.add(match["name"])
    return bare, braced


def _unset(name: str, winner: Declared, service: str, origin: Origin, *, bare: bool) -> Finding:
    if bare and _secret(winner):
        # What follows a dollar in a password is a part of the password.
        reference, mend = "a `$` name", "Write a literal dollar as $$."
    else:
        reference = f"${name}" if bare else f"${{{name}}}"
        mend = _mend(name) + (" For a literal dollar write $$." if bare else "")
    return UNSET.finding(
        f"{winner.variable} uses {reference}, which nothing sets: it becomes empty.",
        mend,
        service=service,
        variable=winner.variable,
        origin=origin,
    )


def _mend(name: str) -> str:
    return f"Set {name} in .env, or write ${{{name}:-default}} or ${{{name}:?message}}."


def _expanded(service: str, winner: Declared, name: str, *, lost: bool) -> Finding:
    reference = "a `$` in it" if _secret(winner) else f"${name}"
    what = "with nothing: that part is lost" if lost else "with that variable's value"
    return CHANGED.finding(
        f"Compose replaces {reference} {what}.",
        f"Put the value in single quotes, or write ${{{'NAME' if _secret(winner) else name}}} "
        "if that is meant.",
        service=service,
        variable=winner.variable,
        origin=Origin(winner.file, winner.line),
        severity=None if lost else "warning",
    )


def _secret(winner: Declared) -> bool:
    text = winner.text or ""
    return is_secret(winner.variable) or mask_value(winner.variable, text) != text


@cache
def _lines(file: Path, _modified: int) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def _line(file: Path, number: int) -> str:
    lines = _lines(file, file.stat().st_mtime_ns if file.is_file() else 0)
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _elsewhere(subject: Subject, told: set[tuple[Path, str]]) -> Iterator[Finding]:
    """Yield unset names anywhere in the compose files: images, ports, commands, volumes."""
    if subject.known_names is None:
        return
    for file in subject.envmap.stack.files:
        modified = file.stat().st_mtime_ns if file.is_file() else 0
        for number, line in enumerate(_lines(file, modified), 1):
            if "$" not in line:
                continue
            bare, braced = _references(_COMMENT.sub("", line))
            for name in sorted(bare | braced):
                if name in subject.known_names or (file, name) in told:
                    continue
                told.add((file, name))
                key = _KEY.match(line)
                secret = name in bare and key is not None and is_secret(key[1])
                reference = "a `$` name" if secret else f"${{{name}}}"
                yield UNSET.finding(
                    f"Nothing sets {reference}: it becomes empty.",
                    "Write a literal dollar as $$." if secret else _mend(name),
                    origin=Origin(file, number),
                )
