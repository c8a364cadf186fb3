"""nox as a child process: its exit code, and signals that reach all of its own children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .errors import INTERRUPTED, Interrupted

Handler = Callable[[int, FrameType | None], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """Let `handler` answer every signal that asks us to stop."""
    before = [(number, signal.signal(number, handler)) for number in SIGNALS]
    try:
        yield
    finally:
        for number, former in before:
            signal.signal(number, former)


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Turn a signal into an exception, so that what was started is stopped."""
    raise Interrupted(signal.Signals(number).name)


def ignore(_number: int, _frame: FrameType | None) -> None:
    """Let nothing end a clean-up; each part of it has a limit of its own."""


def run(argv: Sequence[str | Path], folder: Path, venv: Path) -> int:
    """Run a command of a virtual environment until it ends; return its exit code.

    Whatever signal asks us to stop reaches it as Ctrl-C would, so that it cleans up.
    """
    # On a terminal it must share our group to read from it, and Ctrl-C reaches it by itself.
    own_group = not sys.stdin.isatty()
    process: subprocess.Popen[bytes] | None = None
    asked = False

    def forward(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if process is None:
            raise Interrupted(signal.Signals(number).name)
        with suppress(ProcessLookupError):
            if own_group:
                os.killpg(process.pid, signal.SIGINT)
            elif number != signal.SIGINT:
                process.send_signal(signal.SIGINT)

    environment = {**os.environ, "VIRTUAL_ENV": str(venv)}
    environment["PATH"] = os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)])
    environment.pop("PYTHONHOME", None)
    with handling(forward):
        process = subprocess.Popen(
            argv, cwd=folder, env=environment, process_group=0 if own_group else None
        )
        code = process.wait()
    if asked:
        return INTERRUPTED
    return code if code >= 0 else 128 - code
