#!/usr/bin/env python3
"""Start, stop, test and watch the stack on one side: a thin door to `inv` and nox."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parents[1] / ".venv/bin/python"
ACTIONS = ("start", "stop", "restart", "status", "test", "cleanup", "logs", "health")
TASKS = {"start": "up", "stop": "down"}
RENAMED = {"docker": {"status": "ps"}}  # docker's tasks have Compose's names
HELP = """\
start    start the services and wait until they are healthy
stop     stop them; data stays
restart  stop and start them with the settings as they are now
status   list them; exit 4 when one is not running
test     run the suite against a stack of its own; arguments reach pytest
cleanup  stop both sides, and remove what runs that died left; --volumes: data too
logs     show their logs
health   ask each whether it is well"""


def task_words(action: str, side: str, rest: Sequence[str]) -> list[str]:
    """Return what `inv` takes for an action on a side, with the task's own arguments."""
    if action == "cleanup":
        return ["local.down", *rest, "docker.down", *rest]
    task = TASKS.get(action, action)
    return [f"{side}.{RENAMED.get(side, {}).get(task, task)}", *rest]


def main(argv: Sequence[str]) -> int:
    """Run the tasks in this process, or the suite by nox; return the exit code."""
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\n\n{HELP}",
        epilog="Further arguments go to the task: `inv --help local.up`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--docker", action="store_true", help="act on containers, not processes")
    found, rest = parser.parse_known_args(argv)
    try:
        namespace = importlib.import_module("tranship").namespace
        from invoke.program import Program
    except ImportError:
        if VENV_PYTHON.exists() and sys.prefix == sys.base_prefix:
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *argv])  # noqa: S606 (no shell)
        parser.exit(4, "The project is not installed here. Run `scripts/run setup` first.\n")
    side = "docker" if found.docker else "local"
    if found.action == "test":
        words = [sys.executable, "-m", "nox", "-s", side, "--", *rest]
        os.execv(sys.executable, words)  # noqa: S606 (no shell)
    program = Program(namespace=namespace(), name="inv", binary="inv")
    try:
        program.run(["inv", *task_words(found.action, side, rest)])
    except SystemExit as ended:  # how Program reports a task's exit code
        return ended.code if isinstance(ended.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
