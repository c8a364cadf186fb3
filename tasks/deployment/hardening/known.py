"""What well-known images need: from their own entrypoints and documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What an image that starts as root cannot do without."""

    capabilities: tuple[str, ...]
    why: str
    writes: tuple[str, ...] = ()
    """Folders outside its volumes that it writes to."""
    secret_files: tuple[str, ...] = ()
    """Variables that it reads from the file that NAME_FILE names."""
    hands_over: bool = False
    """Whether its first process itself becomes the other user. An init of root may send that one
    no signal without CAP_KILL: it gives up when the container is to stop, and all in it is killed.
    """


_TAKES = "its entrypoint takes the data folder over and becomes another user"
KNOWN: dict[str, Needs] = {
    "postgres": Needs(
        ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
        _TAKES,
        ("/tmp", "/var/run/postgresql"),  # noqa: S108 - inside the container
        ("POSTGRES_PASSWORD",),
        hands_over=True,
    ),
    "redis": Needs(("CHOWN", "SETGID", "SETUID"), _TAKES, hands_over=True),
    "valkey": Needs(("CHOWN", "SETGID", "SETUID"), _TAKES, hands_over=True),
    "mysql": Needs(
        ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"),
        _TAKES,
        ("/tmp", "/var/run/mysqld"),  # noqa: S108
        ("MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"),
        hands_over=True,
    ),
    "mariadb": Needs(
        ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"),
        _TAKES,
        ("/tmp", "/run/mysqld"),  # noqa: S108
        ("MARIADB_ROOT_PASSWORD", "MARIADB_PASSWORD"),
        hands_over=True,
    ),
    "nginx": Needs(
        ("CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"),
        "it binds port 80 and its workers become another user",
        ("/etc/nginx/conf.d", "/run", "/var/cache/nginx"),
    ),
}

DEFAULT_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
"""What Docker gives a container (docs.docker.com/engine/containers/run, "Runtime privilege")."""


def needs_of(image: str | None) -> Needs | None:
    """Return what is known of an image: by the last part of its name, whoever publishes it."""
    name = re.split("[:@]", (image or "").rsplit("/", 1)[-1])[0]
    return KNOWN.get(name)
