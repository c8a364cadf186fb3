"""What must never be shown, and how it is hidden."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

MASK = "******"

_SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)($|_)|(?<!BY)(?<!COM)PASS($|_)|_PWD$|SECRET|TOKEN|CREDENTIAL"
    r"|(API|PRIVATE|ACCESS|ENCRYPTION|SIGNING|MASTER|JWT)_?KEY|^REDIS(CLI)?_AUTH$",
    re.IGNORECASE,
)
_PUBLIC_NAME = re.compile(r"(^|_)(USER|USERNAME|DB|DATABASE)$", re.IGNORECASE)
_NOT_SECRET = re.compile(r"_FILE$", re.IGNORECASE)  # the path of a secret, not the secret
# Up to the last @: passwords are often written without escaping theirs.
_USER_INFO = re.compile(r"(?<=://)([^/?#@\s:]*):([^/?#\s\"']+)@")
_LEAST = 4
_OPTION = r"--(?:requirepass|password|pass|token|secret)"
_SECRET_OPTION = re.compile(rf"(?P<key>{_OPTION}[= ]+)(?P<value>\S+)")
# `password=...` of a key-value string or a query, `"password": "..."` of JSON.
_ASSIGNED = re.compile(
    r"(?P<key>(?<![\w-])[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api_?key)[\"']?"
    r"\s*[=:]\s*)(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
    r"|(?:\$?\{[^{}]*\}|[^\s;&,\"'{}\[\]])+)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return whether a variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def mask_value(name: str, value: str) -> str:
    """Return `value` as it may be shown: hidden by its name, or the passwords inside it hidden.

    These are the password of a URL's user info, and what a key-value string, a query, JSON or
    a command line calls a password.
    """
    if value and is_secret(name):
        return MASK
    shown = _SECRET_OPTION.sub(_with_mask, _USER_INFO.sub(rf"\1:{MASK}@", value))
    return _ASSIGNED.sub(_with_mask, shown)


def _with_mask(match: re.Match[str]) -> str:
    key, value = match["key"], match["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{key}{quote}{MASK}{quote}"


def secrets_in(environments: Iterable[Mapping[str, str | None]]) -> frozenset[str]:
    """Return the secret values that these environments hold.

    Without those that also name a user or a database: a development password is often the
    project's own name, and hiding that wherever it stands would leave nothing to read.
    """
    found: set[str] = set()
    public: set[str] = set()
    for environment in environments:
        for name, value in environment.items():
            if value and is_secret(name):
                found.add(value)
            elif value and _PUBLIC_NAME.search(name):
                public.add(value)
            found.update(match[2] for match in _USER_INFO.finditer(value or ""))
            found.update(match["value"].strip("\"'") for match in _ASSIGNED.finditer(value or ""))
    return frozenset(found - public)


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Return `text` (a log, an error) with every known secret hidden.

    Values under _LEAST characters are left: hiding each `1` would leave nothing to read.
    """
    return masking(secrets)(text)


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what does `mask_text` to one text after the other."""
    hidden = sorted((it for it in secrets if len(it) >= _LEAST), key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in hidden:
            if secret in text:
                text = text.replace(secret, MASK)
        # Nearly no text has one, and a comparison masks 50,000 names of tests.
        return _USER_INFO.sub(rf"\1:{MASK}@", text) if "@" in text else text

    return masked


def mask_document(value: Any, name: str = "", secrets: frozenset[str] = frozenset()) -> Any:
    """Return a compose document with the secrets hidden, for showing only.

    What a command line names as a password is hidden wherever else it stands.
    """
    options = frozenset(_given_as_options(value)) - frozenset(_public_in(value))
    return _masked(value, name, secrets | options)


def _masked(value: Any, name: str, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        # `secrets:` is Compose's own key, and names them only.
        return {
            key: _masked(item, "" if key == "secrets" else str(key), secrets)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            MASK if re.fullmatch(_OPTION, str(before)) else _masked(item, name, secrets)
            for before, item in itertools.pairwise(["", *value])
        ]
    if isinstance(value, str):
        return mask_text(mask_value(name, value), secrets)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return MASK if number and is_secret(name) else value


def _public_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and _PUBLIC_NAME.search(str(key)):
                yield item
            yield from _public_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _public_in(item)


def _given_as_options(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _given_as_options(item)
    elif isinstance(value, list):
        for option, following in itertools.pairwise(value):
            if re.fullmatch(_OPTION, str(option)):
                yield str(following)
        for item in value:
            yield from _given_as_options(item)
    elif isinstance(value, str):
        yield from (match["value"] for match in _SECRET_OPTION.finditer(value))
