"""A docker command that runs beside our own work, and can be ended at any moment."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

_END_SECONDS = 15.0


class Background:
    """`body` in a thread; it runs the docker command that `project` and `verb` name."""

    def __init__(self, project: str, verb: str, body: Callable[[], None]) -> None:
        self._project = project
        self._verb = verb
        self._body = body
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"docker-{verb}", daemon=True)

    @property
    def done(self) -> bool:
        """Whether the command has ended."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start the command."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the command has ended by itself."""
        self._thread.join()

    def end(self) -> None:
        """End the command if it runs, also one that the thread is only about to start.

        Safe where a signal interrupted `start`: a thread that comes to life later does nothing.
        """
        self._cancelled.set()
        deadline = time.monotonic() + _END_SECONDS
        while self._thread.is_alive() and time.monotonic() < deadline:
            end_docker_children(self._project, self._verb)
            self._thread.join(timeout=0.1)

    def _run(self) -> None:
        if not self._cancelled.is_set():
            self._body()


def end_docker_children(project: str, verb: str) -> None:
    """End the docker commands that this process started for `project` with `verb`.

    python-on-whales keeps no handle of the process it runs, so it is found among our own
    children by its arguments.
    """
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            words = child.cmdline()
            if verb in words and any(project in word for word in words):
                # The Compose plugin is a child of the docker command, and would outlive it.
                tree = [child, *child.children(recursive=True)]
                for process in tree:
                    with contextlib.suppress(psutil.Error):
                        process.terminate()
                _, stubborn = psutil.wait_procs(tree, timeout=5)
                for process in stubborn:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
