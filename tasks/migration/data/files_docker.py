"""A named volume: reached by `docker cp`, which needs no program in any image.

Only to exchange what is there for what has come, and to make holes, does a shell of the
service's own image run, in a container of its own with no network.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ...errors import DataRefused
from ...modes.docker import DockerMode
from ...stack import engine
from .files import OUTGOING, STAGED, Item, described, in_tar
from .manifest import Manifest
from .site import Site
from .stores import Store

_WHERE = "/tranship-volume"

_EXCHANGE = f"""
set -e
cd {_WHERE}
mkdir {OUTGOING}
find . -mindepth 1 -maxdepth 1 ! -name '.tranship-*' -exec mv {{}} {OUTGOING}/ \\;
find {STAGED} -mindepth 1 -maxdepth 1 -exec mv {{}} . \\;
chown "$(stat -c %u:%g {STAGED})" .
chmod "$(stat -c %a {STAGED})" .
"""
_OWN = f'cd {_WHERE}/{STAGED} && chown "$1" . && chmod "$2" .'
_ABANDON = f"cd {_WHERE} && rm -rf {STAGED} {OUTGOING}"
_CLEAR = f"cd {_WHERE} && find . -mindepth 1 -maxdepth 1 -exec rm -rf {{}} +"
# Where cp cannot, the file keeps its zeros.
_HOLES = f"""
cd {_WHERE}/{STAGED} || exit 0
for path in "$@"; do
    if cp -p --sparse=always "$path" "$path.tranship" 2>/dev/null; then
        mv -f "$path.tranship" "$path"
    fi
done
"""


class VolumeFiles:
    """The volume of a service."""

    def __init__(self, site: Site, store: Store) -> None:
        assert isinstance(site.mode, DockerMode)  # noqa: S101 - narrows the type for mypy
        self._site, self._store, self._mode = site, store, site.mode
        self._container: str | None = None
        self._hollow: list[str] = []

    @property
    def volume(self) -> str:
        """The volume's name on the engine."""
        key = self._store.volume or ""
        written = (self._site.project.document.get("volumes") or {}).get(key) or {}
        if self._site.own and written.get("name"):
            return str(written["name"])
        return f"{self._mode.project_name}_{key}"

    def manifest(self) -> Manifest:
        """Return what the volume holds."""
        return self._described(".")

    def staged(self) -> Manifest:
        """Return what is to come."""
        return self._described(STAGED)

    def _described(self, inside: str) -> Manifest:
        with self._packed(inside) as stream:
            return described(self._store.name, _ours(in_tar(stream)), owners=True)

    def dump(self, path: Path) -> None:
        """Pack the volume."""
        with self._packed(".") as stream, path.open("wb") as target:
            while block := stream.read(1 << 20):
                target.write(block)

    def stage(self, path: Path) -> None:
        """Unpack into a folder within the volume."""
        self.abandon()
        with path.open("rb") as stream:
            items = list(in_tar(stream))
        hollow = [item.path for item in items if item.hollow]
        self._shell(f"mkdir {_WHERE}/{STAGED}")
        with path.open("rb") as stream:
            self._docker(
                # No --archive: that gives all to the container's user.
                ["cp", "-", f"{self._helper()}:{_WHERE}/{STAGED}"],
                "unpacking",
                read=stream,
            )
        for item in items:
            # The one folder that is there already keeps what it has.
            if item.path == ".":
                owner = "{}:{}".format(*item.owner)
                self._shell(_OWN, owner, f"{item.mode:o}")
        for start in range(0, len(hollow), 100):
            self._shell(_HOLES, *hollow[start : start + 100])

    def commit(self) -> None:
        """Exchange what is there for what has come."""
        self._shell(_EXCHANGE)

    def abandon(self) -> None:
        """Remove what is left of an exchange."""
        self._shell(_ABANDON)

    def clear(self) -> None:
        """Remove what the volume holds."""
        self._shell(_CLEAR)

    def close(self) -> None:
        """Remove the container by which the volume was reached."""
        from python_on_whales.exceptions import DockerException

        if self._container is not None:
            with suppress(DockerException):
                self._mode.client.container.remove(self._container, force=True)
            self._container = None

    def _helper(self) -> str:
        """Return a container that has the volume and does nothing, with the service's image."""
        if self._container is None:
            name = self._mode.project_name
            labels = {
                "com.docker.compose.project": name,
                "com.docker.compose.volume": self._store.volume or "",
            }
            found = [v.name for v in self._mode.client.volume.list()]
            if self.volume not in found:
                # With Compose's labels, by which it takes the volume for its own later.
                with engine.engine_errors(f"Making the volume {self.volume}"):
                    self._mode.client.volume.create(self.volume, labels=labels)
            body = self._site.project.document["services"][self._store.service]
            image = body.get("image") or f"{name}-{self._store.service}"
            with engine.engine_errors(f"Reaching the volume {self.volume}"):
                made = self._mode.client.container.create(
                    image,
                    ["-c", "while :; do sleep 60; done"],
                    entrypoint="sh",
                    user="0:0",
                    networks=["none"],
                    init=True,
                    pull="never",
                    # By which the next command, or a person, knows what was left by a kill.
                    labels={"io.tranship.helper": name},
                    volumes=[(self.volume, _WHERE)],
                )
            self._container = str(made.id)
        return self._container

    def _shell(self, script: str, *arguments: str) -> None:
        helper = self._helper()
        with engine.engine_errors(f"Running sh in the image of {self._store.service}"):
            self._mode.client.container.start(helper)
        self._docker(["exec", helper, "sh", "-c", script, "sh", *arguments], "changing the volume")

    @contextmanager
    def _packed(self, inside: str) -> Iterator[IO[bytes]]:
        words = [*engine.call(), "cp", f"{self._helper()}:{_WHERE}/{inside}/.", "-"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
            try:
                yield process.stdout
                while process.stdout.read(1 << 20):  # the padding behind the archive's end
                    pass
            except tarfile.TarError as error:
                process.kill()
                raise self._refused("reading", process.stderr.read() or str(error).encode()) from (
                    error
                )
            except BaseException:
                process.kill()
                raise
            stderr = process.stderr.read()
        if process.returncode != 0:
            raise self._refused("reading", stderr)

    def _docker(self, words: Sequence[str], doing: str, read: IO[bytes] | None = None) -> None:
        done = subprocess.run(
            [*engine.call(), *words],
            stdin=read or subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise self._refused(doing, done.stderr)

    def _refused(self, doing: str, stderr: bytes) -> DataRefused:
        lines = stderr.decode(errors="replace").strip().splitlines() or ["no word about why"]
        return DataRefused(f"{self._store.name} on docker: {doing} failed: {lines[-1]}")


def _ours(items: Iterator[Item]) -> Iterator[Item]:
    """Leave out what a copy has in the volume while it is at work."""
    for item in items:
        if item.path.split("/")[0] not in (STAGED, OUTGOING):
            yield item
