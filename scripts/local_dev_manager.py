#!/usr/bin/env python3
"""Start, stop and watch the stack on one side: a thin door to the tasks of `inv`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parents[1] / ".venv/bin/python"
ACTIONS = ("up", "down", "status", "logs", "health", "restart", "switch")
RENAMED = {"docker": {"status": "ps"}}  # docker's tasks have Compose's names


def task_words(action: str, side: str) -> list[str]:
    """Return the tasks that an action on a side means, as `inv` takes them."""
    if action == "switch":
        other = "local" if side == "docker" else "docker"
        return [f"{other}.down", f"{side}.up"]
    return [f"{side}.{RENAMED.get(side, {}).get(action, action)}"]


def main(argv: Sequence[str]) -> int:
    """Run the tasks in this process; return their exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Further arguments go to the task: `inv --help local.up`."
    )
    parser.add_argument("action", choices=ACTIONS, help="switch: stop one side, start the other")
    parser.add_argument("--docker", action="store_true", help="act on containers, not processes")
    found, rest = parser.parse_known_args(argv)
    try:
        namespace = importlib.import_module("tranship").namespace
        from invoke.program import Program
    except ImportError:
        if VENV_PYTHON.exists() and sys.prefix == sys.base_prefix:
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *argv])  # noqa: S606 (no shell)
        parser.exit(4, "The project is not installed here. Run `scripts/run setup` first.\n")
    words = task_words(found.action, "docker" if found.docker else "local")
    program = Program(namespace=namespace(), name="inv", binary="inv")
    try:
        program.run(["inv", *words, *rest])
    except SystemExit as ended:  # how Program reports a task's exit code
        return ended.code if isinstance(ended.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
