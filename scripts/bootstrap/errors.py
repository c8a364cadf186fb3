"""The one error of the set-up, and the exit codes that a script can rely on."""

from __future__ import annotations

USAGE = 2
ENVIRONMENT = 4
INTERRUPTED = 130


class SetupError(Exception):
    """Something that a person must mend; its text names the mend."""

    def __init__(self, message: str, exit_code: int = ENVIRONMENT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP: stop what was started, then end.

    Not an Exception, so that no handler of ordinary failures swallows it.
    """
