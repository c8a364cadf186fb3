"""Variables in a ConfigMap and a Secret, and a command line without secrets."""

from __future__ import annotations

from collections.abc import Mapping

from ...envmap.secrets import is_secret, mask_document, mask_value
from .model import Container, Environment

SHORTEST = 4
"""A shorter secret is looked for as a whole value only: each `1` would hold it."""


def split(
    container: Container, variables: Mapping[str, str], hidden: frozenset[str]
) -> Environment:
    """Return the variables in two parts, and the command line with secrets taken from them."""
    secret = {name: value for name, value in variables.items() if holds_secret(name, value, hidden)}
    given: dict[str, str] = {}
    entrypoint = container.entrypoint
    return Environment(
        plain={name: value for name, value in variables.items() if name not in secret},
        secret=secret,
        arguments=_words(container.service.command, secret, hidden, given),
        entrypoint=None if entrypoint is None else _words(entrypoint, secret, hidden, given),
        given=given,
    )


def holds_secret(name: str, value: str, hidden: frozenset[str]) -> bool:
    """Return whether a value is a secret, or has one inside."""
    if not value:
        return False
    return is_secret(name) or mask_value(name, value) != value or names_secret(value, hidden)


def names_secret(text: str, hidden: frozenset[str]) -> bool:
    """Return whether a known secret stands in the text."""
    return text in hidden or any(len(it) >= SHORTEST and it in text for it in hidden)


def secret_words(words: tuple[str, ...], hidden: frozenset[str]) -> tuple[bool, ...]:
    """Return for each word of a command line whether a secret is in it."""
    masked = mask_document(list(words))
    return tuple(
        shown != word or names_secret(word, hidden)
        for word, shown in zip(words, masked, strict=True)
    )


def _words(
    words: tuple[str, ...],
    secret: Mapping[str, str],
    hidden: frozenset[str],
    given: dict[str, str],
) -> tuple[str, ...]:
    found = []
    for word, hides in zip(words, secret_words(words, hidden), strict=True):
        if not hides:
            found.append(literal(word))
            continue
        # A variable that the container has anyway, rather than one more.
        name = next((name for name, value in sorted(secret.items()) if value == word), None)
        if name is None:
            name = next((name for name, value in given.items() if value == word), None)
        if name is None:
            name = f"SECRET_ARGUMENT_{len(given) + 1}"
            given[name] = word
        found.append(f"$({name})")
    return tuple(found)


def literal(word: str) -> str:
    """Return a word of a command line that Kubernetes leaves as it is.

    It replaces `$(NAME)`, and makes one `$` of two (API reference, Container, `args`).
    """
    return word.replace("$", "$$") if "$(" in word or "$$" in word else word
