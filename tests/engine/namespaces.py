"""Namespaces of the kernel: network, processes, mounts, names, all of one first process.

What runs in them, containers too, ends with that process, and that one with the test run.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_DIES_WITH_ITS_PARENT = 1  # PR_SET_PDEATHSIG

_FIRST = """
import os, signal, subprocess, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
name, size, data = sys.argv[1:]
for argv in (
    ["hostname", name],
    ["ip", "link", "set", "lo", "up"],
    ["mount", "-t", "tmpfs", "tmpfs", "/run"],
    ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", data],
):
    subprocess.run(argv, check=True)
print("ready", flush=True)
while True:
    signal.sigwait({signal.SIGCHLD})
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""
"""The first process of the namespaces: it sets them up, then takes in what others leave."""

KINDS = ("--net", "--pid", "--mount", "--uts", "--ipc")
"""Those that a process of its own is in, as `unshare` and `nsenter` name them."""


@contextmanager
def made(name: str, data: Path, size: str) -> Iterator[int]:
    """Yield the first process of new ones, with a disk in memory of this size at `data`."""
    data.mkdir()
    argv = ["unshare", *KINDS, "--fork", "--mount-proc", "--kill-child"]
    process = subprocess.Popen(
        [*argv, sys.executable, "-c", _FIRST, name, size, str(data)],
        stdout=subprocess.PIPE,
        cwd="/",
        preexec_fn=_dies_with_us,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert b"ready\n" == process.stdout.readline(), "the namespaces cannot be made"
        yield psutil.Process(process.pid).children()[0].pid
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _dies_with_us() -> None:
    _LIBC.prctl(_DIES_WITH_ITS_PARENT, signal.SIGKILL)


@contextmanager
def network_of(process: int) -> Iterator[None]:
    """Have this thread, and those that it starts, be in the network of a process."""
    with (
        Path("/proc/thread-self/ns/net").open("rb") as before,
        Path(f"/proc/{process}/ns/net").open("rb") as inside,
    ):
        _enter(inside.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(network: int) -> None:
    if _LIBC.setns(network, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "this thread cannot enter the network")
