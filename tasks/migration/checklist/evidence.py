"""The evidence on disk: `.tranship/migration/evidence.json`, one entry for each item."""

from __future__ import annotations

import datetime
import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ...envmap.project import open_project
from ...errors import EnvironmentFailed, RecordError
from ...settings import Settings
from ...stack.isolation import write_private
from .files import digests, stack_files
from .model import Evidence, Status

FORMAT = "tranship-evidence"
VERSION = 1


def path_of(settings: Settings) -> Path:
    """Return the file."""
    return settings.state_directory / "migration" / "evidence.json"


def now() -> str:
    """Return the time as evidence has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def read(settings: Settings) -> dict[str, Evidence]:
    """Return item -> evidence; nothing where none was ever kept.

    Raises RecordError for a file that cannot be read: what was confirmed by hand stands in
    it, so it is never passed over in silence.
    """
    from pydantic import TypeAdapter, ValidationError

    path = path_of(settings)
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read ({error}). {_MEND}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RecordError(f'{path}: not evidence ("format" is not {FORMAT!r}). {_MEND}')
    if document.get("version") != VERSION:
        raise RecordError(
            f'{path}: "version" is {document.get("version")!r}, this Tranship reads {VERSION}. '
            "Upgrade Tranship, or delete the file and prove again."
        )
    try:
        return TypeAdapter(dict[str, Evidence]).validate_python(document.get("items"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f'{path}: "{where}": {first["msg"]}. {_MEND}') from error


_MEND = (
    "Delete it, then prove again: inv migrate.checklist --probe, and inv migrate.confirm for what "
    "was confirmed by hand."
)


def update(settings: Settings, entries: Mapping[str, Evidence]) -> None:
    """Add or replace entries.

    Two commands that do so at once wait for each other, and neither loses an entry.
    Raises RecordError as `read` does, and EnvironmentFailed where nothing can be written.
    """
    path = path_of(settings)
    try:
        with _held(path.with_suffix(".lock")):
            known = read(settings)
            merged = {**known, **entries}
            if merged != known:
                document = {
                    "format": FORMAT,
                    "version": VERSION,
                    "items": {name: asdict(entry) for name, entry in sorted(merged.items())},
                }
                write_private(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise EnvironmentFailed(
            f"{path}: the evidence cannot be written ({error.strerror})."
        ) from error


@contextmanager
def _held(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def note(settings: Settings, item: str, status: Status, seen: str, by: str) -> None:
    """Write down what another command proved of an item with `recorded`, as of now.

    Raises what opening the project raises, and as `update` does.
    """
    files = digests(stack_files(open_project(settings)), settings.root)
    entry = Evidence(status, seen, now(), by, files)
    update(settings, {item: entry})
