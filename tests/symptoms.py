"""docs/troubleshooting.md as data: what it says is printed, for the tests that print it.

An entry of the page begins with a heading of the third level, whose anchor is the entry's id. Its
`text` blocks are messages, its `console` blocks commands that tell causes apart, with what they
print. A test takes both from here, so that page and program cannot drift apart.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "troubleshooting.md"
_PLACEHOLDER = re.compile(r"<(?:\.\.\.|[a-z][^<>\n]*)>")


def pattern(text: str) -> re.Pattern[str]:
    """Return what a text of the page matches: `<...>` is a part of a line, `...` whole lines."""
    lines = []
    for line in text.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
            continue
        parts = _PLACEHOLDER.split(line.rstrip())
        lines.append(".+?".join(_literal(part) for part in parts) + r"[ \t]*(?:\n|\Z)")
    return re.compile("".join(lines))


def _literal(text: str) -> str:
    """Return what a text matches; how wide a column is depends on what stands in it."""
    return re.sub(r"(\\ ){2,}", " {2,}", re.sub(r"(\\-){3,}", "-{3,}", re.escape(text)))


@dataclass(frozen=True)
class Told:
    """A command of an entry, and what it prints in one case."""

    command: str
    output: str


@dataclass(frozen=True)
class Entry:
    """One symptom of the page."""

    id: str
    title: str
    messages: tuple[str, ...]
    exit_code: int
    told: tuple[Told, ...]
    body: str


@cache
def entries() -> Mapping[str, Entry]:
    """Return the entries of the page by id, in its order."""
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^### (.+)$", text, flags=re.M)[1:]
    found = [_entry(title, body) for title, body in zip(parts[::2], parts[1::2], strict=True)]
    return {entry.id: entry for entry in found}


def _entry(title: str, body: str) -> Entry:
    body = re.split(r"^## ", body, flags=re.M)[0]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", body, flags=re.M | re.S)
    told = []
    for language, text in blocks:
        if language == "console":
            command, _, output = text.removeprefix("$ ").partition("\n")
            told.append(Told(command, output))
    code = re.search(r"^Exit (\d+)\b", body, flags=re.M)
    assert code, f"{title}: no line 'Exit N'"
    return Entry(
        id=re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"),
        title=title,
        messages=tuple(text for language, text in blocks if language == "text"),
        exit_code=int(code[1]),
        told=tuple(told),
        body=body,
    )


@dataclass
class Reproduced:
    """An entry that a test reproduces, part by part; all of it by the test's end."""

    entry: Entry
    seen: set[str] = field(default_factory=set)

    def says(self, text: str, code: int, number: int = 1) -> None:
        """Fail unless `text` has the message, and the command ended as the page says."""
        message = self.entry.messages[number - 1]
        self.seen.add(f"message {number}")
        assert pattern(message).search(text + "\n"), f"not on the screen:\n{message}\n--\n{text}"
        assert self.entry.exit_code == code, f"the page says exit {self.entry.exit_code}:\n{text}"

    def tells(
        self, folder: Path, environment: Mapping[str, str], number: int = 1, **given: str
    ) -> str:
        """Run a command of the page; fail unless it prints what the page says; return it.

        `given` fills the placeholders of the command: `<port>` by `port`.
        """
        told = self.entry.told[number - 1]
        self.seen.add(f"command {number}")
        command = re.sub(_PLACEHOLDER, lambda match: given[match[0][1:-1]], told.command)
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.prints(done.stdout + done.stderr, number)
        return done.stdout + done.stderr

    def prints(self, text: str, number: int = 1) -> None:
        """Fail unless `text` is what the page says that a command prints."""
        told = self.entry.told[number - 1]
        self.seen.add(f"command {number}")
        lines = "".join(f"{line.rstrip()}\n" for line in text.splitlines() if line.strip())
        wanted = "".join(f"{line}\n" for line in told.output.splitlines() if line.strip())
        shown = f"$ {told.command}\n{told.output}-- printed:\n{text}"
        assert pattern(wanted).fullmatch(lines), shown

    def missing(self) -> set[str]:
        """Return what of the entry no part of the test has looked at."""
        whole = {f"message {n}" for n, _ in enumerate(self.entry.messages, 1)}
        return (whole | {f"command {n}" for n, _ in enumerate(self.entry.told, 1)}) - self.seen


@pytest.fixture
def symptom(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Reproduced]]:
    """Yield the entries that the test's mark names; the test has to reproduce all of each."""
    marker = request.node.get_closest_marker("symptom")
    assert marker is not None, "which symptoms? @pytest.mark.symptom('id', ...)"
    found = {name: Reproduced(entries()[name]) for name in marker.args}
    failed = request.session.testsfailed
    yield found
    if request.session.testsfailed > failed:
        return  # it has said why
    missing = {name: sorted(each.missing()) for name, each in found.items() if each.missing()}
    assert missing == {}, "parts of the page that this test does not reproduce"


def reproduced() -> Counter[str]:
    """Return how often a test's mark names each symptom, over all files of tests."""
    found: Counter[str] = Counter()
    for path in sorted(TESTS.glob("*/test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.update(name for mark in node.decorator_list for name in _named(mark))
    return found


def _named(mark: ast.expr) -> Iterator[str]:
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.symptom":
        for argument in mark.args:
            yield ast.literal_eval(argument)
