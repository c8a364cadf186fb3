"""Large layers: the command that made each, its line, and what in it the image does not need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...envmap.origins import Origin
from .catalogue import LARGE_LAYER
from .dockerfile import Instruction
from .images import Layer, megabytes
from .look import Build, Look
from .model import Finding

LARGE_BYTES = 50_000_000
LARGE_SHARE = 0.2
_SHOWN = 70
_WRITTEN = "what the command wrote"
_TOOLS = re.compile(r"\b(build-essential|gcc|g\+\+|make|cmake|cargo|rustc|[\w.+-]+-dev|git)\b")
_NEVER = re.compile(r"(?!)")
_WASTE = (
    (
        "DL3009",
        re.compile(r"\bapt(?:-get)? (?:-\S+ )*update\b"),
        re.compile(r"rm -\w+ .*/var/lib/apt/lists|--mount=type=cache\S*/var/(?:lib|cache)/apt"),
        "the package lists of apt stay in it",
        "End the same RUN with `rm -rf /var/lib/apt/lists/*`.",
    ),
    (
        "DL3042",
        re.compile(r"\bpip3?\b[^&|;]*\binstall\b"),
        re.compile(r"--no-cache-dir|PIP_NO_CACHE_DIR|--mount=type=cache"),
        "pip's download cache stays in it",
        "Install with `--no-cache-dir`, or with `--mount=type=cache,target=/root/.cache/pip`.",
    ),
    (
        "DL3019",
        re.compile(r"\bapk (?:-\S+ )*add\b"),
        re.compile(r"--no-cache|rm -\w+ /var/cache/apk|--mount=type=cache"),
        "apk's index stays in it",
        "Install with `apk add --no-cache`.",
    ),
    (
        "",
        re.compile(rf"\b(?:apt(?:-get)?|apk) .*(?:install|add)\b.*{_TOOLS.pattern}"),
        re.compile(r"\b(?:purge|autoremove|apk del)\b"),
        "compilers and headers stay in it",
        "Compile in a stage of its own, and copy what it made (`COPY --from=build`).",
    ),
    (
        "",
        re.compile(r"^RUN ch(?:own|mod) (?:-\S+ )*-R|^RUN ch(?:own|mod) -\w*R"),
        _NEVER,
        "it holds every file again, for another owner or mode",
        "Copy with `COPY --chown=` or `--chmod=` instead.",
    ),
)
"""hadolint's rule for the same, what, unless what, the reason, the mend."""


@dataclass(frozen=True)
class Waste:
    """What a command leaves in its layer that no image needs."""

    reason: str
    mend: str
    same_as: str
    """hadolint's rule that says the same; empty where it has none."""


@dataclass(frozen=True)
class Large:
    """One large layer of an image."""

    layer: Layer
    share: float
    """Of its image's size."""
    instruction: Instruction | None
    """What made it, in this project's Dockerfile; None for the base image's."""
    reason: str
    waste: tuple[Waste, ...] = ()

    def place(self, build: Build) -> Origin | None:
        """Return the line of the Dockerfile that made it."""
        if self.instruction is None or build.file is None:
            return None
        return Origin(build.file.path, self.instruction.line)

    @property
    def command(self) -> str:
        """The command, cut to one line."""
        text = self.layer.command
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def large_layers(look: Look, name: str) -> tuple[Large, ...]:
    """Return the large layers of an image, the largest first."""
    image = look.images[name]
    build = next((item for item in look.builds if item.image == name), None)
    made = _instructions(build)
    found = []
    for layer in sorted(image.layers, key=lambda item: -item.size):
        share = layer.size / image.size if image.size else 0.0
        if layer.size < LARGE_BYTES and (share <= LARGE_SHARE or layer.size < 1_000_000):
            continue
        instruction = made.get(key_of(layer.command))
        if build is None or instruction is None:
            found.append(Large(layer, share, None, "of the base image"))
            continue
        words = (instruction.keyword, *instruction.flags, instruction.text)
        waste = wasted(" ".join(words), _variables(build))
        reason = "; ".join(item.reason for item in waste) or _content(instruction)
        found.append(Large(layer, share, instruction, reason, waste))
    return tuple(found)


def check_layers(look: Look, *, linted: bool) -> Iterator[Finding]:
    """Yield the large layers with something in them to mend.

    Where hadolint has looked, what it has a rule for is its own to say, or to leave.
    """
    for build in look.builds:
        if build.file is None or build.image not in look.images:
            continue
        for large in large_layers(look, build.image):
            place = large.place(build)
            if place is None:
                continue
            left = [item for item in large.waste if not (linted and item.same_as)]
            if left:
                yield LARGE_LAYER.finding(
                    f"`{large.command}` makes {megabytes(large.layer.size)} of {build.image}, "
                    f"{large.share:.0%} of it: {'; '.join(item.reason for item in left)}.",
                    " ".join(item.mend for item in left),
                    services=build.services,
                    places=[place],
                )


def wasted(text: str, variables: str = "") -> tuple[Waste, ...]:
    """Return what a command leaves in its layer that no image needs.

    `variables` are those of the Dockerfile, which may keep a cache away for all commands.
    """
    plain = " ".join(text.split())
    return tuple(
        Waste(reason, mend, same_as)
        for same_as, what, unless, reason, mend in _WASTE
        if what.search(plain) and not unless.search(plain) and not unless.search(variables)
    )


def _content(item: Instruction) -> str:
    if item.source_stage:
        return f"what stage {item.source_stage} made"
    if item.keyword in {"COPY", "ADD"}:
        return "files of the project"
    return "installed packages" if re.search(r"\b(install|add|sync|ci)\b", item.text) else _WRITTEN


def _variables(build: Build) -> str:
    items = [item for stage in build.stages for item in stage.instructions]
    return " ".join(item.text for item in items if item.keyword == "ENV")


def _instructions(build: Build | None) -> Mapping[str, Instruction]:
    if build is None:
        return {}
    return {
        key_of(f"{item.keyword} {item.text}"): item
        for stage in build.stages
        for item in stage.instructions
    }


def key_of(command: str) -> str:
    """Return a command without what Dockerfile and history write differently."""
    return re.sub(r"[\s\"',\[\]\\]+", " ", command).strip()
