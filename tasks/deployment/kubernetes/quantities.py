"""Numbers as Kubernetes writes them.

Source: Kubernetes API reference, "Quantity".
"""

from __future__ import annotations

import math
import re

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_BYTES = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgtp]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def is_quantity(text: str) -> bool:
    """Return whether the text is a quantity, without an exponent."""
    return bool(_QUANTITY.fullmatch(text))


def bytes_of(value: object) -> int | None:
    """Return the bytes of Compose's `512m`, `1gb` or `268435456`; None for anything else.

    Source: Compose specification, "Specifying byte values": powers of 1024.
    """
    match = _BYTES.fullmatch(str(value).strip())
    if match is None:
        return None
    return int(float(match["number"]) * 1024 ** _POWERS[match["unit"].lower()])


def memory(count: int) -> str:
    """Return bytes in the largest unit that leaves a whole number."""
    for unit, size in (("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def cpus(value: object) -> str | None:
    """Return a number of CPUs, in thousandths where it is not whole; None for no number."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    if not math.isfinite(number) or number <= 0:
        return None
    return str(int(number)) if number == int(number) else f"{max(round(number * 1000), 1)}m"


def whole_seconds(seconds: float) -> int:
    """Return whole seconds, at least one: the kubelet knows no less."""
    return max(math.ceil(seconds), 1)
