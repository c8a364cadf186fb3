"""The actions that a workflow for GitHub uses, each by the commit of a release.

A tag can be moved to other code, a commit cannot. Dependabot and Renovate understand the
comment, but change the file: `[tool.tranship.ci] pins` is where a newer one belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...errors import SettingsError, near

PINS: Mapping[str, str] = {
    "actions/cache": "cdf6c1fa76f9f475f3d7449005a359c84ca0f306 # v5.0.3",
    "actions/checkout": "de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "actions/download-artifact": "37930b1c2abaa49bbe596cd826c3c89aef350131 # v7.0.0",
    "actions/setup-python": "a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0",
    "actions/upload-artifact": "b7c566a772e6b6bfb58ed0dc250532a479d7789f # v6.0.0",
    "docker/bake-action": "d3418bd7d0e9324001bca92fa8ba175ea7e6dc9b # v7.3.0",
    "docker/setup-buildx-action": "bb05f3f5519dd87d3ba754cc423b652a5edd6d2c # v4.2.0",
}
_REFERENCE = re.compile(r"[\w./-]+( # [\w./ -]+)?")


def uses(own: Mapping[str, str]) -> dict[str, str]:
    """Return action -> what stands after `uses:`, with the project's own pins.

    Raises SettingsError for an action that no pipeline uses, and for what is no reference.
    """
    for action, reference in own.items():
        if action not in PINS:
            raise SettingsError(
                f"[tool.tranship.ci] pins: no pipeline uses {action!r}{near(action, PINS)}. "
                f"Actions: {', '.join(PINS)}."
            )
        if not _REFERENCE.fullmatch(reference):
            raise SettingsError(
                f"[tool.tranship.ci] pins: {action}: {reference!r} is no commit or tag. Write it "
                'as "<commit> # <version>".'
            )
    return {action: f"{action}@{own.get(action, PINS[action])}" for action in PINS}
