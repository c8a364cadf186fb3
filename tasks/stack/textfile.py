"""Text files of the stack: UTF-8, with or without a byte order mark."""

from __future__ import annotations

from pathlib import Path

from ..errors import ComposeFileError


def read(path: Path) -> str:
    """Return the text of a file, its line ends as they are and without a byte order mark.

    Raises ComposeFileError with file and line for invalid UTF-8, of which Compose would
    make U+FFFD or base64 silently.
    """
    try:
        return path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise ComposeFileError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ComposeFileError(f"{path}:{line}: not valid UTF-8. Save it as UTF-8.") from error
