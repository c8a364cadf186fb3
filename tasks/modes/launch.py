"""What a local process gets: an environment built from nothing, a control group, a folder."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cgroups import Cgroup

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Where /bin/sh is bash, it refuses to set these.
_SHELLS_OWN = {"UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO"}
_SUPERVISORS_OWN = (
    "SUPERVISOR_ENABLED",
    "SUPERVISOR_PROCESS_NAME",
    "SUPERVISOR_GROUP_NAME",
    "SUPERVISOR_SERVER_URL",
)


def clean_environment(bin_directory: Path) -> dict[str, str]:
    """Return PATH (with `bin_directory` first), HOME and LANG, and nothing else of the caller's."""
    return {
        "PATH": os.pathsep.join([str(bin_directory), os.environ.get("PATH", os.defpath)]),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }


def script(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    cgroup: Cgroup | None = None,
) -> str:
    """Return a shell script that becomes `command`, its words and values quoted exactly.

    A script (1 ms) rather than supervisor's `environment=`, which knows no newline, and
    rather than an argument list, which every user of the machine can read.
    """
    lines = ["#!/bin/sh", "set -e", f"unset {' '.join(_SUPERVISORS_OWN)}"]
    if cgroup is not None:
        # The service starts without its figures rather than not at all.
        lines += [
            f"echo $$ > {shlex.quote(str(entry))} 2>/dev/null || true" for entry in cgroup.entries()
        ]
    plain = {name for name in environment if _NAME.fullmatch(name) and name not in _SHELLS_OWN}
    odd = [f"{name}={value}" for name, value in environment.items() if name not in plain]
    lines += [
        f"export {name}={shlex.quote(value)}"
        for name, value in environment.items()
        if name in plain
    ]
    lines.append(f"cd {shlex.quote(str(directory))}")
    words = ["env", "--", *odd, *command] if odd else list(command)
    lines.append(f"exec {shlex.join(words)}")
    return "\n".join(lines) + "\n"
