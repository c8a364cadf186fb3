"""The one place where our errors become what Invoke shows.

Invoke prints Exit, ParseError and UnexpectedExit cleanly and a traceback for the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
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


class _Argument(Argument):
    """An argument that is copied at once.

    Invoke copies every task, and every argument of each, deeply and twice, before it looks at the
    command line: most of what `inv --list` costs beside a bare one.
    """

    def __deepcopy__(self, memo: object) -> _Argument:
        made = object.__new__(_Argument)
        made.__dict__.update(self.__dict__)
        if isinstance(self._value, list):
            made._value = list(self._value)
        return made


class _Task(Task[Any]):
    def __deepcopy__(self, memo: object) -> _Task:
        made = object.__new__(_Task)
        made.__dict__.update(self.__dict__)
        made.help = dict(self.help)  # Invoke takes out what it has used
        return made

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        found: list[Argument] = super().get_arguments(ignore_unknown_help)
        for argument in found:
            argument.__class__ = _Argument
        return found


def task(**options: Any) -> Callable[[Callable[..., Any]], Task[Any]]:
    """Return Invoke's task decorator for functions that may raise TranshipError."""

    def decorate(body: Callable[..., Any]) -> Task[Any]:
        @functools.wraps(body)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            with shown_cleanly():
                return body(*args, **kwargs)

        made: Task[Any] = invoke_task(klass=_Task, **options)(bounded)
        return made

    return decorate
