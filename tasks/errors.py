"""Errors that a person can mend, and the exit codes they end a command with.

    TranshipError
    |-- UsageError              2  wrong usage or settings
    |   |-- SettingsError          [tool.tranship] in pyproject.toml
    |   |-- ComposeFileError       a compose file or its x-tranship field
    |   |-- UnknownServiceError    a name that no compose file declares
    |   `-- RecordError            a trial record that is missing, malformed or newer
    |-- ItemFailed              3  an item of the checklist that a switch asks for failed
    |-- ItemUnknown             5  one is not proved, and none failed
    |-- EnvironmentFailed       4  the surroundings, not the tests
    |   |-- EngineUnavailable      no engine, no Compose v2, no permission on its socket
    |   |-- PortTaken              a port that another process listens on
    |   |-- ImagesMissing          images that are neither present nor buildable
    |   |-- NotOurs                a stack of the same name that another checkout made
    |   |-- StackFailed            a service exited, restarted in a loop, or never became healthy
    |   `-- DataRefused            data that was not copied, restored or kept, and why
    `-- RunInterrupted        130  Ctrl-C or SIGTERM, after cleaning up

Every message names what is wrong, where, and the mend.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a script can rely on."""

    SAME = 0
    TESTS_DIFFER = 1
    USAGE = 2
    GATE_FAILED = 3
    ENVIRONMENT = 4
    INCONCLUSIVE = 5
    INTERRUPTED = 130


class TranshipError(Exception):
    """Base of every error that is shown as one message and no traceback."""

    exit_code = ExitCode.TESTS_DIFFER


class UsageError(TranshipError):
    """Wrong usage: an argument or a file that the user wrote."""

    exit_code = ExitCode.USAGE


class SettingsError(UsageError):
    """A malformed [tool.tranship] table."""


class ComposeFileError(UsageError):
    """A compose file that cannot be read as a stack."""


class UnknownServiceError(UsageError):
    """A service name that the stack does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(
            f"No service named {name!r} in the stack{near(name, names)}. "
            f"Services: {', '.join(names) or 'none'}."
        )


class RecordError(UsageError):
    """A trial record that cannot be used."""


class ItemFailed(TranshipError):
    """An item of the checklist that was looked at and is not as it should be."""

    exit_code = ExitCode.GATE_FAILED


class ItemUnknown(TranshipError):
    """An item of the checklist of which nobody knows whether it is as it should be."""

    exit_code = ExitCode.INCONCLUSIVE


class EnvironmentFailed(TranshipError):
    """The surroundings failed: nothing is known about the tests."""

    exit_code = ExitCode.ENVIRONMENT


class EngineUnavailable(EnvironmentFailed):
    """No container engine that answers."""


class PortTaken(EnvironmentFailed):
    """A fixed port is in use."""


class ImagesMissing(EnvironmentFailed):
    """Images that can be neither found, pulled nor built."""


class NotOurs(EnvironmentFailed):
    """Something of the same name exists that this checkout did not make."""


class StackFailed(EnvironmentFailed):
    """A service that did not come up."""


class DataRefused(EnvironmentFailed):
    """Data that was not copied, restored or kept; the source is as it was."""

    undone = False
    """Whether the target had begun to change and was put back as it was."""


class RunInterrupted(TranshipError):
    """The user or the system asked the run to stop."""

    exit_code = ExitCode.INTERRUPTED


def near(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, else an empty string."""
    names = list(known)
    # A beginning is near too: `prod` for `production` is too short for the ratio.
    matches = difflib.get_close_matches(name, names, n=1) or [
        item for item in names if len(name) > 2 and item.startswith(name)
    ]
    return f" (did you mean {matches[0]!r}?)" if matches else ""
