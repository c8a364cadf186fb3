"""The stand-in image of the image registry, from Debian's package docker-registry.

Only tests of what is pulled from a registry need it: it is made when one first wants it, and
from then on it is kept with the others.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .images import Image, label_of
from .images import build as build_images
from .progress import Progress
from .rootfs import Rootfs
from .servers import PATH
from .shared import exclusive, own_folder

VARIABLE = "REGISTRY_IMAGE"
CONFIGURATION = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
"""


def image(progress: Progress) -> Image:
    """Return the base image; by its inputs an outdated stand-in is known."""
    recipe = "".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("registry.py", "rootfs.py")
    )
    return Image(
        VARIABLE,
        "registry:2",
        "tranship-standin/registry:2",
        recipe + Path("/etc/os-release").read_text(encoding="utf-8"),
        lambda work, tag, label: build(progress, work, tag, label),
        optional=True,
    )


def standin(progress: Progress) -> str:
    """Return the name of the stand-in, which the engine has from now on.

    Raises SetupError where it cannot be made.
    """
    wanted = image(progress)
    if label_of(wanted.standin) != wanted.label:
        with exclusive(own_folder() / "standins.lock"):
            build_images([wanted])
    return wanted.standin


def build(progress: Progress, work: Path, tag: str, label: str) -> None:
    """Make the image; nothing is installed on this machine."""
    packages, unpacked = work / "packages", work / "unpacked"
    packages.mkdir()
    progress.run(
        ["apt-get", "download", "docker-registry"],
        cwd=packages,
        mend="Run `apt-get update` as root first.",
    )
    for package in sorted(packages.glob("*.deb")):
        progress.run(["dpkg", "-x", package, unpacked], mend="The download is damaged.")
    root = Rootfs(work / "root")
    program = root.at("/bin/registry")  # where the official image has it
    shutil.copy2(unpacked / "usr/bin/docker-registry", program)
    # No shell: what nodes load is a third of what it were with one.
    root.libraries([program], own=root.folder)
    root.text("/etc/docker/registry/config.yml", CONFIGURATION)
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={PATH}",
            "VOLUME /var/lib/registry",
            "EXPOSE 5000",
            'ENTRYPOINT ["/bin/registry"]',
            'CMD ["serve", "/etc/docker/registry/config.yml"]',
        ],
    )
