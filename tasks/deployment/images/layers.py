"""The layers of a stack's images: what made each, and who shares it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...migration.analysis.images import Image, Layer

_MAKES_ONE = re.compile(r"(?:RUN|COPY|ADD|WORKDIR)\b")
"""The instructions that make a layer even when it is empty (Dockerfile reference)."""

_UNNAMED = re.compile(r"^Imported from -$")
"""What `docker import` says of what it got from a pipe."""


@dataclass(frozen=True)
class Explained:
    """One layer of one image."""

    size: int
    """Bytes."""
    share: float
    """Of its image."""
    made_by: str
    shared_with: tuple[str, ...]
    """The other images of the stack that have it."""


@dataclass(frozen=True)
class Sized:
    """One image of the stack. Sizes are bytes."""

    image: str
    services: tuple[str, ...]
    size: int
    own: int
    """Of layers that no other image of the stack has."""
    layers: tuple[Explained, ...]
    """From the base on; those without content are left out."""


@dataclass(frozen=True)
class Sizes:
    """The images of a stack. Sizes are bytes."""

    images: tuple[Sized, ...]
    once: int
    """On disk: a layer that several images have is there once."""

    @property
    def listed(self) -> int:
        """The sum of the sizes that `docker images` lists."""
        return sum(item.size for item in self.images)


def sizes(images: Mapping[str, Image], users: Mapping[str, Sequence[str]]) -> Sizes:
    """Return what each layer of these images is; `users` maps image -> services."""
    chains = {name: _chains(image) for name, image in images.items()}
    holders: dict[str, list[str]] = {}
    bytes_of: dict[str, int] = {}
    for name, found in chains.items():
        for key, layer in found:
            holders.setdefault(key, []).append(name)
            bytes_of[key] = layer.size
    made = []
    for name, found in sorted(chains.items()):
        total = images[name].size
        layers = tuple(
            Explained(
                layer.size,
                layer.size / total if total else 0.0,
                _UNNAMED.sub("(imported)", layer.command) or "(unknown)",
                tuple(sorted(set(holders[key]) - {name})),
            )
            for key, layer in found
            if layer.size
        )
        own = sum(item.size for item in layers if not item.shared_with)
        made.append(Sized(name, tuple(users.get(name, ())), total, own, layers))
    return Sizes(tuple(made), sum(bytes_of.values()))


def _chains(image: Image) -> tuple[tuple[str, Layer], ...]:
    """Return the layers with content, each by the digests of all up to it.

    An engine shares a layer only on top of the same ones.
    """
    layers = _with_content(image.layers, len(image.diff_ids))
    if len(layers) != len(image.diff_ids):
        # Nothing tells which digest is whose: then nothing is said to be shared.
        return tuple((f"{image.name}#{number}", layer) for number, layer in enumerate(layers))
    chain = ""
    found = []
    for digest, layer in zip(image.diff_ids, layers, strict=True):
        chain = f"{chain} {digest}"
        found.append((chain, layer))
    return tuple(found)


def _with_content(layers: Sequence[Layer], wanted: int) -> list[Layer]:
    """Return those of a history's entries that are layers; the history does not tell."""
    found = [item for item in layers if item.size]
    if len(found) == wanted:
        return found
    return [item for item in layers if item.size or _MAKES_ONE.match(item.command)]
