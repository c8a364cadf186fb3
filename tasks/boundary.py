"""The one place where our errors become what Invoke shows.

Invoke prints Exit, ParseError and UnexpectedExit cleanly and a traceback for the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from .errors import ExitCode, TranshipError
from .interrupts import terminated_as_interrupt


@contextmanager
def shown_cleanly() -> Iterator[None]:
    """Turn a TranshipError or Ctrl-C inside the block into Invoke's Exit with its code."""
    try:
        with terminated_as_interrupt():
            yield
    except TranshipError as error:
        raise Exit(str(error), int(error.exit_code)) from error
    except KeyboardInterrupt as error:
        raise Exit("Interrupted.", int(ExitCode.INTERRUPTED)) from error


def task(**options: Any) -> Callable[[Callable[..., Any]], Task[Any]]:
    """Return Invoke's task decorator for functions that may raise TranshipError."""

    def decorate(body: Callable[..., Any]) -> Task[Any]:
        @functools.wraps(body)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            with shown_cleanly():
                return body(*args, **kwargs)

        made: Task[Any] = invoke_task(**options)(bounded)
        return made

    return decorate
