"""How long each step of a build takes: the images built once without the cache.

An image's own history gives the moments at which its layers were made; with a cache, or
with stages that build side by side, their differences are no durations.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...envmap.origins import Origin
from ...envmap.project import Project
from ...modes import images
from ...stack import engine, isolation
from .building import INSTALLS
from .catalogue import SLOW_STEP
from .dockerfile import Dockerfile
from .layers import key_of
from .look import Build, Look
from .model import Finding, Table

if TYPE_CHECKING:
    from python_on_whales import DockerClient

SLOW_SECONDS = 10.0
_STARTED = re.compile(r"(\S+ #\d+) \[(?!.*\binternal\b)(.+?)\] (.+)")
_ENDED = re.compile(r"(\S+ #\d+) DONE ([\d.]+)s")
_DOWNLOADS = re.compile(
    rf"{INSTALLS.pattern}|\bapt(?:-get)? .*install\b|\bapk .*add\b|\bpip3? install\b"
)
_SHOWN = 70
_ROWS = 8


@dataclass(frozen=True)
class Step:
    """One step of a build, and its seconds."""

    name: str
    """The builder's own: `data-service build 3/3`."""
    command: str
    seconds: float
    place: Origin | None = None


def timed(project: Project, look: Look, tell: Callable[[str], None]) -> tuple[Step, ...]:
    """Build every image of the stack without the cache; return its steps, the slowest first.

    One after the other: side by side they would slow each other down. The images get names
    of their own, and are removed afterwards: those that the stack runs stay as they are.
    Raises EnvironmentFailed where a build fails.
    """
    builds = [build for build in look.builds if build.file is not None]
    if not builds:
        return ()
    images.ensure_build_secrets(project.document, project.settings.state_directory)
    document, names = renamed(project.document, builds, isolation.checkout_id(look.root))
    path = project.settings.state_directory / "compose" / "timed.json"
    isolation.write_compose_file(document, path)
    client = replace(
        project.compose,
        files=(path,),
        directory=project.compose.files[0].parent,
        env_files=(Path(os.devnull),),
    ).client()
    try:
        lines = _built(client, [build.services[0] for build in builds], tell)
    finally:
        _remove(client, names)
        path.unlink(missing_ok=True)
    return steps(lines, builds)


def renamed(
    document: Mapping[str, Any], builds: Iterable[Build], checkout: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the document with other names for what is built, and these names."""
    services = {name: dict(body) for name, body in document["services"].items()}
    names = []
    for build in builds:
        body = services[build.services[0]]
        names.append(f"tranship-{checkout}/timed-{build.services[0]}")
        body["image"] = names[-1]
        if isinstance(body["build"], dict):
            # Further names of the image, which are the developer's own.
            body["build"] = {key: x for key, x in body["build"].items() if key != "tags"}
    return {**document, "services": services}, tuple(names)


def _built(client: DockerClient, services: list[str], tell: Callable[[str], None]) -> list[str]:
    lines = []
    for service in services:
        with engine.engine_errors(f"Building {service} without the cache"):
            for _, raw in client.compose.build(
                services=[service], progress="plain", stream_logs=True, cache=False
            ):
                # Numbers of steps begin again with each build.
                line = f"{service} {raw.decode(errors='replace').rstrip()}"
                lines.append(line)
                if started := _STARTED.match(line):
                    tell(f"building {started[2]} {started[3]}"[:_SHOWN])
    return lines


def _remove(client: DockerClient, names: Iterable[str]) -> None:
    from python_on_whales.exceptions import DockerException

    for name in names:
        with suppress(DockerException):
            client.image.remove(name, force=True)


def steps(lines: Iterable[str], builds: Iterable[Build]) -> tuple[Step, ...]:
    """Return the steps that the builder's plain output tells of, the slowest first.

    Each line begins with the service that is built. Images share stages: a step counts once.
    """
    known = dict(_instructions(build.file for build in builds if build.file is not None))
    started: dict[str, tuple[str, str]] = {}
    found: dict[str, Step] = {}
    for line in lines:
        if match := _STARTED.match(line):
            started.setdefault(match[1], (match[2], " ".join(match[3].split())))
        elif (match := _ENDED.match(line)) and match[1] in started:
            name, command = started[match[1]]
            place = known.get(key_of(command))
            found.setdefault(command, Step(name, command, float(match[2]), place))
    return tuple(sorted(found.values(), key=lambda step: -step.seconds))


def _instructions(files: Iterable[Dockerfile]) -> Iterator[tuple[str, Origin]]:
    for file in files:
        for stage in file.stages:
            for item in stage.instructions:
                words = " ".join((item.keyword, *item.flags, item.text))
                yield key_of(words), Origin(file.path, item.line)


def check_steps(found: Iterable[Step]) -> Iterator[Finding]:
    """Yield the slow steps that download all they need each time."""
    for step in found:
        if step.seconds >= SLOW_SECONDS and _DOWNLOADS.search(step.command):
            if "--mount=type=cache" in step.command:
                continue
            yield SLOW_STEP.finding(
                f"`{_cut(step.command)}` takes {step.seconds:.1f} s, and keeps nothing of what it "
                "downloads.",
                "Give it a cache that stays out of the image, such as "
                f"`RUN --mount=type=cache,target=/root/.cache/pip`{_without(step.command)}.",
                places=[step.place] if step.place else [],
            )


def _without(command: str) -> str:
    return ", and leave `--no-cache-dir` out" if "--no-cache-dir" in command else ""


def table(found: tuple[Step, ...], root: Path) -> Table:
    """Return the slowest steps, for showing."""
    total = sum(step.seconds for step in found) or 1.0
    rows = tuple(
        (
            f"{step.seconds:.1f} s",
            f"{step.seconds / total:.0%}",
            step.place.shown(root) if step.place else "",
            step.name,
            _cut(step.command),
        )
        for step in found[:_ROWS]
    )
    headers = ("seconds", "share", "line", "step", "command")
    return Table("Slowest build steps, without the cache", headers, rows, "Nothing is built here.")


def _cut(command: str) -> str:
    # The mounts in front tell nothing about what takes the time.
    text = re.sub(r"--mount=\S+\s+", "", command)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
