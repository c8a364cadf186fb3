"""Dockerfiles: their stages and instructions, with lines.

Only as far as the analysis asks; hadolint parses them for its own rules.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...stack import textfile

_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    keyword: str
    text: str
    """What stands after the keyword, without flags."""
    line: int
    flags: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of COPY, ADD and FROM."""
        try:
            return tuple(shlex.split(self.text.strip("[]").replace('",', '" ')))
        except ValueError:
            return tuple(self.text.split())

    @property
    def source_stage(self) -> str | None:
        """What `--from=` names."""
        return next((flag[7:] for flag in self.flags if flag.startswith("--from=")), None)

    @property
    def from_context(self) -> tuple[str, ...]:
        """The paths of the build context that COPY or ADD takes."""
        if self.keyword not in {"COPY", "ADD"} or self.source_stage:
            return ()
        return tuple(word for word in self.words[:-1] if "://" not in word)


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it."""

    name: str
    base: str
    line: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile as it is written."""

    path: Path
    stages: tuple[Stage, ...]

    def stage(self, name: str | None) -> Stage | None:
        """Return a stage by name or number; the last one without."""
        if name is None:
            return self.stages[-1] if self.stages else None
        for number, stage in enumerate(self.stages):
            if name.lower() == stage.name.lower() or name == str(number):
                return stage
        return None

    def chain(self, target: str | None) -> tuple[Stage, ...]:
        """Return the stages that the target's image is made of, from the base on."""
        found: list[Stage] = []
        stage = self.stage(target)
        while stage is not None and stage not in found:
            found.insert(0, stage)
            before = self.stages[: self.stages.index(stage)]
            stage = next((item for item in before if item.name == stage.base), None)
        return tuple(found)

    def needed(self, target: str | None) -> tuple[Stage, ...]:
        """Return the stages that are built for the target, those it copies from too."""
        found: dict[str, Stage] = {}
        pending = [target]
        while pending:
            for stage in self.chain(pending.pop()):
                if stage.name not in found:
                    found[stage.name] = stage
                    pending += [
                        item.source_stage
                        for item in stage.instructions
                        if item.source_stage and self.stage(item.source_stage)
                    ]
        return tuple(stage for stage in self.stages if stage.name in found)


def read(path: Path) -> Dockerfile:
    """Return a Dockerfile; raises ComposeFileError where it cannot be read."""
    return parse(textfile.read(path), path)


def parse(text: str, path: Path) -> Dockerfile:
    """Return the Dockerfile of a text."""
    stages: list[Stage] = []
    for item in _instructions(text):
        if item.keyword == "FROM":
            words = item.text.split()
            named = len(words) > 2 and words[1].upper() == "AS"
            name = words[2] if named else str(len(stages))
            stages.append(Stage(name, words[0] if words else "", item.line, ()))
        elif stages:
            last = stages[-1]
            stages[-1] = Stage(last.name, last.base, last.line, (*last.instructions, item))
    return Dockerfile(path, tuple(stages))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if _skipped(line):
            continue
        parts = [line.strip()]
        while parts[-1].endswith("\\"):
            parts[-1] = parts[-1][:-1].rstrip()
            following = next((rest for _, rest in lines if not _skipped(rest)), None)
            if following is None:
                break
            parts.append(following.strip())
        joined = " ".join(part for part in parts if part)
        keyword, _, rest = joined.partition(" ")
        if keyword.upper() in {"RUN", "COPY", "ADD"}:
            for _, word in _HEREDOC.findall(rest):
                for _, inside in lines:
                    if inside.strip() == word:
                        break
                    rest = f"{rest}\n{inside}"
        flags = []
        while match := re.match(r"\s*(--[a-z]+(?:=\S*)?)(?:\s+|$)", rest):
            flags.append(match[1])
            rest = rest[match.end() :]
        yield Instruction(keyword.upper(), rest.strip(), number, tuple(flags))


def _skipped(line: str) -> bool:
    # Between the lines of one instruction too.
    return not line.strip() or line.lstrip().startswith("#")
