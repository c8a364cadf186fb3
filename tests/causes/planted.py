"""The planted causes: what each folder declares, and what was found."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Bisected:
    """What `inv compare.bisect` has to find."""

    verdict: str
    keys: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """The tests after which it fails."""
    unapplied: str = ""
    """The row that has to be among those that cannot be applied."""
    reproduce: bool = False
    """Whether the command that it prints is run too."""


@dataclass(frozen=True)
class Planted:
    """One folder of this one."""

    name: str
    cause: str
    planted: str
    fails: str
    explain: tuple[str, ...]
    """Rows of which one has to be the first; empty where it speaks of no row."""
    bisect: Bisected
    test: str = ""
    """A part of the name of the test that differs; empty where there is one test."""
    explain_says: str = ""
    compare: str = "differs"
    repeat: int = 1
    needs: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return HERE / self.name


@dataclass
class Found:
    """What the three commands said of it."""

    compare: str = ""
    explain: str = ""
    bisect: str = ""
    probes: str = ""


def read(folder: Path) -> Planted:
    table = tomllib.loads((folder / "cause.toml").read_text())
    bisect = {name: _frozen(value) for name, value in table.pop("bisect").items()}
    values = {name: _frozen(value) for name, value in table.items()}
    return Planted(name=folder.name, bisect=Bisected(**bisect), **values)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


CAUSES = tuple(read(path.parent) for path in sorted(HERE.glob("*/cause.toml")))
