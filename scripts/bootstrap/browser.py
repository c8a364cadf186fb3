"""A browser for the tests that open the report's page: Debian's Chromium and one font.

Nothing else needs it. Where there is none and none can be had, those tests skip.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from . import apt
from .consent import Consent
from .errors import SetupError
from .progress import Progress

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
"""As tests/engine/browser.py looks for it."""
PACKAGES = ("chromium", "fonts-dejavu-core")
WITHOUT = "the tests of the report's page will skip"
QUESTION = "No Chromium for the tests of the report's page. May I install Debian's (0.4 GB)?"


def ensure(
    progress: Progress,
    consent: Consent,
    *,
    os_release: Path = Path("/etc/os-release"),
    which: Callable[[str], str | None] = shutil.which,
) -> None:
    """Get a browser where there is none and this run may; never fail."""
    with progress.step("browser", "looking for Chromium") as step:
        name = _found(which)
        if name:
            step.note = name
            return
        try:
            release = apt.parse_os_release(os_release.read_text(encoding="utf-8"))
            if release.get("ID") != "debian":  # Ubuntu's package is a door to its own store
                raise SetupError("not Debian")
            _install(progress, consent.grant(QUESTION, "may not install"))
        except (OSError, SetupError) as error:
            first = str(error).partition("\n")[0]
            with progress.log.open("a", encoding="utf-8") as log:
                log.write(f"\nno browser: {error}\n")
            step.note = f"none ({first[:40].rstrip('. ')}): {WITHOUT}"
            return
        name = _found(which)
        step.note = f"{name} (installed)" if name else f"none: {WITHOUT}"


def _found(which: Callable[[str], str | None]) -> str:
    return next((name for name in NAMES if which(name)), "")


def _install(progress: Progress, prefix: list[str]) -> None:
    wanted = ("install", "--yes", "--no-install-recommends", *PACKAGES)
    mend = "Mend apt's sources or its network access."
    try:
        # The engine's step may have read the lists a moment ago.
        apt.apt_get(progress, *wanted, prefix=prefix, mend=mend)
    except SetupError:
        apt.apt_get(progress, "update", prefix=prefix, mend=mend)
        apt.apt_get(progress, *wanted, prefix=prefix, mend=mend)
