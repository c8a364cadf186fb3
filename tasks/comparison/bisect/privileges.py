"""What this user may change of a process on this host."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
import tempfile


def is_root() -> bool:
    """Return whether this process may do what only root may."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def may_mount() -> bool:
    """Return whether a process can be given mounts of its own here: it is tried."""
    if not is_root() or not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="tranship-") as folder:
        spec = json.dumps({"mounts": [{"path": folder, "kind": "read-only"}]})
        done = subprocess.run(
            [sys.executable, "-c", preload_text(), spec, "true"], capture_output=True, check=False
        )
    return done.returncode == 0


def preload_text() -> str:
    """Return the program that changes itself and becomes the suite."""
    return (importlib.resources.files(__package__) / "preload.py").read_text("utf-8")
