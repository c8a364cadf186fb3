"""What a process of this host is to have, made ready for it: its group, its files, its network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...modes import cgroups
from ...stack.isolation import write_private

if TYPE_CHECKING:
    from .bench import Bench


def ready(
    launch: Mapping[str, Any], directory: Path, group: str, peer: Bench | None
) -> dict[str, Any]:
    """Return the launch as preload.py reads it; files are written into the run's `directory`.

    Raises EnvironmentFailed where a control group cannot be made.
    """
    made = dict(launch)
    if "group" in made:
        made["groups"] = cgroups.limited(group, made.pop("group"))
    texts = {}
    if "hosts" in made:
        # The first line that has a name is the one that holds.
        texts["/etc/hosts"] = "\n".join([*made.pop("hosts"), _text("/etc/hosts")])
    if "resolver" in made:
        servers = re.findall(r"^nameserver.*", _text("/etc/resolv.conf"), re.M)
        texts["/etc/resolv.conf"] = "\n".join([*servers, *made.pop("resolver"), ""])
    if made.get("network") == "passing" and peer is not None:
        made["network"] = peer.network_path()
        view = peer.see()
        texts |= {"/etc/hosts": view.hosts, "/etc/resolv.conf": view.resolv}
    for path, text in texts.items():
        copy = directory / "files" / Path(path).name
        write_private(copy, text)
        copy.parent.chmod(0o755)
        copy.chmod(0o644)
        made.setdefault("files", {})[path] = str(copy)
    if made.get("mounts"):
        # The report is written there.
        own = {"path": str(directory), "kind": "kept"}
        made["mounts"] = [own, *made["mounts"]]
    return made


def _text(path: str) -> str:
    return Path(path).read_text("utf-8", errors="replace")
