"""The text that Compose makes of a YAML scalar which stands as a variable's value.

Compose reads YAML with Go's yaml.v3 and prints each value with Go's own rules, so that a
container gets another text than the file has (measured on Compose 2.26):

    VERSION: 1.10         1.1
    MODE: 010             8
    LIMIT: 1234567.0      1.234567e+06
    COMMIT: 12e7          1.2e+08
    DAY: 2024-01-01       2024-01-01 00:00:00 +0000 UTC
    FLAG: True            true

`yes`, `no`, `on`, `off` and 12:30:45 stay as they are; PyYAML would read them otherwise.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from ..errors import ComposeFileError

_PERHAPS_TYPED = frozenset("+-.0123456789~nNtTfF")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), "true"),
    **dict.fromkeys(("false", "False", "FALSE"), "false"),
}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)"
    r"|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?P<between>[Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?P<zone>Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)


def text(plain: str) -> str | None:
    """Return the text of a plain scalar, None for null.

    Raises ComposeFileError, without a place, for infinity and NaN, which Compose refuses.
    """
    if plain and plain[0] not in _PERHAPS_TYPED:
        return plain
    if plain in _WORDS:
        return _WORDS[plain]
    if _NOT_FINITE.fullmatch(plain):
        raise ComposeFileError(f"{plain} is no value for Compose; quote it")
    if plain[0].isalpha():
        return plain
    return _timestamp(plain) or _number(plain) or plain


def _number(plain: str) -> str | None:
    digits = plain.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        kind = match.lastgroup or "decimal"
        value = int(match[kind], _BASES[kind]) * (-1 if match["sign"] == "-" else 1)
        # An unsigned 64-bit number is one only without a sign.
        if -(2**63) <= value < (2**63 if match["sign"] else 2**64):
            return str(value)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return None if number in (float("inf"), float("-inf")) else _shortest(number)
    return None


def _shortest(number: float) -> str:
    """Return a float as Go's %v prints it: an exponent below 1e-4 and from 1e6 on."""
    exact = Decimal(repr(number)).normalize()
    if not number or -4 <= exact.adjusted() < 6:
        return f"{exact:f}"
    sign, digits, _ = exact.as_tuple()
    written = "".join(map(str, digits))
    mantissa = written[0] + (f".{written[1:]}" if written[1:] else "")
    return f"{'-' if sign else ''}{mantissa}e{exact.adjusted():+03}"


def _timestamp(plain: str) -> str | None:
    """Return a timestamp as Go's time.String prints it, None for what is none."""
    match = _TIMESTAMP.fullmatch(plain)
    if match is None:
        return None
    # With T, a zone must stand; with a space, none may.
    if match["between"] and (match["between"] == " ") == bool(match["zone"]):
        return None
    zone = match["zone"] or "Z"
    try:
        offset = timedelta()
        if zone != "Z":
            offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[4:]))
        year, month, day, hour, minute, second = (
            int(part or 0) for part in match.group(1, 2, 3, 5, 6, 7)
        )
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None
    fraction = (match["fraction"] or "").rstrip("0")
    shown = f"{moment:%Y-%m-%d %H:%M:%S}{'.' if fraction else ''}{fraction}"
    return f"{shown} +0000 UTC" if not offset else f"{shown} {moment:%z} {moment:%z}"
