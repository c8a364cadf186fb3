"""Runs the three commands on planted causes, two at once: most of the time is Docker's own."""

from __future__ import annotations

import json
import shlex
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.projects import PYTHON_IMAGE, Finished, Project

from .needed import NEEDS, set_variable
from .planted import HERE, Planted

AT_ONCE = 2
SECONDS = 300.0
_MAKING_THE_ENVIRONMENT = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """What the commands printed of one cause, and what they left behind."""

    compared: Finished
    failed: tuple[str, ...]
    """The modes in whose record a test failed."""
    explained: Finished
    bisected: Finished
    reproduced: Finished | None
    left: tuple[str, ...]

    @property
    def answer(self) -> dict[str, Any]:
        """What bisect answered."""
        found: dict[str, Any] = json.loads(self.bisected.out)
        return found


Outcomes = Callable[[Planted], Outcome]


@contextmanager
def outcomes(causes: Iterable[Planted], folder: Path, packages: Path) -> Iterator[Outcomes]:
    """Start on all the causes, and yield what waits for one of them.

    A cause that cannot be planted here raises pytest's own skip there.
    """
    packages.chmod(0o755)  # for a container's own user
    chosen = {
        cause: Project(folder / cause.name, f"cause-{cause.name}", folder / "environments")
        for cause in causes
    }
    pool = ThreadPoolExecutor(AT_ONCE)
    running: dict[Planted, Future[Outcome]] = {}
    try:
        for cause, project in chosen.items():
            running[cause] = pool.submit(_run, cause, project, packages)
        yield lambda cause: running[cause].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        # After Ctrl-C or -x: a command that is ended is followed by the next one.
        while unfinished := [it for it in running.values() if not it.done()]:
            for command in [it for project in chosen.values() for it in project.running]:
                if command.process.poll() is None:
                    command.end()
            wait(unfinished, timeout=0.2)


def _run(cause: Planted, project: Project, packages: Path) -> Outcome:
    root = project.root
    shutil.copytree(cause.folder, root)
    shutil.copytree(HERE / "shared", root, dirs_exist_ok=True)
    root.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(project.clean)
        set_variable(project, "PYTHON_IMAGE", PYTHON_IMAGE)
        set_variable(project, "PACKAGES", str(packages))
        set_variable(project, "ROOT", str(root))
        options = tuple(
            option for need in cause.needs for option in stack.enter_context(NEEDS[need](project))
        )
        compared = _compare(project, options, cause.repeat)
        explained = project.inv("compare.explain")
        failed = tuple(mode for mode in ("local", "docker") if _failed(project, mode))
        if cause.compare == "flaky":
            # It is asked of where one run of each mode looks like a difference.
            _compare(project, options, 1)
        # Steady faults need no repeats, which more than double the probes.
        asked = ("--repeat", str(cause.repeat), "--timeout", "90", "--format", "json")
        words = ("compare.bisect", cause.test or "test_", *asked)
        bisected = project.start_inv(*words).finish(SECONDS)
        reproduced = None
        if cause.bisect.reproduce and bisected.code == 0:
            command = shlex.split(json.loads(bisected.out)["reproduce"])
            reproduced = project.start_inv(*command[1:]).finish(SECONDS)
        left = tuple(project.left())
        return Outcome(compared, failed, explained, bisected, reproduced, left)


def _compare(project: Project, options: tuple[str, ...], repeat: int) -> Finished:
    made = (project.environments / "compare").is_dir()
    with nullcontext() if made else _MAKING_THE_ENVIRONMENT:
        words = (*options, "-s", "compare", "--", "--repeat", str(repeat))
        return project.start_nox(*words).finish(SECONDS)


def _failed(project: Project, mode: str) -> bool:
    suite = project.record(mode)["suite"] or {"tests": []}
    return any(test["outcome"] == "failed" for test in suite["tests"])
