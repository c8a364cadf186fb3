"""The stand-in image of the image registry, from Debian's package docker-registry.

Only tests of what is pulled from a registry need it: it is made when one first wants it, and
from then on it is kept with the others.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .images import Image, made
from .packages import recipe_of, unpacked
from .progress import Progress
from .rootfs import Rootfs
from .servers import PATH

VARIABLE = "REGISTRY_IMAGE"
CONFIGURATION = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
"""


def image(progress: Progress) -> Image:
    """Return the base image; by its inputs an outdated stand-in is known."""
    return Image(
        VARIABLE,
        "registry:2",
        "tranship-standin/registry:2",
        recipe_of("registry"),
        lambda work, tag, label: build(progress, work, tag, label),
        optional=True,
    )


def standin(progress: Progress) -> str:
    """Return the name of the stand-in, which the engine has from now on.

    Raises SetupError where it cannot be made.
    """
    return made(image(progress))


def build(progress: Progress, work: Path, tag: str, label: str) -> None:
    """Make the image; nothing is installed on this machine."""
    files = unpacked(progress, work, ["docker-registry"])
    root = Rootfs(work / "root")
    program = root.at("/bin/registry")  # where the official image has it
    shutil.copy2(files / "usr/bin/docker-registry", program)
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
