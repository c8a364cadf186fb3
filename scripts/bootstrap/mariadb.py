"""The stand-in image of MariaDB, from Debian's packages: made when a test first wants it.

The example stack has no such server, so that `scripts/run setup` does not make it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .images import Image, made
from .packages import recipe_of, unpacked
from .progress import Progress, answer
from .rootfs import Rootfs
from .servers import PATH, SERVER_UID, libraries_of, script

PACKAGES = ("mariadb-server-core", "mariadb-client", "mariadb-client-core", "mariadb-common")
DEPENDING = ("mariadb-server-core", "mariadb-client-core")
PROGRAMS = (
    "usr/sbin/mariadbd",
    "usr/bin/mariadb",
    "usr/bin/mariadb-admin",
    "usr/bin/mariadb-dump",
    "usr/bin/mariadb-install-db",
    "usr/bin/my_print_defaults",
    "usr/bin/resolveip",
)
OLD_NAMES = {"mysqld": "mariadbd", "mysql": "mariadb", "mysqldump": "mariadb-dump"}
HEALTHCHECK = """\
#!/bin/sh
# The official image's checks, whichever are asked for: the server answers by TCP.
exec mariadb-admin --no-defaults --host=127.0.0.1 --connect-timeout=2 --silent ping
"""


def image(root: Path, progress: Progress) -> Image:
    """Return the base image; by its inputs an outdated stand-in is known."""
    entry = root / "compose/standin/mariadb.sh"
    return Image(
        "MARIADB_IMAGE",
        "mariadb:11",
        "tranship-standin/mariadb:10",
        recipe_of("mariadb", inputs=[entry]),
        lambda work, tag, label: build(progress, work, tag, label, entry),
    )


def standin(root: Path, progress: Progress) -> str:
    """Return the name of the stand-in, which the engine has from now on.

    Raises SetupError where it cannot be made.
    """
    return made(image(root, progress))


def of_this_release(libraries: Sequence[str]) -> list[str]:
    """Return the libraries that this release has, where the next one's are known to apt too.

    The next release calls some of them otherwise (libssl3t64), and needs a newer libc.
    """
    return [
        name
        for name in libraries
        if not name.endswith("-perl")
        and not (name.endswith("t64") and is_package(name.removesuffix("t64")))
    ]


def is_package(name: str) -> bool:
    """Return whether apt can get a package of this very name."""
    return answer(["apt-cache", "show", "--no-all-versions", name])[0] == 0


def build(progress: Progress, work: Path, tag: str, label: str, entry: Path) -> None:
    """Make the image."""
    asked = ["apt-cache", "depends", "--recurse", "--important", *DEPENDING]
    names = [*PACKAGES, *of_this_release(libraries_of(answer(asked)[1]))]
    files = unpacked(progress, work, names)
    root = Rootfs(work / "root")
    root.base("mysql", SERVER_UID)
    for place in PROGRAMS:
        target = root.at(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(files / place, target)
    for old, new in OLD_NAMES.items():
        folder = "sbin" if new == "mariadbd" else "bin"
        (root.at(f"/usr/{folder}") / old).symlink_to(new)
    shutil.copytree(files / "usr/share/mysql", root.at("/usr/share/mysql"))
    for library in sorted(files.rglob("lib*.so*")):
        target = root.at(Path("usr/lib") / library.parent.name / library.name)
        if not target.exists() and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target, follow_symlinks=False)
    root.at("/usr/lib/mysql/plugin").mkdir(parents=True, exist_ok=True)
    root.at("/docker-entrypoint-initdb.d").mkdir()
    script(root, entry, "docker-entrypoint.sh")
    root.text("/usr/local/bin/healthcheck.sh", HEALTHCHECK, 0o755)
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={PATH}",
            "ENV LANG=C.UTF-8",
            "VOLUME /var/lib/mysql",
            "EXPOSE 3306",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["mariadbd"]',
        ],
    )
