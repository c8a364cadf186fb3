"""A small HTTP server that answers as Prometheus does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any]
AnswerOf = Callable[[dict[str, str]], Answer]


class Answers:
    """What is answered by path, and what was asked."""

    def __init__(self, url: str, answers: Mapping[str, Answer | AnswerOf]) -> None:
        self.url = url
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.authorizations: list[str | None] = []


@contextmanager
def answering(answers: Mapping[str, Answer | AnswerOf]) -> Iterator[Answers]:
    """Serve path -> (status, JSON document or text), or what gives it for the parameters."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            parameters = {k: v[0] for k, v in parse_qs(asked.query).items()}
            served.asked.append((asked.path, parameters))
            served.authorizations.append(self.headers["Authorization"])
            found = answers.get(asked.path, (404, "nothing here"))
            status, document = found(parameters) if callable(found) else found
            body = (document if isinstance(document, str) else json.dumps(document)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Answers(f"http://127.0.0.1:{server.server_port}", answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def success(data: Any) -> tuple[int, Any]:
    return 200, {"status": "success", "data": data}


def refused(status: int, message: str) -> tuple[int, Any]:
    return status, {"status": "error", "errorType": "bad_data", "error": message}
