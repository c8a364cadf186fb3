"""Asks services from within their network, beside the suite. Runs on its own, Python 3.7+.

The suite's interpreter runs this text below that of `dial.py`, whose targets it asks, and with
one more line, a call of `until_ready` or `count`.
"""

import copy
import json
import os
import signal
import threading
import time
from typing import Any, Sequence  # noqa: UP035 - Python 3.7 has no other to subscript

EVERY = 0.1

# A name that is not there yet is asked for outside, where perhaps nobody answers: 5 s, by default.
os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"


def until_ready(targets: Sequence[Any], seconds: float) -> None:
    """Print when each target first answered, as seconds since the epoch; end when all have."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + seconds

    def ask(target: Any) -> None:
        target.ask(True)
        target.close()
        if target.times:
            found.setdefault(target.name, time.time())

    # A thread for each try: one that waits for its time-out holds no later one back.
    while len(found) < len(targets) and time.monotonic() < deadline:
        for target in targets:
            if target.name not in found:
                _start(ask, copy.deepcopy(target))
        time.sleep(EVERY)
    print(json.dumps(dict(found)), flush=True)  # noqa: T201
    # Not by the end of the threads that still wait.
    os._exit(0)


def count(targets: Sequence[Any], every: float) -> None:
    """Ask all targets at fixed times until SIGINT; print when each was asked, and its answer.

    Each request has a connection of its own, and waits for no earlier one, as no client waits
    for another's.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    found: list[tuple[str, float, bool]] = []
    threads: list[threading.Thread] = []

    def ask(target: Any, at: float) -> None:
        target.ask(True)
        target.close()
        found.append((target.name, at, bool(target.times)))

    began = time.monotonic()
    due = began
    print("counting", flush=True)  # noqa: T201
    while not ended.wait(max(0.0, due - time.monotonic())):
        for target in targets:
            at = time.monotonic() - began
            threads.append(_start(ask, copy.deepcopy(target), at))
        threads = [thread for thread in threads if thread.is_alive()]
        due += every
    for thread in threads:
        thread.join()
    print(json.dumps(sorted(found)))  # noqa: T201


def _start(work: Any, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
