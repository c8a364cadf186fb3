"""When two failure messages say the same thing.

Two runs of one failing test never write quite the same line: object addresses, ports, ids,
temporary folders and timings move. What is left after taking those out is compared.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_TIMESTAMP = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
_POINTER = re.compile(r"\b0x[0-9a-f]+\b", re.I)
# A digit and a letter both, or words (`defaced`) and plain numbers would count as ids.
_HEX_ID = re.compile(r"\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}\b", re.I)
_TEMPORARY = re.compile(r"(?:/private)?/(?:var/)?(?:tmp|folders)/[^\s'\",;:)\]>]*")
_ADDRESS = re.compile(
    r"(?<![\w.])(?:(?:\d{1,3}\.){3}\d{1,3}|localhost|host\.docker\.internal|\[::1\]|::1)"
    r"(?::\d+)?(?![\w.]*\w)"
)
_PORT = re.compile(r"\b(port\W{1,3})\d+\b", re.I)
_PROCESS = re.compile(r"\b(pid\W{1,3})\d+\b", re.I)
_DURATION = re.compile(
    r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)? ?"
    r"(?:ns|us|µs|ms|s|secs?|seconds?|min|minutes?)\b"
)


def normalise(message: str, services: Iterable[str] = ()) -> str:
    """Return the message without what changes from run to run and from side to side.

    A `service:port` of one of `services` counts as an address: the same service is
    `data-service:8000` in a container and `127.0.0.1:41231` beside it.
    """
    known = _address_of(frozenset(services))
    message = _TIMESTAMP.sub("<time>", message)
    message = _UUID.sub("<id>", message)
    message = _POINTER.sub("<pointer>", message)
    message = _TEMPORARY.sub("<tmp>", message)
    if known:
        message = known.sub("<address>", message)
    message = _ADDRESS.sub("<address>", message)
    message = _PORT.sub(r"\1<n>", message)
    message = _PROCESS.sub(r"\1<n>", message)
    message = _HEX_ID.sub("<id>", message)
    message = _DURATION.sub("<duration>", message)
    return " ".join(message.split())


@functools.cache
def _address_of(services: frozenset[str]) -> re.Pattern[str] | None:
    names = "|".join(re.escape(name) for name in sorted(services, key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])(?:{names}):\d+\b") if names else None
