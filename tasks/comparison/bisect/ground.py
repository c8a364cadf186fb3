"""The failing side beside the passing one: what may be changed there, and from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...stack.placement import Side
from .change import Change
from .view import View


@dataclass(frozen=True)
class Ground:
    """What decides how a difference is applied."""

    side: Side
    """Where the suite runs that fails."""
    passing_side: Side
    failing: View
    passing: View
    failing_name: str
    passing_name: str
    baseline_name: str
    candidate_name: str
    body: Mapping[str, Any]
    """The suite's service of the compose document, on whichever side is in containers."""
    root_folder: str
    """The project's folder on this host."""
    is_root: bool
    """Whether this user may set limits, users and mounts on this host."""
    may_mount: bool
    """Whether this user may have mounts, names and networks apart on this host."""
    has_locale: Callable[[str], bool]
    """Whether a locale is installed on the failing side."""
    packages: Callable[[str], Change]
    """How a distribution comes from the passing side; raises NotApplicable."""

    def passing_value(self, key: str) -> str:
        """Return a row of the passing side's fingerprint; empty where it has none."""
        return self.passing.fingerprint.get(key, "")

    def failing_value(self, key: str) -> str:
        """Return a row of the failing side's fingerprint; empty where it has none."""
        return self.failing.fingerprint.get(key, "")
