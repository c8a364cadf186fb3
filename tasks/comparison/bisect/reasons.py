"""Why a difference cannot be applied to one side, in the user's words."""

from __future__ import annotations

import re


class NotApplicable(Exception):
    """A difference that cannot be applied on this side; its text says why."""


_REASONS: tuple[tuple[str, str], ...] = (
    ("python|implementation|python_gil", "it would be another interpreter"),
    ("python_(build|config)", "it would be another build of the interpreter"),
    ("python_flags", "the interpreter's options are part of the suite's command"),
    ("libc|openssl|sqlite|zlib", "the interpreter is linked with it"),
    ("kernel|machine|byteorder|memory_total|cpus", "it is the machine's own"),
    ("os|tz_database", "it is the system that the side is made of"),
    ("case_sensitive_.*|fs_.*", "it is the file system's own"),
    ("date|clock", "a clock cannot be set for one process"),
    ("pytest_config", "pytest reads another file"),
    ("pytest_plugins", "they come with their packages"),
    ("localtime|signals_ignored|groups", "nothing sets it for one run"),
    ("noexec_.*", "the mount is another one"),
    ("writable_.*", "it follows from the user and from what is mounted"),
    ("ipv6", "it is the network's own"),
    ("locale", "no variable of the locale differs"),
    ("env:(PATH|VIRTUAL_ENV|LD_LIBRARY_PATH)", "it names folders of the other side"),
    ("error:.*", "it could be read on one side only"),
)


def reason(key: str, side: str) -> str:
    """Return why a row cannot be applied on a side."""
    for pattern, text in _REASONS:
        if re.fullmatch(pattern, key):
            return text
    return (
        "nothing sets it for a process of this host"
        if side == "local"
        else ("nothing sets it for a container")
    )
