"""Whether this run may change the machine, and by which means.

Allowed as root and in CI; on a terminal after asking; never otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import SetupError


def in_ci(environment: Mapping[str, str]) -> bool:
    """Return whether CI is set to anything but an explicit no."""
    return environment.get("CI", "").lower() not in {"", "0", "false", "no"}


@dataclass(frozen=True)
class Consent:
    """The surroundings that decide, and how to ask."""

    root: bool
    ci: bool
    terminal: bool
    sudo: bool
    ask: Callable[[str], str] = field(default=input, repr=False)

    def grant(self, what: str, otherwise: str) -> list[str]:
        """Return the argv prefix to act with: empty as root, else sudo's.

        `what` is the question ("Install ... ?"), `otherwise` the one line on how a
        person does it. Raises SetupError where the change is not allowed.
        """
        if self.root:
            return []
        if not self.sudo:
            raise SetupError(otherwise)
        if self.ci:
            return ["sudo", "-n"]
        if self.terminal and self.ask(f"{what} (by sudo) [y/N] ").strip().lower() in {"y", "yes"}:
            return ["sudo"]
        raise SetupError(otherwise)


def consent_here() -> Consent:
    """Return what this process may do."""
    return Consent(
        root=os.geteuid() == 0,
        ci=in_ci(os.environ),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        sudo=shutil.which("sudo") is not None,
    )
