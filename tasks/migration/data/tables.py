"""What the tasks of `data` print, as rows and lines."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from .commands import Verified
from .copied import CopyReport
from .snapshots import Snapshot

Table = tuple[list[list[object]], list[str]]


def copied_rows(report: CopyReport) -> Table:
    """Return the copied stores."""
    rows: list[list[object]] = [
        [
            item.store,
            item.kind,
            item.rows,
            in_bytes(item.size),
            "before" if item.before else f"{item.seconds:.1f} s",
            "same on both sides",
        ]
        for item in report.stores
    ]
    return rows, ["store", "kind", "rows, keys, files", "size", "took", "compared"]


def copy_lines(report: CopyReport, homeless: Sequence[str]) -> Iterator[str]:
    """Yield what a copy has to say beside its table."""
    kinds = {item.kind for item in report.stores}
    if kinds - {"files"}:
        yield f"The source refused writes for {report.pause_seconds:.1f} s."
    if "files" in kinds:
        yield "Nobody was kept from writing to files; a change would have ended the copy."
    if report.kept is not None:
        yield f"What the target held is kept in the snapshot {report.kept.name}."
    if homeless:
        yield (
            f"Left out, for no local folder is named: {', '.join(homeless)} "
            "(x-tranship: data in the compose file)."
        )


def verified_rows(found: Sequence[Verified], one: str, other: str) -> Table:
    """Return the compared stores."""
    rows: list[list[object]] = [
        [
            item.store.name,
            item.store.kind,
            item.one.rows,
            item.other.rows,
            len(item.differences) or "same",
        ]
        for item in found
    ]
    return rows, ["store", "kind", one, other, "differences"]


def snapshot_line(found: Snapshot) -> str:
    """Return what one new snapshot is."""
    return (
        f"{found.name}: {', '.join(found.manifests)}, {in_bytes(found.size)}. "
        f"Writes were refused for {found.pause_seconds:.1f} s."
    )


def snapshot_rows(found: Sequence[Snapshot]) -> Table:
    """Return the snapshots."""
    rows: list[list[object]] = [
        [
            item.name,
            item.side,
            item.environment,
            f"{datetime.datetime.fromtimestamp(item.taken_at):%Y-%m-%d %H:%M:%S}",
            ", ".join(item.manifests),
            in_bytes(item.size),
        ]
        for item in found
    ]
    return rows, ["snapshot", "side", "environment", "taken", "stores", "size"]


def left_lines(frozen: Sequence[str], cut_short: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield what commands that were killed left."""
    if frozen:
        yield f"Left refusing writes: {', '.join(frozen)}. Undo it: inv data.thaw"
    for source, target in cut_short:
        yield (
            f"A copy from {source} to {target} was cut short. Go on with it: "
            f"inv data.copy --from {source} --to {target} --resume"
        )


def in_bytes(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
