"""Text files that people keep too: UTF-8, with or without a byte order mark."""

from __future__ import annotations

import os
import stat
import tempfile
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


def replace_file(path: Path, text: str) -> None:
    """Replace a file whole, or not at all; its mode stays, and a link goes on leading to it."""
    target = path.resolve()
    old = target.read_bytes() if target.exists() else b""
    mark = "\ufeff" if old.startswith(b"\xef\xbb\xbf") else ""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(f"{mark}{text}".encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
