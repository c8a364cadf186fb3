"""Manifests: what a store holds, as counts and digests that two servers can be compared by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One thing in a store: a table, a sequence, a database of keys, a file."""

    kind: str
    name: str
    digest: str
    count: int | None = None
    noun: str = ""
    """What `count` counts."""

    @property
    def shown(self) -> str:
        """Its kind and name."""
        return f"{self.kind} {self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Manifest:
    """What a store held at one moment."""

    store: str
    kind: str
    version: str
    """The server's version; empty for files."""
    entries: Mapping[str, Entry]
    taken_at: float = 0.0
    """Seconds since the epoch, by the server's own clock."""
    fleeting: Mapping[str, Entry] = field(default_factory=dict)
    """What goes by itself at a known moment: `count` is that moment, in milliseconds."""
    cluster: Mapping[str, Entry] = field(default_factory=dict)
    """What may be beside the data without being part of it, such as further roles; empty
    where a side cannot have it at all, as owners of files for who is not root."""
    marks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By what the server knows this reading again, for a cheaper one; never on a disk."""

    @property
    def rows(self) -> int:
        """How many rows, keys or files there are."""
        if self.kind == "files":
            return sum(1 for entry in self.entries.values() if entry.kind != "folder")
        counted = (entry.count or 0 for entry in self.entries.values())
        return sum(counted) + len(self.fleeting)

    def as_json(self) -> dict[str, Any]:
        """Return it as `from_json` reads it."""
        return {
            "store": self.store,
            "kind": self.kind,
            "version": self.version,
            "taken_at": self.taken_at,
            **{name: _listed(getattr(self, name)) for name in _PARTS},
        }


_PARTS = ("entries", "fleeting", "cluster")


def _listed(entries: Mapping[str, Entry]) -> list[list[Any]]:
    return [[e.kind, e.name, e.digest, e.count, e.noun] for e in entries.values()]


def keyed(*entries: Entry) -> dict[str, Entry]:
    """Return the entries by their kind and name."""
    return {entry.shown: entry for entry in entries}


def from_json(raw: Mapping[str, Any]) -> Manifest:
    """Return the manifest that `as_json` wrote."""
    parts = {name: keyed(*(Entry(*item) for item in raw[name])) for name in _PARTS}
    return Manifest(
        raw["store"],
        raw["kind"],
        raw["version"],
        parts["entries"],
        raw["taken_at"],
        parts["fleeting"],
        parts["cluster"],
    )


def differences(
    before: Manifest, after: Manifest, words: tuple[str, str] = ("before", "after")
) -> tuple[str, ...]:
    """Return what differs, one sentence each; empty means that both hold the same.

    Definitions (a view's text, say) are compared by their presence alone between servers of
    two major versions, which print them differently.
    """
    same_major = major(before.version) == major(after.version)
    return tuple(
        f"{before.store}: {sentence}"
        for sentence in (
            *_changed(before.entries, after.entries, words, same_major=same_major),
            *(
                _changed(before.cluster, after.cluster, words, same_major=same_major, extra=False)
                if before.cluster and after.cluster
                else ()
            ),
            *_fleeting(before, after, words),
        )
    )


def _changed(
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    words: tuple[str, str],
    *,
    same_major: bool,
    extra: bool = True,
) -> Iterator[str]:
    for key, entry in before.items():
        other = after.get(key)
        if other is None and entry.kind == "owner of":
            continue  # that the path is absent is said already
        if other is None:
            yield f"{entry.shown} is there {words[0]} and not {words[1]}."
        elif entry.count != other.count:
            yield (
                f"{entry.shown}: {entry.count} {entry.noun} {words[0]}, {other.count} {words[1]}."
            )
        elif entry.digest != other.digest and (same_major or not _printed(entry)):
            what = f"the {entry.noun} differ" if entry.noun else "differs"
            if entry.kind == "file":
                what = "its bytes, its mode or its further names differ"
            yield f"{entry.shown}: {what} {words[0]} and {words[1]}."
    if extra:
        for key, entry in after.items():
            if key not in before:
                yield f"{entry.shown} is there {words[1]} and not {words[0]}."


_PRINTED = frozenset({"view", "function", "trigger", "index", "constraint", "policy", "role"})


def _printed(entry: Entry) -> bool:
    return entry.kind in _PRINTED


def _fleeting(before: Manifest, after: Manifest, words: tuple[str, str]) -> Iterator[str]:
    """Compare what expires; what has had its time on a side may be gone from it."""
    for key in sorted({*before.fleeting, *after.fleeting}):
        one, other = before.fleeting.get(key), after.fleeting.get(key)
        if one is not None and other is not None:
            if (one.count, one.digest) != (other.count, other.digest):
                yield f"{one.shown}: its value or its expiry differs {words[0]} and {words[1]}."
            continue
        found = one or other
        missing = after if one is not None else before
        if found is not None and (found.count or 0) > missing.taken_at * 1000:
            here, there = (words[0], words[1]) if one is not None else (words[1], words[0])
            yield f"{found.shown} is there {here} and not {there}."


def major(version: str) -> int:
    """Return the major version of a server; 0 where there is none."""
    head = version.split(".")[0]
    return int(head) if head.isdigit() else 0
