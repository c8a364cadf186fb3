"""Files: what a folder or a volume holds, from the folder itself or from a tar stream of it."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .manifest import Entry, Manifest, keyed

STAGED = ".tranship-new"
OUTGOING = ".tranship-old"
"""Within a volume: what is to come, and what went. Neither is part of what it holds."""

BLOCK = 64 * 1024


@dataclass(frozen=True)
class Item:
    """One path."""

    path: str
    kind: str
    """file, folder, link, pipe or device."""
    mode: int
    owner: tuple[int, int]
    """Ids of user and group."""
    size: int = 0
    content: str = ""
    """SHA-256 of a file, the target of a link, the numbers of a device."""
    same_as: str = ""
    """Of a file that has several names: the one that was met first."""
    hollow: bool = False
    """Whether the file has a run of zeros that need no place on a disk."""


def described(store: str, items: Iterable[Item], *, owners: bool) -> Manifest:
    """Return the manifest; `owners` is whether this side can have any owner at all."""
    known = {item.path: item for item in items}
    names: dict[str, list[str]] = {}
    for item in known.values():
        if item.same_as:
            names.setdefault(item.same_as, [item.same_as]).append(item.path)
    groups = {path: sorted(group) for group in names.values() for path in group}
    entries, owned = [], []
    for item in known.values():
        held = known.get(item.same_as, item)
        parts = (item.kind, oct(item.mode), held.size, held.content, groups.get(item.path, ""))
        digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        size = held.size if item.kind == "file" else None
        name = item.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        entries.append(Entry(item.kind, name, digest, size, "" if size is None else "bytes"))
        owned.append(Entry("owner of", name, "{}:{}".format(*item.owner)))
    return Manifest(store, "files", "", keyed(*entries), cluster=keyed(*owned) if owners else {})


def in_folder(folder: Path) -> Iterator[Item]:
    """Yield what a folder of this host holds, itself (`.`) first; nothing where it is absent."""
    seen: dict[tuple[int, int], str] = {}
    if not folder.is_dir():
        return
    pending = ["."]
    while pending:
        path = pending.pop()
        where = folder / path
        status = where.lstat()
        if stat.S_ISDIR(status.st_mode):
            names = sorted(entry.name for entry in where.iterdir())
            pending += [os.path.normpath(f"{path}/{name}") for name in names]
        elif stat.S_ISSOCK(status.st_mode):  # a server's, made anew with each start
            continue
        first = seen.setdefault((status.st_dev, status.st_ino), path)
        with_content = _content(where, status) if first == path else ("", False)
        yield Item(
            path,
            _kind(status.st_mode),
            stat.S_IMODE(status.st_mode) if not stat.S_ISLNK(status.st_mode) else 0o777,
            (status.st_uid, status.st_gid),
            status.st_size if stat.S_ISREG(status.st_mode) else 0,
            with_content[0],
            "" if first == path else first,
            with_content[1],
        )


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISREG(mode):
        return "file"
    return "pipe" if stat.S_ISFIFO(mode) else "device"


def _content(where: Path, status: os.stat_result) -> tuple[str, bool]:
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(where), False  # noqa: PTH115 - a Path would tidy the target up
    if stat.S_ISREG(status.st_mode):
        with where.open("rb") as stream:
            return hashed(stream)
    if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}", False
    return "", False


def hashed(stream: IO[bytes]) -> tuple[str, bool]:
    """Return the SHA-256 of what is left in a stream, and whether it has a block of zeros."""
    digest = hashlib.sha256()
    hollow = False
    while block := stream.read(BLOCK):
        digest.update(block)
        hollow = hollow or (len(block) == BLOCK and not any(block))
    return digest.hexdigest(), hollow


def in_tar(stream: IO[bytes]) -> Iterator[Item]:
    """Yield what a tar stream holds, itself (`.`) first."""
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
        for member in archive:
            yield item_of(member, archive)


def item_of(member: tarfile.TarInfo, archive: tarfile.TarFile) -> Item:
    """Return one member of an archive that is at it."""
    kinds = {
        tarfile.DIRTYPE: "folder",
        tarfile.SYMTYPE: "link",
        tarfile.FIFOTYPE: "pipe",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    kind = kinds.get(member.type, "file")
    content, hollow, same_as = "", False, ""
    if member.islnk():
        same_as = os.path.normpath(member.linkname)
    elif kind == "link":
        content = member.linkname
    elif kind == "device":
        content = f"{member.devmajor}:{member.devminor}"
    elif kind == "file":
        opened = archive.extractfile(member)
        content, hollow = hashed(opened) if opened is not None else ("", False)
    return Item(
        os.path.normpath(member.name),
        kind,
        0o777 if kind == "link" else stat.S_IMODE(member.mode),
        (member.uid, member.gid),
        member.size if kind == "file" and not same_as else 0,
        content,
        same_as,
        hollow,
    )


def holds(manifest: Manifest) -> str | None:
    """Return what there is to lose, in words; None when there is nothing."""
    files = sum(1 for entry in manifest.entries.values() if entry.kind != "folder")
    return f"{files} file{'s' if files > 1 else ''}" if files else None
