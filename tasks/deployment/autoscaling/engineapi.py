"""The engine's API, spoken through the docker command."""

from __future__ import annotations

import http.client
import io
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, cast

from ...errors import EnvironmentFailed
from ..swarm.engine import Manager

_TIMEOUT_SECONDS = 30.0

Ask = Callable[[str, str, bytes], tuple[int, bytes]]
"""Method, path and body of a request -> status and body of the answer."""


def asking(manager: Manager) -> Ask:
    """Return what speaks the engine's API, wherever the engine is: socket, TCP, TLS, ssh.

    `docker system dial-stdio` connects its input and output with the API, as Docker itself does
    for ssh://; so the docker command's own context and certificates are used.
    """
    argv = [*map(str, manager.client.client_config.docker_cmd), "system", "dial-stdio"]

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: docker",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        return _dialled(argv, "\r\n".join([*head, "", ""]).encode() + body)

    return ask


def _dialled(argv: list[str], request: bytes) -> tuple[int, bytes]:
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        streams = (process.stdin, process.stdout, process.stderr)
        sent, received, told = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", streams)
        too_long = threading.Timer(_TIMEOUT_SECONDS, process.kill)
        too_long.start()
        try:
            with suppress(BrokenPipeError):  # what it says of that is read below
                sent.write(request)
                sent.flush()
            # The input stays open meanwhile: its end is a caller who went away, and the engine
            # then drops the request.
            answered = received.read()
            error = told.read().decode(errors="replace").strip()
        finally:
            too_long.cancel()
            process.kill()
            with suppress(BrokenPipeError):
                sent.close()
    try:
        answer = http.client.HTTPResponse(_Received(answered))  # type: ignore[arg-type]
        answer.begin()
        return answer.status, answer.read()
    except (http.client.HTTPException, OSError, ValueError) as problem:
        said = error.splitlines()[-1] if error else f"no answer in {_TIMEOUT_SECONDS:g} s"
        raise EnvironmentFailed(f"The engine's API does not answer: {said}") from problem


class _Received:
    """Bytes in the place of a socket."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)
