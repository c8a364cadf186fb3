"""The shape of the library: who imports whom, and what a bare import costs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tasks"

# A module may import what stands in an earlier row, and its own package.
ROWS = (
    {"errors", "productionsettings"},
    {"settings", "interrupts", "selection", "console"},
    {"stack"},
    {"envmap"},
    {"modes"},
    {"trials"},
    {"comparison"},
    {"migration"},
    {"deployment"},
    {"boundary", "batches"},
    {"hardening", "images", "proving", "scaling"},
    {
        *("ci", "docker", "local", "hybrid", "env", "compare", "data", "k8s", "migrate"),
        *("monitor", "sessions", "swarm"),
    },
    {""},
)
NAMESPACES = (
    *("ci", "compare", "data", "docker", "env", "hybrid", "k8s", "local", "migrate"),
    *("monitor", "swarm"),
)
HALVES = {"docker": ("hardening", "images"), "migrate": ("proving",), "swarm": ("scaling",)}
"""Namespace -> the modules with more of its tasks, which load as little."""
HEAVY = {
    "httpx",
    "jsonschema",
    "junitparser",
    "kubernetes_validate",
    "nox",
    "numpy",
    "psutil",
    "pydantic",
    "pytest",
    "python_on_whales",
    "redis",
    "rich",
    "scipy",
    "supervisor",
    "tabulate",
    "yaml",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def part_of(name: tuple[str, ...]) -> str:
    return name[0] if name else ""


def row_of(name: tuple[str, ...]) -> int:
    return next(number for number, row in enumerate(ROWS) if part_of(name) in row)


def imports_of(path: Path, tree: ast.AST) -> Iterator[tuple[ast.stmt, tuple[str, ...], bool]]:
    """Yield each import: its statement, what it names, and whether that is our own."""
    package = (*path.relative_to(PACKAGE).parent.parts,)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, tuple(alias.name.split(".")), False
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node, tuple((node.module or "").split(".")), False
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            inside = (*base, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                found = (*inside, alias.name)
                known = (PACKAGE.joinpath(*found).with_suffix(".py")).exists() or (
                    PACKAGE.joinpath(*found).is_dir()
                )
                yield node, found if known else inside, True


def own_imports(path: Path) -> Iterator[tuple[str, ...]]:
    for _, target, own in imports_of(path, ast.parse(path.read_text())):
        if own:
            yield target


def test_the_modules_are_found() -> None:
    assert {row for rows in ROWS for row in rows} == {part_of(name_of(path)) for path in MODULES}
    assert len(list(own_imports(PACKAGE / "modes/docker.py"))) > 10


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = name_of(path)

    against = [
        ".".join(target)
        for target in own_imports(path)
        if row_of(target) >= row_of(own) and part_of(target) != part_of(own)
    ]

    assert [] == against


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_package_never_names_itself(path: Path) -> None:
    """Here it is called tasks, installed tranship: only relative imports work in both."""
    names = [
        target[0] for _, target, own in imports_of(path, ast.parse(path.read_text())) if not own
    ]

    assert [] == [name for name in names if name in {"tasks", "tranship"}]


def test_only_sessions_imports_nox() -> None:
    importers = {
        path.name
        for path in MODULES
        for _, target, own in imports_of(path, ast.parse(path.read_text()))
        if not own and target[0] == "nox"
    }

    assert {"sessions.py"} == importers


def at_import(path: Path) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield what a module imports when it is imported: outside functions, for real."""
    tree = ast.parse(path.read_text())
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node, target, own in imports_of(path, tree):
        if id(node) not in late:
            yield target, own


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_by_the_functions_that_use_them(path: Path) -> None:
    heavy = {target[0] for target, own in at_import(path) if not own and target[0] in HEAVY}

    assert ({"nox"} if path.name == "sessions.py" else set()) == heavy


@pytest.mark.parametrize("name", [*NAMESPACES, *(half for it in HALVES.values() for half in it)])
def test_a_namespace_loads_its_work_when_a_task_runs(name: str) -> None:
    loaded = {part_of(target) for target, own in at_import(PACKAGE / f"{name}.py") if own}

    assert loaded <= {"boundary", "console", "errors", "selection", *HALVES.get(name, ())}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "common"}


def test_building_the_namespace_loads_nothing_heavy() -> None:
    source = (
        "import json, sys, invoke.main\n"
        "bare = set(sys.modules)\n"
        "import tranship\n"
        "tranship.namespace()\n"
        "print(json.dumps(sorted(set(sys.modules) - bare)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )

    loaded = set(json.loads(done.stdout))
    assert "tranship.docker" in loaded
    assert [] == sorted(HEAVY & loaded)


def list_cost(folder: Path, bytecode: Path) -> float:
    """Return the CPU seconds of `inv --list` in this folder."""
    # As pip leaves it: compiled at installation (Invoke itself writes no bytecode), and nothing of
    # this run in the environment.
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=folder,
        env={**kept, "PYTHONPYCACHEPREFIX": str(bytecode)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime


def test_the_list_costs_at_most_a_quarter_more_than_a_bare_one(tmp_path: Path) -> None:
    bare, adopter = tmp_path / "bare", tmp_path / "adopter"
    for folder, text in ((bare, ""), (adopter, "import tranship\nns = tranship.namespace()\n")):
        folder.mkdir()
        (folder / "tasks.py").write_text(text)
    compiled = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    argv = [sys.executable, "-m", "compileall", "-q", str(ROOT / "tasks")]
    subprocess.run(argv, env=compiled, check=True)
    best: dict[Path, float] = {}
    ratios: dict[str, float] = {}

    # The least of several, taken in turns: what else the machine does only ever adds, and may
    # last for seconds.
    for turn in range(90):
        for folder in (bare, adopter, ROOT):
            cost = list_cost(folder, tmp_path / "bytecode")
            best[folder] = min(best.get(folder, float("inf")), cost)
        ratios = {folder.name: best[folder] / best[bare] for folder in (adopter, ROOT)}
        if turn >= 3 and max(ratios.values()) <= 1.25:
            break

    assert {} == {name: ratio for name, ratio in ratios.items() if ratio > 1.25}
