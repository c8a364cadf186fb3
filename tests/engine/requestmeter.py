"""Requests at a steady rate from beside the services, and which of them got no good answer."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from .ownengine import OwnEngine
from .projects import until

SCRIPT = """
import collections, json, os, socket, sys, threading, time, urllib.parse, urllib.request

url, workers, rate, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
one = sys.argv[5] == "one"
parts = urllib.parse.urlsplit(url)
ended = threading.Event()
lock = threading.Lock()
sent, slow, lost, good = 0, 0, collections.Counter(), []


def work(number):
    global sent, slow
    due = time.monotonic() + number / rate
    while not ended.is_set():
        begun = time.monotonic()
        why = ""
        try:
            asked = url
            if one:  # of the addresses of the name, where others try the next
                address = socket.gethostbyname(parts.hostname)
                asked = parts._replace(netloc=f"{address}:{parts.port}").geturl()
            with urllib.request.urlopen(asked, timeout=patience) as answer:
                answer.read()
        except OSError as error:
            why = str(getattr(error, "reason", error))
        with lock:
            sent += 1
            slow += time.monotonic() - begun > 1
            if why:
                lost[why] += 1
            else:
                good.append(time.monotonic())
        due = max(due + workers / rate, begun)
        ended.wait(max(0, due - time.monotonic()))


threads = [threading.Thread(target=work, args=(it,)) for it in range(workers)]
for thread in threads:
    thread.start()
sys.stdout.write("going\\n")
sys.stdout.flush()
threading.Timer(180, ended.set).start()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
for thread in threads:
    thread.join()
good.sort()
gap = max((b - a for a, b in zip(good, good[1:])), default=0.0)
sys.stdout.write(json.dumps({"sent": sent, "lost": lost, "slow": slow, "gap": gap}) + "\\n")
sys.stdout.flush()
os._exit(0)
"""
"""It needs no more than Python, and ends with its standard input, or after three minutes."""


@dataclass(frozen=True)
class Metered:
    """What became of the requests."""

    sent: int
    lost: dict[str, int]
    """Why -> how many."""
    slow: int
    """Requests that took more than a second, answered or not."""
    gap: float
    """The longest time in seconds without a good answer."""

    @property
    def missing(self) -> int:
        return sum(self.lost.values())


class Meter:
    """Requests from a container of a node, from its making on until `stop`."""

    def __init__(
        self, node: OwnEngine, container: str, url: str, *, rate: float = 50, one: bool = False
    ) -> None:
        """With `one`, only one address of the name is tried for each request."""
        kind = "one" if one else "each"
        inside = ["python", "-c", SCRIPT, url, "4", str(rate), "2", kind]
        self._process = subprocess.Popen(
            ["docker", "--host", node.host, "exec", "-i", container, *inside],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert b"going\n" == self._process.stdout.readline(), "no request could be sent"

    def stop(self) -> Metered:
        """Send no more, and return what became of those that were sent."""
        out, _ = self._process.communicate(timeout=30)
        return Metered(**json.loads(out))

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            until(lambda: self._process.poll() is not None, "the end of the requests")
