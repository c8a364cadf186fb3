"""The stack file as text: for people with the secrets hidden, for the engine in a private file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...envmap.secrets import mask_document
from ...stack.isolation import escaped
from .model import StackFile


def shown(stack: StackFile, hidden: frozenset[str]) -> str:
    """Return the file as `--dry-run` prints it, for showing only."""
    import yaml

    masked = mask_document(document_of(stack, Path("...")), secrets=hidden)
    return yaml.safe_dump(masked, sort_keys=False).rstrip()


def document_of(stack: StackFile, folder: Path) -> dict[str, Any]:
    """Return the document, with contents in `folder` and each `$` written twice.

    `docker stack deploy` fills in variables again: what looks like one is a value here.
    """
    document = dict(stack.document)
    for item in stack.contents:
        if item.content is not None:
            entries = dict(document[item.kind])
            entries[item.key] = {**entries[item.key], "file": str(folder / item.name)}
            document[item.kind] = entries
    doubled: dict[str, Any] = escaped(document)
    return doubled


@contextmanager
def written(stack: StackFile) -> Iterator[Path]:
    """Yield the file, in a folder that only its owner may read and that is then removed."""
    import yaml

    with tempfile.TemporaryDirectory(prefix="tranship-swarm-") as name:
        folder = Path(name)
        for item in stack.contents:
            if item.content is not None:
                (folder / item.name).write_bytes(item.content)
        path = folder / "stack.yaml"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            yaml.safe_dump(document_of(stack, folder), stream, sort_keys=False)
        yield path
