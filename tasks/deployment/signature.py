"""The first lines of a generated file: what made it, and whether a person changed it since."""

from __future__ import annotations

import hashlib

_HASH = "# Of what follows, sha256: "


def signed(body: str, first: str) -> str:
    """Return a text below the line that says what makes it, and the checksum of the rest."""
    return f"{first}\n{_HASH}{_digest(body)}\n{body}"


def is_ours(text: str, first: str) -> bool:
    """Return whether the text begins as one that was signed with a line that begins so."""
    own, _, rest = _plain(text).partition("\n")
    return own.startswith(first) and rest.startswith(_HASH)


def is_untouched(text: str, first: str) -> bool:
    """Return whether the text is as it was signed."""
    mark, _, body = _plain(text).partition("\n")[2].partition("\n")
    return is_ours(text, first) and mark.removeprefix(_HASH) == _digest(body)


def _plain(text: str) -> str:
    # git on Windows writes \r\n: that is no change of a person.
    return text.replace("\r\n", "\n")


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
