"""What a test's source speaks of: dotted names, text constants, imported modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Mentions:
    """Of one piece of source."""

    names: frozenset[str] = frozenset()
    """Dotted, with import aliases taken out: `np.array` is `numpy.array`."""
    texts: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    """As imported: `a.b` for `import a.b` and for `from a.b import c`."""

    def __or__(self, other: Mentions) -> Mentions:
        return Mentions(
            self.names | other.names, self.texts | other.texts, self.modules | other.modules
        )


@dataclass(frozen=True)
class TestSource:
    """What the test itself speaks of, its file beside the tests, and what that imports."""

    __test__ = False

    test: Mentions = Mentions()
    file: Mentions = Mentions()
    imported: Mentions = Mentions()


def mentions(source: str, test: str | None = None) -> Mentions:
    """Return what the source speaks of; with `test`, what that function reaches in the file.

    These are its body, its decorators, and the functions, fixtures and constants of the file
    that it names. Nothing for a source that this Python cannot parse.
    """
    tree = _parsed(source)
    return _of(_reached(tree, test) if test else [tree], _aliases(tree))


def beside_tests(source: str) -> Mentions:
    """Return what a file of tests speaks of outside the bodies of its tests."""
    tree = _parsed(source)
    nodes = [
        inner
        for outer in tree.body
        for inner in (outer.body if isinstance(outer, ast.ClassDef) else [outer])
        if not (isinstance(inner, _DEFINITIONS) and inner.name.startswith("test"))
    ]
    return _of(nodes, _aliases(tree))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _of(nodes: Sequence[ast.AST], aliases: Mapping[str, str]) -> Mentions:
    names: set[str] = set()
    texts: set[str] = set()
    modules: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, (ast.Name, ast.Attribute)):
            names.add(_dotted(node, aliases))
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.Set, ast.SetComp)):
            names.add("set")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    roots = set(aliases.values())
    modules.update(root for root in roots for name in names if _inside(name, root))
    return Mentions(frozenset(filter(None, names)), frozenset(texts), frozenset(modules))


def _inside(name: str, root: str) -> bool:
    return name == root or name.startswith(f"{root}.")


def _aliases(tree: ast.AST) -> dict[str, str]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                found[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _dotted(node: ast.AST, aliases: Mapping[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
        if isinstance(node, ast.Call):
            # `Path("x").read_text()`: the last part says enough.
            node = node.func
    if isinstance(node, ast.Name):
        parts.append(aliases.get(node.id, node.id))
    return ".".join(reversed(parts))


def _reached(tree: ast.Module, test: str) -> list[ast.AST]:
    """Return the test and all that it names in its own file, directly or by another."""
    defined = dict(_defined(tree))
    found: dict[str, ast.AST] = {}
    waiting = [test]
    while waiting:
        name = waiting.pop()
        node = defined.get(name)
        if node is None or name in found:
            continue
        found[name] = node
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                waiting.append(inner.id)
            elif isinstance(inner, ast.arg):
                waiting.append(inner.arg)
    return list(found.values())


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((it.id, node) for it in targets if isinstance(it, ast.Name))
        if isinstance(node, ast.ClassDef):
            yield from ((it.name, it) for it in node.body if isinstance(it, _DEFINITIONS))
        if isinstance(node, _DEFINITIONS):
            yield node.name, node
