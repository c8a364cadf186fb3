"""The stand-in image of Prometheus with promtool, from Debian's package.

Only monitoring needs it: it is made by `scripts/run setup --monitoring`, or when a test first
wants it, and from then on it is kept with the others.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .images import Image, made
from .packages import recipe_of, unpacked
from .progress import Progress
from .rootfs import Rootfs
from .servers import PATH

VARIABLE = "PROMETHEUS_IMAGE"
PROGRAMS = ("prometheus", "promtool")


def image(progress: Progress) -> Image:
    """Return the base image; by its inputs an outdated stand-in is known."""
    return Image(
        VARIABLE,
        "prom/prometheus:v3.5.0",
        "tranship-standin/prometheus:2",
        recipe_of("prometheus"),
        lambda work, tag, label: build(progress, work, tag, label),
        optional=True,
    )


def chosen(root: Path) -> bool:
    """Return whether this checkout was set up with a stand-in of Prometheus."""
    path = root / ".tranship/images.env"
    return path.is_file() and f"{VARIABLE}=" in path.read_text(encoding="utf-8")


def standin(progress: Progress) -> str:
    """Return the name of the stand-in, which the engine has from now on.

    Raises SetupError where it cannot be made.
    """
    return made(image(progress))


def build(progress: Progress, work: Path, tag: str, label: str) -> None:
    """Make the image; nothing is installed on this machine."""
    files = unpacked(progress, work, ["prometheus"])
    root = Rootfs(work / "root")
    root.base()
    programs = root.at("/bin")  # where the official image has them
    for name in PROGRAMS:
        shutil.copy2(files / "usr/bin" / name, programs)
    root.libraries([programs / name for name in PROGRAMS], own=root.folder)
    data = root.at("/prometheus")
    data.mkdir()
    data.chmod(0o777)  # a volume takes it over, and the server runs as nobody
    root.load(
        progress,
        tag,
        label,
        [
            f"ENV PATH={PATH}",
            "USER nobody",
            "VOLUME /prometheus",
            "WORKDIR /prometheus",
            "EXPOSE 9090",
            'ENTRYPOINT ["/bin/prometheus"]',
            'CMD ["--config.file=/etc/prometheus/prometheus.yml"]',
        ],
    )
