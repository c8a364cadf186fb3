"""docs/migration.md, command by command, while somebody places orders without pause.

What a command prints is compared with the page, but for figures: times, sizes, names of runs.
An order's client_id is a counter: whatever was acknowledged must be there once, and no number
may be missing, through the switch that goes back by itself and the one that stays.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from . import switchstack
from .projects import REPOSITORY, Finished, Project, Running, docker, free_port, until

PAGE = REPOSITORY / "docs" / "migration.md"
ACCOUNT = "counter"
SECONDS = 400


@dataclass
class Step:
    """A command of the page and what stands below it, or a file that is written."""

    words: list[str]
    shown: list[str] = field(default_factory=list)
    code: int = 0
    figures: bool = False
    """Whether what is shown is of that machine alone."""
    meanwhile: bool = False
    """Whether it is given in another terminal, while the one before still runs."""
    path: str = ""
    """The file that the block is."""


def steps() -> Iterator[Step]:
    """Yield what the page asks for, in its order."""
    directives: list[str] = []
    block: list[str] | None = None
    for line in PAGE.read_text().splitlines():
        if block is None and (found := re.fullmatch(r"<!-- (.+) -->", line)):
            directives.append(found[1])
        elif block is None and line.startswith("```"):
            block = [line]
        elif block is not None and line == "```":
            yield from _steps(block, directives)
            block, directives = None, []
        elif block is not None:
            block.append(line)


def _steps(block: list[str], directives: list[str]) -> Iterator[Step]:
    kind, *lines = block
    paths = [text.removeprefix("file ") for text in directives if text.startswith("file ")]
    if paths:
        yield Step([], lines, path=paths[0])
        return
    if kind != "```console":
        return
    codes = [int(text.removeprefix("exits ")) for text in directives if text.startswith("exits ")]
    found: list[Step] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Step(shlex.split(line[2:])))
            found[-1].figures = "figures" in directives
            found[-1].meanwhile = "meanwhile" in directives
        else:
            found[-1].shown.append(line)
    if codes:
        found[-1].code = codes[0]
    yield from found


def plain(text: str) -> str:
    """Return a line without what differs between two runs: figures, and a table's layout."""
    text = re.sub(r"\b(?=\w*\d)\w+(?:[-.:+/](?:\w*\d\w*|[0-9a-f]{4}\b))*", "#", text)
    text = re.sub(r"# (ms|s|min|h)\b", "# s", text)
    return " ".join(re.sub(r"-{2,}", "--", text).split())


def require_shown(step: Step, done: Finished, project: Project) -> None:
    """Fail unless each line of the page was printed, in its order; `...` stands for any.

    A terminal has results and notes in one; here they come by two ways, each in its order, and
    of the notes some may be left out.
    """
    streams = []
    for said in (done.out, done.err):
        text = said.replace(project.name, "athena").replace(f"{project.root}/", "")
        streams.append([line for line in map(plain, text.splitlines()) if line])
    anywhere = False
    for line in step.shown:
        wanted = plain(line.replace("<project>/", ""))
        if wanted in ("", "..."):
            anywhere = anywhere or wanted == "..."
            continue
        stream = next((stream for stream in streams if wanted in stream), None)
        assert stream is not None, f"{line!r} was not printed by {step.words}:\n{done.text}"
        at = stream.index(wanted)
        whole = anywhere or at == 0 or stream is not streams[0]
        assert whole, f"not on the page, before {line!r}: {stream[:at]}"
        del stream[: at + 1]
        anywhere = False


def copied(project: Project) -> dict[str, int]:
    """Copy the repository with another name, other images and free ports; return the ports."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (project.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, project.root / name)
    for name in ("images.env", "build"):
        source, target = REPOSITORY / ".tranship" / name, project.root / ".tranship" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
    path = project.root / "compose" / "compose.yaml"
    text = path.read_text().replace("name: athena\n", f"name: {project.name}\n")
    text = text.replace("image: athena-", f"image: {project.name}-")
    ports: dict[str, int] = {}

    def freed(found: re.Match[str]) -> str:
        ports[found[1]] = free_port()
        return f'ports: ["127.0.0.1:{ports[found[1]]}:{found[1]}"]'

    path.write_text(re.sub(r'ports: \["127\.0\.0\.1:(\d+):\d+"\]', freed, text))
    # A process that looks for changed sources, beside each service, only costs time here.
    layer = project.root / "envs" / "development.json"
    layer.write_text(layer.read_text().replace('"reload": true', '"reload": false'))
    # What git tracks is a matter of the rules.
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    return ports


class Orders(switchstack.Writer):
    """Places one order after the other; each again until it is acknowledged."""

    symbol = "AAPL"

    def send(self, name: str) -> int:
        """Place the order of this name; return the answer's status."""
        number = int(name.lstrip("n"))
        order = {
            "account": ACCOUNT,
            "symbol": self.symbol,
            "side": "buy" if number % 2 else "sell",
            "quantity": "1",
            "client_id": name,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/orders", json.dumps(order), headers)
            answer = connection.getresponse()
            answer.read()
            return 200 if answer.status in (200, 201) else answer.status
        finally:
            connection.close()


def kept(port: int) -> list[str]:
    """Return the client_id of each order that is there."""
    status, orders = switchstack.call(port, "GET", f"/orders?account={ACCOUNT}&limit=500")
    assert 200 == status, orders
    return [order["client_id"] for order in orders]


class Terminal:
    """Types the page's commands into a copy of the repository."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.asked: list[str] = []

    def type(self, step: Step, following: Step | None) -> None:
        """Do one step; a command that another one is given meanwhile waits for that."""
        if step.path:
            self.write(step)
        elif not step.meanwhile:
            running = self.start(step, short=following is None or not following.meanwhile)
            if following is not None and following.meanwhile:
                self.watched(running)
                docker(*(self.named(word) for word in following.words[1:]))
            done = running.finish(SECONDS).exits(step.code)
            if not step.figures:
                require_shown(step, done, self.project)

    def watched(self, running: Running) -> None:
        """Wait until the target is watched and its smoke tests were run once more."""
        running.until("Watching ")
        until(lambda: _suites(running), "the smoke tests of the watch")
        until(lambda: not _suites(running), "their end", 60)

    def start(self, step: Step, *, short: bool) -> Running:
        """Start a command: each three times and each minute of the page takes less here."""
        words = " ".join(map(shlex.quote, step.words)).replace(" --repeat 3", " --repeat 1")
        if short:
            words = words.replace("--watch 60", "--watch 3")
        program, *rest = shlex.split(words)
        self.asked.append(words)
        starters = {"inv": self.project.start_inv, "nox": self.project.start_nox}
        return starters[program](*rest)

    def write(self, step: Step) -> None:
        """Write a file of the page; what is a table of settings is added to those there are."""
        path = self.project.root / step.path
        text = "\n".join(step.shown) + "\n"
        if path.exists():
            path.write_text(f"{path.read_text()}\n{text}")
        else:
            path.touch(mode=0o600)
            path.write_text(text)

    def named(self, word: str) -> str:
        """Return a word of the page as it is called in the copy."""
        return word.replace("athena", self.project.name)


def _suites(running: Running) -> list[psutil.Process]:
    """Return the processes of pytest that a command has started."""
    children = psutil.Process(running.process.pid).children(recursive=True)
    found = []
    for child in children:
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            if "pytest" in child.cmdline():
                found.append(child)
    return found


def unproved(project: Project) -> list[dict[str, str]]:
    """Return the items of the checklist that the page has not led to."""
    done = project.inv("migrate.checklist", "--format", "json").exits(0)
    items: list[dict[str, str]] = json.loads(done.out)["items"]
    good = {"proved", "confirmed", "not needed"}
    return [item for item in items if item["status"] not in good]


def test_the_guide_through_the_whole_migration(project: Project) -> None:
    ports = copied(project)
    data, executor = ports["8000"], ports["8002"]
    terminal = Terminal(project)
    page = list(steps())
    first = next(n for n, step in enumerate(page) if step.words[:2] == ["inv", "migrate.switch"])
    for step, following in itertools.pairwise(page[: first + 1]):
        terminal.type(step, following)
    Orders.symbol = switchstack.call(data, "GET", "/instruments")[1][0]["symbol"]
    with Orders(executor, pause=0.3) as orders:
        orders.until(2)
        for step, following in zip(page[first:], [*page[first + 1 :], None], strict=True):
            terminal.type(step, following)
            orders.until(1)
    found = kept(executor)
    acknowledged = orders.acknowledged
    assert 2 == sum("migrate.switch" in words for words in terminal.asked)
    assert len(found) < 500, "too many to be listed"
    assert len(found) == len(set(found)), "an order is there twice"
    assert not set(acknowledged) - set(found), "an acknowledged order is lost"
    assert [f"n{number}" for number in range(1, len(acknowledged) + 1)] == acknowledged
    assert len(found) - len(acknowledged) <= 1  # one that was kept, and its answer lost
    assert 7 == len(project.containers())
    # How fast this machine is decides the rest.
    assert {"performance", "targets"} >= {item["section"] for item in unproved(project)}
    (report,) = switchstack.incidents(project)
    assert "* What fired: **health**" in report.read_text()
