"""A small HTTP server that answers as Prometheus does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Answers:
    """What is answered by path, and what was asked."""

    def __init__(self, url: str, answers: Mapping[str, tuple[int, Any]]) -> None:
        self.url = url
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []


@contextmanager
def answering(answers: Mapping[str, tuple[int, Any]]) -> Iterator[Answers]:
    """Serve path -> (status, JSON document or text) while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            served.asked.append((asked.path, {k: v[0] for k, v in parse_qs(asked.query).items()}))
            status, document = answers.get(asked.path, (404, "nothing here"))
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
