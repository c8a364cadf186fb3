"""Debian's packages as files: unpacked beside the machine's own, which stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .progress import Progress


def unpacked(progress: Progress, work: Path, names: Sequence[str]) -> Path:
    """Return a folder with the packages' files; nothing is installed on this machine."""
    packages, found = work / "packages", work / "unpacked"
    packages.mkdir()
    progress.run(
        ["apt-get", "download", *names], cwd=packages, mend="Run `apt-get update` as root first."
    )
    for package in sorted(packages.glob("*.deb")):
        progress.run(["dpkg", "-x", package, found], mend="The download is damaged.")
    return found


def recipe_of(*modules: str, inputs: Sequence[Path] = ()) -> str:
    """Return what an image is made of: modules of this package, more files, and the release."""
    paths = [
        *(Path(__file__).with_name(f"{name}.py") for name in ("packages", "rootfs", *modules)),
        *inputs,
        Path("/etc/os-release"),
    ]
    return "".join(path.read_text(encoding="utf-8") for path in paths)
