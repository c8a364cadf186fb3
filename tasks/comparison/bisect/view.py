"""What the suite sees on one side, with every value in clear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import EnvironmentFailed
from ...modes.base import Mode
from ...trials.seeing import seen

_RAW = """
print(json.dumps({
    "variables": dict(os.environ), "hosts": _read("/etc/hosts"), "resolv": _read("/etc/resolv.conf")
}))
"""


@dataclass(frozen=True)
class View:
    """What the suite sees on one side, secrets in clear: it is never written down."""

    fingerprint: Mapping[str, str]
    variables: Mapping[str, str]
    hosts: str
    """The text of /etc/hosts."""
    resolv: str
    """The text of /etc/resolv.conf."""


def view_of(mode: Mode) -> View:
    """Return what the suite sees in a mode. Raises EnvironmentFailed as its Python does."""
    fingerprint, raw = seen(mode, _RAW)
    try:
        more = json.loads(raw)
    except ValueError as error:
        raise EnvironmentFailed(f"{mode.name}: what the suite sees is not JSON.") from error
    variables = {name: str(value) for name, value in more["variables"].items()}
    return View(fingerprint, variables, str(more["hosts"]), str(more["resolv"]))
