"""The pytest plugin that keeps the order in which tests were asked for, whatever shuffles them."""

from __future__ import annotations

from pathlib import Path

ORDERING = "tranship_order"

# Old pytest knows no `wrapper=True`. Its part after the yield comes after a conftest's hooks.
_TEXT = '''"""Keeps the order in which tests were asked for."""
import pytest


def place(nodeid, asked):
    for number, argument in enumerate(asked):
        known = nodeid if "::" in argument else nodeid.split("::")[0]
        if known == argument or known.endswith("/" + argument) or argument.endswith("/" + known):
            return number
    return len(asked)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    yield
    words = [str(word) for word in config.invocation_params.args]
    asked = [word for word in words if not word.startswith("-")]
    items.sort(key=lambda item: place(item.nodeid, asked))
'''


def write_ordering(folder: Path) -> tuple[str, ...]:
    """Write the plugin into a new folder for the suite's path; return what pytest is told of it."""
    folder.mkdir(parents=True)
    (folder / f"{ORDERING}.py").write_text(_TEXT, encoding="utf-8")
    return ("-p", ORDERING)
