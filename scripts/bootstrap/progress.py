"""One line per step on the terminal; everything the tools print in a log file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from .errors import Interrupted, SetupError

TAIL = 15  # lines of the log shown upon failure


class Step:
    """One step under way: what it says once it is done."""

    def __init__(self) -> None:
        self.note = ""


class Progress:
    """The set-up's voice: step lines for people, a log for what went wrong."""

    def __init__(self, log: Path, out: TextIO = sys.stdout) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._out = out
        log.write_text("", encoding="utf-8")

    def line(self, name: str, note: str, seconds: float | None = None) -> None:
        """Print one line, with its time in seconds where there is one."""
        elapsed = "" if seconds is None else f"{seconds:6.1f} s"
        print(f"  {name:<8} {note:<60} {elapsed}".rstrip(), file=self._out, flush=True)

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Run a step; print its line when it ends well."""
        step = Step()
        began = time.monotonic()
        if self._out.isatty():
            self._out.write(f"  {name:<8} {doing} ...")
            self._out.flush()
        try:
            yield step
        finally:
            if self._out.isatty():
                self._out.write("\r\x1b[K")
        self.line(name, step.note, time.monotonic() - began)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        mend: str,
        timeout: float = 900,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: IO[bytes] | None = None,
    ) -> None:
        """Run a tool, its output into the log.

        Raises SetupError with the end of that output when it fails or takes
        longer than `timeout` seconds. A tool is asked to stop, not killed: a
        package manager killed half-way leaves a broken machine.
        """
        words = [str(word) for word in argv]
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(words)}\n".encode())
            log.flush()
            start = log.tell()
            try:
                process = subprocess.Popen(
                    words,
                    stdin=stdin or subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                )
            except FileNotFoundError as error:
                raise SetupError(f"`{words[0]}` is not installed. {mend}") from error
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                end(process)
                raise SetupError(f"`{words[0]}` took longer than {timeout:.0f} s. {mend}") from None
            except (Interrupted, KeyboardInterrupt):
                end(process)
                raise
        if code:
            what = f"`{' '.join(words[:3])}` failed (exit {code}). {mend}"
            raise SetupError(f"{what}\n{self.tail(start)}")

    def tail(self, start: int = 0) -> str:
        """Return the last lines of the log from byte `start` on, indented."""
        with self.log.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
        shown = [f"    {line}" for line in lines[-TAIL:]]
        return "\n".join([*shown, f"  All of it: {self.log}"])


def end(process: subprocess.Popen[bytes], patience: float = 20) -> None:
    """Stop a process: SIGTERM, then SIGKILL after `patience` seconds."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answer(argv: Sequence[str], timeout: float = 20) -> tuple[int, str, str]:
    """Return (exit code, stdout, stderr) of a short question to a tool.

    127 where the tool is not installed, 124 where it gives no answer in `timeout` seconds.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return 127, "", f"{argv[0]}: not installed"
    except subprocess.TimeoutExpired:
        return 124, "", f"{argv[0]}: no answer within {timeout:.0f} s"
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
