"""`inv docker.size`: the images of the stack as the engine has them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from ...errors import ImagesMissing, UsageError
from ...migration.analysis.images import megabytes, present
from ...modes.docker import DockerMode
from ...modes.images import plan
from ...stack.engine import document_of
from .layers import Sized, Sizes, sizes

FORMATS = ("text", "json", "md")
_COMMAND_COLUMNS = 60


@dataclass(frozen=True)
class Found:
    """What the engine has, and what it has not."""

    sizes: Sizes
    notes: tuple[str, ...]
    """What is not there, and how to have it."""


def require_format(name: str) -> None:
    """Raise UsageError for a format that is none."""
    if name not in FORMATS:
        raise UsageError(f"Unknown format {name!r}. Formats: {', '.join(FORMATS)}.")


def found_by(mode: DockerMode, named: Collection[str]) -> Found:
    """Return the sizes of the images of the services that are named, or of all.

    Raises ImagesMissing where none is on the engine, or one that was asked for by name is not.
    """
    document, _ = document_of(mode.project)
    services = [service.name for service in mode.services]
    users: dict[str, list[str]] = {}
    for name in sorted(services):
        body = document["services"][name]
        image = str(body.get("image") or f"{mode.project_name}-{name}")
        users.setdefault(image, []).append(name)
    if named:
        users = {image: names for image, names in users.items() if {*names} & {*named}}
    images = present(mode.client, users)
    absent = sorted(set(users) - set(images))
    building = plan(document, mode.project_name, services)
    notes = tuple(_absent(image, users[image], tuple(building.pull.values())) for image in absent)
    if absent and (named or not images):
        raise ImagesMissing("\n".join(notes))
    return Found(sizes(images, users), notes)


def _absent(image: str, users: Sequence[str], pulled: Collection[str]) -> str:
    built = f"inv docker.build --service {users[0]}"
    mend = f"docker pull {image}" if image in pulled else built
    return f"{image} (for {', '.join(users)}) is not on this engine: {mend}"


def shown(found: Sizes, form: str) -> str:
    """Return the sizes as text, json or md."""
    if form == "json":
        document = {"once": found.once, "listed": found.listed, **asdict(found)}
        return json.dumps(document, indent=2)
    from tabulate import tabulate

    style = "simple" if form == "text" else "pipe"
    parts = [
        tabulate(
            [_row(item) for item in found.images],
            headers=["image", "services", "size", "own", "shared"],
            tablefmt=style,
            disable_numparse=True,
        )
    ]
    for item in found.images:
        rows = [
            [
                megabytes(layer.size),
                f"{layer.share:.0%}",
                _cut(layer.made_by, form),
                ", ".join(layer.shared_with) or "-",
            ]
            for layer in item.layers
        ]
        table = tabulate(
            rows,
            headers=["size", "share", "made by", "shared with"],
            tablefmt=style,
            disable_numparse=True,
        )
        title = f"### {item.image}\n" if form == "md" else f"{item.image}:"
        parts.append(f"{title}\n{table}")
    parts.append(
        f"On disk: {megabytes(found.once)}, a layer that several have counted once "
        f"({megabytes(found.listed)} as `docker images` lists them)."
    )
    return "\n\n".join(parts)


def _row(item: Sized) -> list[str]:
    shared = sum(layer.size for layer in item.layers) - item.own
    return [
        item.image,
        ", ".join(item.services),
        megabytes(item.size),
        *(megabytes(size) if size else "-" for size in (item.own, shared)),
    ]


def _cut(text: str, form: str) -> str:
    short = text if len(text) <= _COMMAND_COLUMNS else f"{text[: _COMMAND_COLUMNS - 3]}..."
    return short.replace("|", "\\|") if form == "md" else short
