"""Files as a driver: unpacked beside what is there, then exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import files
from .files_docker import VolumeFiles
from .files_local import LocalFiles
from .manifest import Manifest
from .site import Site, Tell
from .stores import Store

_ARCHIVE = "files.tar"


class FilesDriver:
    """A folder or a volume. Nobody can freeze it; the manifests tell of a change."""

    def __init__(self, site: Site, store: Store) -> None:
        self._files: LocalFiles | VolumeFiles = (
            LocalFiles(store) if site.side == "local" else VolumeFiles(site, store)
        )

    def version(self) -> str:
        """Return nothing: files have no version."""
        return ""

    def manifest(self) -> Manifest:
        """Return what it holds."""
        return self._files.manifest()

    def again(self, earlier: Manifest) -> Manifest:  # noqa: ARG002 - the protocol's
        """Return what it holds now, every file read anew: a file's times prove nothing."""
        return self.manifest()

    def holds(self, described: Manifest) -> str | None:
        """Return what there is to lose."""
        return files.holds(described)

    def blank(self, described: Manifest) -> bool:
        """Return whether there is nothing but the folder itself."""
        return set(described.entries) <= {"folder ."}

    def dump(self, folder: Path, *, lasting: bool) -> tuple[Manifest, int]:  # noqa: ARG002
        """Describe and pack it."""
        described = self.manifest()
        path = folder / _ARCHIVE
        self._files.dump(path)
        return described, path.stat().st_size

    def stage(self, folder: Path, tell: Tell) -> str:  # noqa: ARG002 - the protocol's
        """Unpack beside what is there."""
        self._files.stage(folder / _ARCHIVE)
        return _ARCHIVE

    def staged(self, stage: str, described: Manifest) -> Manifest | None:  # noqa: ARG002
        """Return what is to come."""
        return self._files.staged()

    def commit(self, stage: str, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Exchange what is there for what has come."""
        self._files.commit()

    def abandon(self) -> None:
        """Remove what is left of an exchange."""
        self._files.abandon()

    def clear(self) -> None:
        """Remove what it holds."""
        self._files.clear()

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: there is nothing to set."""
        return {}

    def freeze(self) -> None:
        """Do nothing."""

    def frozen(self) -> bool:
        """Return no: who has a file open can write to it."""
        return False

    def thaw(self, record: Mapping[str, Any]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Remove the container by which a volume was reached."""
        if isinstance(self._files, VolumeFiles):
            self._files.close()
