"""YAML files as nodes that know their line, and as values.

Compose reads YAML with another library than ours: a key that stands twice is an error
there, and a plain scalar keeps its text (see scalars.py for what becomes of it).
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ComposeFileError
from . import scalars, textfile

PLAIN = "tag:tranship,plain"
"""The tag of a scalar that has neither quotes nor a tag of its own."""
_STANDARD = "tag:yaml.org,2002:"
_MERGE = f"{_STANDARD}merge"


def read_node(path: Path) -> Any:
    """Return the root node of a YAML file, a mapping.

    Raises ComposeFileError with file and line for anything else, and for repeated keys.
    """
    import yaml

    text = textfile.read(path)
    try:
        with collector_paused():
            node = _loader()(text).get_single_node()
            _forbid_repeated_keys(node, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ComposeFileError(f"{path}{line}: {error.problem or 'not valid YAML'}.") from error
    except yaml.YAMLError as error:
        raise ComposeFileError(f"{path}: not valid YAML: {error}.") from error
    except RecursionError as error:
        raise ComposeFileError(f"{path}: nested too deeply.") from error
    if not isinstance(node, yaml.MappingNode):
        raise ComposeFileError(f"{path}: the top level must be a mapping with `services:`.")
    return node


def value_of(node: Any, path: Path) -> Any:
    """Return what a node stands for, as plain Python values.

    Raises ComposeFileError with file and line for a value that its own tag forbids.
    """
    import yaml

    loader = _loader()("")
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ComposeFileError(f"{path}{line}: {error.problem or 'not valid YAML'}.") from error
    except (ValueError, RecursionError) as error:
        raise ComposeFileError(f"{path}: not valid YAML: {error}.") from error


def members(node: Any, path: Path, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield the keys and values of a mapping node, the last of a name being the one that holds.

    Those that `<<` merges in come first. Raises ComposeFileError for what is no mapping.
    """
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise ComposeFileError(f"{path}:{line_of(node)}: must be a mapping.")
    if any(each is node for each in above):
        raise ComposeFileError(f"{path}:{line_of(node)}: `<<` merges a mapping into itself.")
    own = []
    for key, value in node.value:
        if key.tag == _MERGE:
            # Of a list of mappings, an earlier one wins.
            merged = value.value[::-1] if isinstance(value, yaml.SequenceNode) else [value]
            for source in merged:
                yield from members(source, path, (*above, node))
        else:
            own.append((key, value))
    yield from own


def scalar_text(node: Any, path: Path) -> str | None:
    """Return the text that Compose makes of a scalar; None for null.

    Raises ComposeFileError with file and line for a list or mapping.
    """
    if node.id != "scalar":
        raise ComposeFileError(f"{path}:{line_of(node)}: must be one value.")
    tag: str = node.tag
    if tag == f"{_STANDARD}null":
        return None
    typed = ("int", "float", "bool", "timestamp")
    if tag == PLAIN or tag.removeprefix(_STANDARD) in typed:
        try:
            return scalars.text(node.value)
        except ComposeFileError as error:
            raise ComposeFileError(f"{path}:{line_of(node)}: {error}.") from error
    value: str = node.value
    if tag == f"{_STANDARD}binary":
        import base64

        return base64.b64decode(value).decode("utf-8", "replace")
    return value


def line_of(node: Any) -> int:
    """Return the line that a node begins on, from 1."""
    return int(node.start_mark.line) + 1


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking again and again what is only being built.

    It is 0.2 of the 0.3 s that the nodes of 50,000 variables take.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _forbid_repeated_keys(root: Any, path: Path) -> None:
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        # The same node stands wherever an alias names it.
        if node is None or node.id == "scalar" or id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "sequence":
            pending += node.value
            continue
        first: dict[str, Any] = {}
        for key, value in node.value:
            if value.id != "scalar":
                pending.append(value)
            if key.id == "scalar" and first.setdefault(key.value, key) is not key:
                raise ComposeFileError(
                    f"{path}:{line_of(key)}: the key {key.value!r} stands twice "
                    f"(first on line {line_of(first[key.value])}). Remove one."
                )


@functools.cache
def _loader() -> type[Any]:
    """Return a safe loader that keeps plain scalars apart and knows !reset and !override."""
    import yaml

    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def resolve(self: Any, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode:
            if not implicit[0]:
                return f"{_STANDARD}str"
            return _MERGE if value == "<<" else PLAIN
        return base.resolve(self, kind, value, implicit)

    def plain(self: Any, node: Any) -> Any:
        tag = base.resolve(self, yaml.ScalarNode, node.value, (True, False))
        # Dates and the lone `=` are texts for whoever reads a compose file.
        known = tag.removeprefix(_STANDARD) in ("null", "bool", "int", "float")
        return self.yaml_constructors[tag](self, node) if known else node.value

    def untagged(self: Any, node: Any) -> Any:
        builders = {
            "mapping": lambda: self.construct_mapping(node, deep=True),
            "sequence": lambda: self.construct_sequence(node, deep=True),
            "scalar": lambda: plain(self, node),
        }
        return builders[node.id]()

    loader = type("ComposeLoader", (base,), {"resolve": resolve})
    for tag, constructor in (
        (PLAIN, plain),
        ("!override", untagged),
        ("!reset", lambda *_: None),
    ):
        loader.add_constructor(tag, constructor)  # type: ignore[attr-defined]
    return loader
