"""The one module that knows about terminals.

Results go to standard output, progress and notes to standard error, so that
`inv docker.config > file` holds the result alone.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def out(text: str) -> None:
    """Print a result; a reader that went away (`| head`) ends the output quietly."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        # Python flushes standard output again at exit and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Print a line about the work, not its result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def on_terminal() -> bool:
    """Return whether people watch: standard error is a terminal and is not a dumb one."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns of the terminal, or 120 where there is none."""
    return shutil.get_terminal_size((120, 40)).columns if sys.stdout.isatty() else 120


def unicode_out() -> bool:
    """Return whether standard output can carry characters beyond ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "") in {"utf8", "utf16", "utf32"}


def path(written: str | os.PathLike[str] | None) -> str:
    """Return a path as it can be typed here: relative, where it is below this folder."""
    text = os.fspath(written or "")
    near = os.path.relpath(text) if text else ""
    return text if near.startswith(os.pardir) else near


def confirmed(question: str) -> bool:
    """Ask on the terminal; anything but `y` or `yes` is no, and so is the end of the input."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


class Step:
    """A piece of long work; `tell` says what it is at."""

    def __init__(self, title: str, status: object | None) -> None:
        self.title = title
        self._status = status

    def tell(self, detail: str) -> None:
        """Show `detail` beside the title: in place on a terminal, nowhere else."""
        if self._status is not None:
            self._status.update(f"{self.title}: {detail}")  # type: ignore[attr-defined]


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show a spinner on a terminal while the block runs, then one line with its seconds."""
    began = time.monotonic()
    if on_terminal():
        from rich.console import Console
        from rich.status import Status

        with Status(title, console=Console(stderr=True)) as status:
            yield Step(title, status)
    else:
        note(f"{title} ...")
        yield Step(title, None)
    note(f"{title}: {time.monotonic() - began:.1f} s")


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """Return rows as a table in the project's one style."""
    from tabulate import tabulate

    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
