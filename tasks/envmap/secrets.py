"""What must never be shown, and how it is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "******"

_SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)?($|_)|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL"
    r"|^REDISCLI_AUTH$|^PGPASSWORD$",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"_FILE$", re.IGNORECASE)  # the path of a secret, not the secret
_USER_INFO = re.compile(r"(?<=://)([^/?#@\s:]*):([^/?#@\s]+)@")
_SECRET_OPTION = re.compile(r"--(?:requirepass|password|pass|token|secret)[= ]+(\S+)")


def is_secret(name: str) -> bool:
    """Return whether a variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def mask_value(name: str, value: str) -> str:
    """Return `value` as it may be shown: hidden by its name, or its URL's password hidden."""
    if value and is_secret(name):
        return MASK
    return _USER_INFO.sub(rf"\1:{MASK}@", value)


def secrets_in(environments: Iterable[Mapping[str, str | None]]) -> frozenset[str]:
    """Return the secret values that these environments hold."""
    found: set[str] = set()
    for environment in environments:
        for name, value in environment.items():
            if value and is_secret(name):
                found.add(value)
            found.update(match[2] for match in _USER_INFO.finditer(value or ""))
    return frozenset(found)


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Return `text` (a log, an error) with every known secret hidden.

    Values under four characters are left: hiding each `1` would leave nothing to read.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
    return _USER_INFO.sub(rf"\1:{MASK}@", text)


def mask_document(value: Any, name: str = "", secrets: frozenset[str] = frozenset()) -> Any:
    """Return a compose document with the secrets hidden, for showing only."""
    if isinstance(value, dict):
        return {key: mask_document(item, str(key), secrets) for key, item in value.items()}
    if isinstance(value, list):
        joined = " ".join(str(item) for item in value)
        options = frozenset(match[1] for match in _SECRET_OPTION.finditer(joined))
        return [mask_document(item, name, secrets | options) for item in value]
    if isinstance(value, str):
        return mask_text(mask_value(name, value), secrets)
    return value
