"""An engine of a test module's own: what it leaves when the test run is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from . import ownengine
from .projects import REPOSITORY, until

pytestmark = pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())

KILLED = """
import os, signal
from tests.engine.ownengine import own_engine

with own_engine() as engine:
    print(engine.folder, engine.first, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_dies_with_a_run_that_is_killed_and_the_next_one_removes_the_rest() -> None:
    bridges = sorted(Path("/sys/class/net").glob("docker*/ifindex"))
    before = [path.read_text() for path in bridges]
    argv = [sys.executable, "-c", KILLED]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert -signal.SIGKILL == done.returncode, done.stderr
    folder, first = done.stdout.split()
    until(lambda: not alive(int(first)), "the end of the namespaces")
    assert Path(folder).is_dir()
    ownengine.remove_leftovers()
    assert not Path(folder).exists()
    assert [] == list(Path("/sys/fs/cgroup").glob(f"**/{Path(folder).name}"))
    assert before == [path.read_text() for path in bridges], "the other engine's network"


def alive(pid: int) -> bool:
    """Return whether a process runs, and is none that nobody has taken note of the end of."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
