"""Where the sources of an image are from, as git knows it.

The commit is the last that touched what the image is built from, so that a commit to anything
else leaves the image as it is.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .baking import EPOCH

_GIT_SECONDS = 10.0
_PREFIX = "org.opencontainers.image."
"""The names of the OCI image specification, "Annotations"."""
_REMOTE = re.compile(r"(?:https?://(?:[^@/]*@)?|ssh://(?:[^@/]*@)?|[\w.-]+@)([\w.-]+)[:/](.+)")


@dataclass(frozen=True)
class GitOrigin:
    """The commit of an image's sources; empty where git knows none."""

    revision: str = ""
    """The commit, with `-dirty` where files differ from it."""
    epoch: str = ""
    source: str = ""
    """The address of the repository, without whoever may log in to it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that name it."""
        created = ""
        if self.epoch.isdigit():
            moment = datetime.fromtimestamp(int(self.epoch), tz=UTC)
            created = moment.isoformat().replace("+00:00", "Z")
        found = {"revision": self.revision, "created": created, "source": self.source}
        return {f"{_PREFIX}{name}": value for name, value in found.items() if value}


def origin_of(build: Mapping[str, Any]) -> GitOrigin:
    """Return where a build's context is from; SOURCE_DATE_EPOCH of the shell goes before git's."""
    given = os.environ.get(EPOCH, "")
    context = Path(str(build.get("context") or "."))
    if not context.is_dir():
        return GitOrigin(epoch=given)
    dockerfile = context / str(build.get("dockerfile") or "Dockerfile")
    paths = [str(context), *([str(dockerfile)] if dockerfile.is_file() else [])]
    last = _git(context, "log", "-1", "--format=%H %ct", "--", *paths)
    revision, _, committed = last.partition(" ")
    if not revision:
        return GitOrigin(epoch=given)
    changed = _git(context, "status", "--porcelain", "--", *paths)
    remote = _REMOTE.fullmatch(_git(context, "remote", "get-url", "origin"))
    source = f"https://{remote[1]}/{remote[2].removesuffix('.git')}" if remote else ""
    return GitOrigin(f"{revision}-dirty" if changed else revision, given or committed, source)


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
