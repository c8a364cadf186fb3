"""Configs and secrets of the Swarm: from the compose file's own, and from mounted files."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ComposeFileError
from .model import Content, FileKind, Source
from .options import Options

LARGEST = 500_000
"""Bytes of a config or a secret (docs.docker.com/engine/swarm/configs: 500 KB)."""


def declared(kind: FileKind, key: str, source: Source, options: Options) -> Content:
    """Return a top-level entry of `configs:` or `secrets:`.

    Raises ComposeFileError when its content is not to be had.
    """
    body = (source.document.get(kind) or {}).get(key) or {}
    what = f"{kind}.{key}"
    if body.get("external"):
        return Content(kind, key, str(body.get("name") or key))
    if body.get("content") is not None:
        content = str(body["content"]).encode()
    elif body.get("file"):
        path = source.base / body["file"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ComposeFileError(f"{what}: {path.name}: {error.strerror}. Make it.") from error
    else:
        variable = str(body.get("environment") or "")
        if variable not in source.variables:
            raise ComposeFileError(
                f"{what}: the variable {variable} has no value here. Set it, or name a file."
            )
        content = source.variables[variable].encode()
    return made(kind, key, content, source.name, options)


def made(kind: FileKind, key: str, content: bytes, stack: str, options: Options) -> Content:
    """Return the content under a name that is another once the content is."""
    if not content:
        raise ComposeFileError(f"{kind}.{key}: is empty, which a Swarm refuses.")
    if len(content) > LARGEST:
        raise ComposeFileError(
            f"{kind}.{key}: {len(content):,} bytes; a Swarm takes {LARGEST:,}. Put it in the image."
        )
    digest = hmac.new(options.key, content, hashlib.sha256).hexdigest()[:10]
    return Content(kind, key, f"{stack}_{key}"[:53] + f"_{digest}", content)


def uses(kind: FileKind, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a service's entries, each in the long form and with the mode as a number."""
    found = []
    for use in body.get(kind) or ():
        item = {"source": use} if isinstance(use, str) else dict(use)
        mode = item.pop("mode", None)
        if mode is not None:
            item["mode"] = mode if isinstance(mode, int) else int(str(mode), 8)
        found.append({name: value for name, value in item.items() if value not in (None, "")})
    return found


def of_mount(path: Path, target: str, source: Source, options: Options) -> Content | None:
    """Return a mounted file as a config, or as a secret where it holds one; None for no file."""
    if not path.is_file() or not 0 < path.stat().st_size <= LARGEST:
        return None
    content = path.read_bytes()
    text = content.decode(errors="replace")
    kind: FileKind = "secrets" if holds_secret(text, source.hidden) else "configs"
    key = re.sub(r"[^A-Za-z0-9_.-]", "-", f"{path.name}-{_short(target)}")
    return made(kind, key, content, source.name, options)


def holds_secret(text: str, hidden: Iterable[str]) -> bool:
    """Return whether a known secret of four characters or more stands in the text."""
    return any(len(it) >= 4 and it in text for it in hidden)


def _short(text: str) -> str:
    # Two files of one name, at different places.
    return hashlib.sha256(text.encode()).hexdigest()[:4]
