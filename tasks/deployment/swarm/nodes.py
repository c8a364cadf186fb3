"""The engines that images are on and go to: this one, and those of the nodes."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from ...errors import EnvironmentFailed, UsageError
from ...stack.engine import call
from .images import full

ANSWER_SECONDS = 40.0
"""For a question to an engine: docker gives ssh 30 s to connect."""
STALLED_SECONDS = 120.0
"""How long nothing of a transfer may pass, until it is given up."""
_UNPACKING_SECONDS = 900.0
"""For an engine to unpack what it has received."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Engine:
    """An engine at an address; the empty one is that which DOCKER_HOST names."""

    name: str = ""
    address: str = ""

    def argv(self, *words: str) -> list[str]:
        """Return a docker command for this engine."""
        return [*call(), *(("--host", self.address) if self.address else ()), *words]

    def ask(self, *words: str, seconds: float | None = ANSWER_SECONDS) -> str:
        """Return what a docker command prints; raises EnvironmentFailed with its last words."""
        try:
            done = subprocess.run(
                self.argv(*words), capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailed(f"no answer in {seconds:g} s") from error
        if done.returncode != 0:
            raise EnvironmentFailed(_telling(done.stderr) or f"exit {done.returncode}")
        return done.stdout

    def information(self) -> dict[str, Any]:
        """Return what `docker info` tells; raises EnvironmentFailed when it does not answer."""
        found: dict[str, Any] = json.loads(self.ask("info", "--format", "{{json .}}"))
        # The command itself succeeds where no engine answers.
        if found.get("ServerErrors"):
            raise EnvironmentFailed(_telling("\n".join(found["ServerErrors"])))
        return found

    def images(self) -> dict[str, str]:
        """Return name with tag -> id of the images that have a name."""
        form = "{{.Repository}}:{{.Tag}} {{.ID}}"
        lines = self.ask("image", "ls", "--no-trunc", "--format", form).splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    def tag(self, found: str, name: str, known: Mapping[str, str]) -> None:
        """Give an image another name, unless it is known to have it; raises UsageError for none."""
        if known.get(full(name)) == found:
            return
        try:
            self.ask("tag", found, name)
        except EnvironmentFailed as error:
            raise UsageError(
                f"{name}: no name of an image ({error}). See --registry and --tag."
            ) from error

    def members(self) -> dict[str, str]:
        """Return node -> host name of the nodes that are up, as this manager knows them."""
        form = "{{.Status}} {{.ID}} {{.Hostname}}"
        lines = self.ask("node", "ls", "--format", form).splitlines()
        found = [line.split(" ", 2) for line in lines]
        return {node: host for status, node, host in found if status == "Ready"}

    def receive(self, source: Engine, names: Sequence[str], tell: Callable[[int], None]) -> None:
        """Load images of the source, and tell the bytes that have passed.

        Raises EnvironmentFailed with the last words of the side that failed.
        """
        with (
            tempfile.TemporaryFile() as said,
            tempfile.TemporaryFile() as heard,
            _Program(source.argv("save", *names), stdout=subprocess.PIPE, stderr=said) as saving,
            _Program(
                self.argv("load", "--quiet"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=heard,
            ) as loading,
        ):
            try:
                _pass_on(saving.stdout, loading.stdin, tell)
                if saving.wait(ANSWER_SECONDS) != 0:
                    raise EnvironmentFailed(f"docker save failed: {_words(said)}")
                loading.wait(_UNPACKING_SECONDS)
            except BrokenPipeError:  # its own words say the rest
                loading.wait(ANSWER_SECONDS)
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                raise EnvironmentFailed("the transfer stalled") from error
            if loading.returncode != 0:
                raise EnvironmentFailed(_words(heard) or f"exit {loading.returncode}")


class _Program(subprocess.Popen[bytes]):
    """A program that does not outlive its block."""

    def __exit__(self, *error: Any) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(*error)


def _pass_on(
    source: IO[bytes] | None, target: IO[bytes] | None, tell: Callable[[int], None]
) -> None:
    assert source is not None and target is not None  # noqa: S101, PT018 (both were asked for)
    into, sent = target.fileno(), 0
    os.set_blocking(into, False)
    while chunk := os.read(source.fileno(), _CHUNK):
        left = memoryview(chunk)
        while left:
            if not select.select((), (into,), (), STALLED_SECONDS)[1]:
                raise TimeoutError
            written = os.write(into, left)
            left = left[written:]
            sent += written
        tell(sent)
    target.close()


def _words(stream: IO[bytes]) -> str:
    stream.seek(0)
    return _telling(stream.read().decode(errors="replace"))


def _telling(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("See '", "Usage:", "Run 'docker"))]
    said = lines[-1].removeprefix("Error response from daemon: ") if lines else ""
    # Of what docker says when ssh fails, the end is ssh's own word.
    said = said.rpartition("stderr=")[2]
    return said.removesuffix(" Is the docker daemon running?").rstrip(".")
