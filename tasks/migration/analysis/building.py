"""Rules about Dockerfiles that hadolint does not know: the order of steps, and the context."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...envmap.origins import Origin
from .catalogue import CACHE_ORDER, CONTEXT
from .dockerfile import Instruction, Stage
from .ignored import ignore_file, let_in
from .look import Build, Look, named
from .model import Edit, Finding, Fix

INSTALLS = re.compile(
    r"\bpip3?\b[^&|;]*\binstall\b[^&|;]*(?:\s-r\s*|--requirement[ =])\S+"
    r"|\buv sync\b|\bpoetry install\b|\bpdm (?:install|sync)\b|\bpipenv (?:install|sync)\b"
    r"|\bnpm (?:ci|install|i)\b(?!\s+(?:-g|--global)\b)|\bpnpm (?:i|install)\b"
    r"|\byarn(?: install)?(?=\s*(?:$|--|&|;))|\bbundle install\b|\bgo mod download\b"
    r"|\bcomposer install\b"
)
"""Commands that install what a file of the project lists."""


def check_building(look: Look) -> Iterator[Finding]:
    """Yield what makes builds slow or images large, each Dockerfile's stage once."""
    seen: set[tuple[object, ...]] = set()
    for build in look.builds:
        if build.file is None:
            continue
        for stage in build.file.needed(build.target):
            key = (build.file.path, build.context, stage.name)
            if key not in seen:
                seen.add(key)
                yield from _order(build, stage)
        if (
            any(
                _everything(item)
                for stage in build.file.needed(build.target)
                for item in stage.instructions
            )
            and (build.context, "context") not in seen
        ):
            seen.add((build.context, "context"))
            yield from _context(build)


def _everything(item: Instruction) -> bool:
    """Return whether an instruction copies the whole context."""
    return bool({word.rstrip("/") for word in item.from_context} & {".", "", "*"})


def _order(build: Build, stage: Stage) -> Iterator[Finding]:
    if build.file is None:
        return
    copied: Instruction | None = None
    # A stage goes on with what the stages before it in its chain have copied.
    for each in build.file.chain(stage.name):
        for item in each.instructions:
            if copied is None and _everything(item):
                copied = item
            found = INSTALLS.search(item.text) if item.keyword == "RUN" else None
            if found is None:
                continue
            if copied is None:
                return  # what the second installation adds is the project itself
            if each.name != stage.name:
                return  # that stage's own finding
            yield CACHE_ORDER.finding(
                f"`{item.keyword} {found[0].strip()[:60]}` comes after `{copied.keyword} "
                f"{copied.text}` (line {copied.line}): every change of a source file runs it "
                "again.",
                "Copy the file that lists the dependencies first, install them, then copy the "
                "sources.",
                services=build.services,
                places=[Origin(build.file.path, item.line)],
            )
            return


def _context(build: Build) -> Iterator[Finding]:
    assert build.file is not None  # noqa: S101 - narrows the type for mypy
    names = let_in(build.context, build.file.path)
    if not names:
        return
    path = ignore_file(build.context, build.file.path)
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    gap = "" if not text or text.endswith("\n") else "\n"
    added = gap + "".join(f"{name}\n" for name in names)
    where = "" if text else "; there is no .dockerignore"
    yield CONTEXT.finding(
        f"The build of {build.image} copies its whole context, with {named(names)} in it{where}.",
        f"Name {named(names)} in .dockerignore.",
        services=build.services,
        places=[Origin(path if text else build.file.path)],
        fix=Fix((Edit(path, len(text), len(text), added),)),
    )
