"""A folder of this host: packed into an archive, and one unpacked beside it, then exchanged."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...errors import DataRefused
from .files import BLOCK, OUTGOING, STAGED, described, in_folder
from .manifest import Manifest
from .stores import Store


class LocalFiles:
    """The folder that local processes use in the place of a volume."""

    def __init__(self, store: Store) -> None:
        assert store.folder is not None  # noqa: S101 - narrows the type for mypy
        self._store = store
        self._folder = store.folder
        self._staged = store.folder.with_name(f"{store.folder.name}{STAGED}")
        self._outgoing = store.folder.with_name(f"{store.folder.name}{OUTGOING}")

    def manifest(self) -> Manifest:
        """Return what the folder holds."""
        with self._doing("reading"):
            return self._described(self._folder)

    def staged(self) -> Manifest:
        """Return what is to come."""
        with self._doing("reading"):
            return self._described(self._staged)

    def _described(self, folder: Path) -> Manifest:
        return described(self._store.name, in_folder(folder), owners=os.geteuid() == 0)

    def dump(self, path: Path) -> None:
        """Pack the folder."""
        with self._doing("packing"), tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            if self._folder.is_dir():
                archive.add(self._folder, ".")

    def stage(self, path: Path) -> None:
        """Unpack beside the folder."""
        with self._doing("unpacking"):
            shutil.rmtree(self._staged, ignore_errors=True)
            self._staged.mkdir(parents=True)
            with tarfile.open(path) as archive:
                unpack(archive, self._staged)

    def commit(self) -> None:
        """Exchange the folders."""
        with self._doing("exchanging the folders"):
            if self._folder.is_dir():
                self._folder.rename(self._outgoing)
            self._staged.rename(self._folder)

    def abandon(self) -> None:
        """Remove what is left of an exchange, or undo one that was cut in the middle."""
        with self._doing("removing what was left"):
            if self._outgoing.is_dir() and not self._folder.is_dir():
                self._outgoing.rename(self._folder)
            for folder in (self._staged, self._outgoing):
                shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove what the folder holds."""
        with self._doing("emptying"):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, tarfile.TarError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            where = getattr(error, "filename", None) or self._folder
            raise DataRefused(
                f"{self._store.name} on local: {what} failed: {where}: {why}."
            ) from error


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack all of an archive: modes, links, holes, and owners where we may give them."""
    folders = []
    for member in archive:
        path = folder / os.path.normpath(member.name)
        if not path.parent.resolve().is_relative_to(folder.parent.resolve()):
            raise tarfile.TarError(f"{member.name} leads out of the folder")
        if member.isdir():
            path.mkdir(exist_ok=True)
            folders.append((path, member))
            continue
        if member.islnk():
            os.link(folder / os.path.normpath(member.linkname), path, follow_symlinks=False)
            continue
        if member.issym():
            path.symlink_to(member.linkname)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.isdev():
            archive.makedev(member, path)
        else:
            opened = archive.extractfile(member)
            if opened is not None:
                with path.open("wb") as stream:
                    _with_holes(opened, stream)
        _attributes(path, member)
    for path, member in reversed(folders):
        _attributes(path, member)


def _with_holes(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a file; zeros take no place."""
    while block := source.read(BLOCK):
        if any(block):
            target.write(block)
        else:
            target.seek(len(block), os.SEEK_CUR)
    target.truncate()


def _attributes(path: Path, member: tarfile.TarInfo) -> None:
    if os.geteuid() == 0:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        path.chmod(member.mode)
    os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
