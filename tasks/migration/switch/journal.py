"""The journal of a switch: what was done, on the disk before and after each step.

It is written whole, and what it was before stays beside it: a file that somebody or a broken
disk truncated can then be gone on from, one step earlier.
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...settings import Settings
from ..data.records import write_json
from . import moments
from .moments import Moment

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One step, as far as it came."""

    name: str
    began: Moment
    ended: Moment | None = None
    note: str = ""
    """What came of it, in a sentence."""
    failure: str = ""

    @property
    def state(self) -> str:
        """The word for a table."""
        if self.failure:
            return "failed"
        return "done" if self.ended is not None else "begun"

    @property
    def seconds(self) -> float | None:
        """How long it took; None when nobody saw its end."""
        return moments.seconds(self.began, self.ended) if self.ended is not None else None


@dataclass(frozen=True)
class Pause:
    """A time in which writes were refused."""

    why: str
    began: Moment
    ended: Moment | None = None

    @property
    def seconds(self) -> float:
        """How long it lasted, or has lasted until now."""
        return moments.seconds(self.began, self.ended or moments.now())


@dataclass
class Journal:
    """One switch from its start to the removal of the old side's data."""

    path: Path
    id: str
    source: str
    target: str
    environment: str
    began: Moment
    state: str = "switching"
    """switching, moved, going back, back, or finished."""
    in_place: bool = False
    """Whether the target starts in the place of the source, for they share services."""
    exposed: bool = False
    """Whether the target may have taken writes."""
    returned: bool = False
    """Whether the source may have taken writes again."""
    options: dict[str, Any] = field(default_factory=dict)
    steps: list[Entry] = field(default_factory=list)
    back: list[Entry] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    """`service:port` -> where the target listens while it is beside the source."""
    snapshot: str | None = None
    frozen: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`store on side` -> what to set so that it takes writes again."""
    pauses: list[Pause] = field(default_factory=list)
    baseline: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    """The last figures of the watch."""
    fired: dict[str, str] = field(default_factory=dict)
    """Why it went back: the trigger and the reason."""
    report: str | None = None

    def entry(self, name: str) -> Entry | None:
        """Return the last entry of a step of the switch."""
        return next((item for item in reversed(self.steps) if item.name == name), None)

    def done(self, name: str) -> bool:
        """Return whether a step of the switch came to its end."""
        found = self.entry(name)
        return found is not None and found.state == "done"

    @property
    def at(self) -> Entry | None:
        """The step that it is at, or was when it ended."""
        entries = self.back or self.steps
        return entries[-1] if entries else None

    @property
    def over(self) -> bool:
        """Whether nothing is under way."""
        return self.state in {"moved", "back", "finished"}

    @property
    def refused_seconds(self) -> float:
        """How long writes were refused in all."""
        return sum(pause.seconds for pause in self.pauses)

    def pause(self, why: str) -> None:
        """Note that writes are refused from now on, unless they are already."""
        if not self.pauses or self.pauses[-1].ended is not None:
            self.pauses.append(Pause(why, moments.now()))
            self.write()

    def unpause(self) -> None:
        """Note that writes are taken again."""
        if self.pauses and self.pauses[-1].ended is None:
            self.pauses[-1] = replace(self.pauses[-1], ended=moments.now())
            self.write()

    @contextmanager
    def step(self, name: str, entries: list[Entry]) -> Iterator[list[str]]:
        """Write that a step begins, and what came of it; what the block appends is its note."""
        begun = Entry(name, moments.now())
        entries.append(begun)
        self.write()
        notes: list[str] = []
        try:
            yield notes
        except BaseException as error:
            said = str(error) or type(error).__name__
            entries[-1] = replace(begun, ended=moments.now(), failure=said)
            self.write()
            raise
        entries[-1] = replace(begun, ended=moments.now(), note=" ".join(notes))
        self.write()

    def write(self) -> None:
        """Put it on the disk; what it was before stays beside it.

        Raises DataRefused when it cannot be written.
        """
        value = self.as_json()
        try:
            before = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        if before is not None:
            write_json(previous(self.path), before)
        write_json(self.path, value)

    def as_json(self) -> dict[str, Any]:
        """Return it as `from_json` reads it."""
        plain = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"path", "began", "steps", "back", "pauses"}
        }
        return {
            "format": FORMAT,
            **plain,
            "began": self.began.as_json(),
            "steps": [_entry(item) for item in self.steps],
            "back": [_entry(item) for item in self.back],
            "pauses": [[p.why, p.began.as_json(), _moment(p.ended)] for p in self.pauses],
        }


def _entry(item: Entry) -> list[Any]:
    return [item.name, item.began.as_json(), _moment(item.ended), item.note, item.failure]


def _moment(moment: Moment | None) -> list[Any] | None:
    return moment.as_json() if moment is not None else None


def _read(moment: list[Any] | None) -> Moment | None:
    return moments.from_json(moment) if moment is not None else None


def from_json(raw: Mapping[str, Any], path: Path) -> Journal:
    """Return the journal that `as_json` made; raises ValueError, KeyError or TypeError."""
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']}, this version reads {FORMAT}")
    given = {key: value for key, value in raw.items() if key != "format"}
    given["began"] = moments.from_json(given["began"])
    for key in ("steps", "back"):
        given[key] = [
            Entry(name, moments.from_json(began), _read(ended), note, failure)
            for name, began, ended, note, failure in given[key]
        ]
    given["pauses"] = [Pause(w, moments.from_json(b), _read(e)) for w, b, e in given["pauses"]]
    return Journal(path=path, **given)


def previous(path: Path) -> Path:
    """Return where the journal is as it was before its last change."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def path_of(settings: Settings) -> Path:
    """Return where the journal of this checkout is."""
    return settings.state_directory / "migration" / "switch.json"


def new(settings: Settings, source: str, target: str, options: Mapping[str, Any]) -> Journal:
    """Return a new journal; nothing is written yet."""
    identity = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return Journal(
        path_of(settings),
        identity,
        source,
        target,
        settings.environment,
        moments.now(),
        options=dict(options),
    )


class JournalUnreadable(Exception):
    """A journal that is there and cannot be read."""

    def __init__(self, path: Path, why: str, earlier: Journal | None) -> None:
        super().__init__(f"{path} cannot be read: {why}.")
        self.path = path
        self.earlier = earlier
        """The journal before its last change; None: that cannot be read either."""


def read(settings: Settings) -> Journal | None:
    """Return the journal of this checkout; None: no switch was ever begun.

    Raises JournalUnreadable.
    """
    path = path_of(settings)
    try:
        return _load(path, path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        try:
            earlier = _load(previous(path), path)
        except (OSError, ValueError, KeyError, TypeError):
            earlier = None
        if earlier is not None and earlier.done("copy") and not earlier.exposed:
            # What is lost may be the very entry that says that the target takes writes. With
            # the copy proved, taking that for granted can lose nothing.
            earlier.exposed = True
        if earlier is not None and any(
            e.name == "data" and e.state == "done" for e in earlier.back
        ):
            # And here the one that says that the source takes them again.
            earlier.returned = True
        raise JournalUnreadable(path, why, earlier) from error


def _load(path: Path, own: Path) -> Journal:
    return from_json(json.loads(path.read_text(encoding="utf-8")), own)
