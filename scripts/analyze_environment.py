#!/usr/bin/env python3
"""Report what runs here and what to mend before a migration: a thin door to `inv`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parents[1] / ".venv/bin/python"
TASK = "migrate.analyze"


def words(argv: Sequence[str]) -> list[str]:
    """Return what `inv` takes for these arguments; they are the task's own."""
    return ["--help", TASK] if set(argv) & {"-h", "--help"} else [TASK, *argv]


def main(argv: Sequence[str]) -> int:
    """Run the task in this process; return its exit code."""
    try:
        namespace = importlib.import_module("tranship").namespace
        from invoke.program import Program
    except ImportError:
        if VENV_PYTHON.exists() and sys.prefix == sys.base_prefix:
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *argv])  # noqa: S606 (no shell)
        sys.stderr.write("The project is not installed here. Run `scripts/run setup` first.\n")
        return 4
    program = Program(namespace=namespace(), name="inv", binary="inv")
    try:
        program.run(["inv", *words(argv)])
    except SystemExit as ended:  # how Program reports a task's exit code
        return ended.code if isinstance(ended.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
