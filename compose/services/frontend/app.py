"""The page, the overview it shows, and the way through to the services."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from athena.app import service_app
from athena.metrics import Metrics
from athena.peers import Peer
from athena.settings import ServiceSettings
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

_PAGE = Path(__file__).with_name("page.html")
# What the page may need of a request and an answer; the rest ends here, credentials included.
_REQUEST_HEADERS = ("accept", "content-type")
_ANSWER_HEADERS = ("content-type", "x-cache")


class Settings(ServiceSettings):
    """The settings of the frontend."""

    data_url: str
    risk_url: str
    executor_url: str
    strategy_url: str


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    peers = {
        peer.name: peer
        for peer in (
            Peer("data-service", settings.data_url),
            Peer("risk-service", settings.risk_url),
            Peer("executor-service", settings.executor_url),
            Peer("strategy-service", settings.strategy_url),
        )
    }
    threads = ThreadPoolExecutor(max_workers=len(peers), thread_name_prefix="overview")

    @contextmanager
    def resources() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(threads)
            for peer in peers.values():
                stack.enter_context(closing(peer))
            yield

    app = service_app(
        "frontend",
        settings,
        Metrics(),
        checks={name: peer.check for name, peer in peers.items()},
        resources=resources,
    )
    page = _PAGE.read_text(encoding="utf-8")

    @app.get("/", response_class=HTMLResponse)
    async def index() -> str:
        return page

    @app.get("/overview")
    def overview() -> list[dict[str, Any]]:
        return list(threads.map(_health, peers.values()))

    @app.api_route("/api/{service}/{path:path}", methods=["GET", "POST"])
    async def forward(service: str, path: str, request: Request) -> Response:
        peer = peers.get(service)
        if peer is None:
            raise HTTPException(404, f"no service {service!r}")
        body = await request.body()
        return await run_in_threadpool(_forward, peer, path, request, body)

    return app


def _health(peer: Peer) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        report = peer.http.get("/health").json()
    except (httpx.HTTPError, ValueError):
        report = {"status": "down", "checks": {}}
    milliseconds = round((time.perf_counter() - start) * 1000, 1)
    return {**report, "service": peer.name, "milliseconds": milliseconds}


def _forward(peer: Peer, path: str, request: Request, body: bytes) -> Response:
    kept = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
    try:
        answer = peer.http.request(
            request.method,
            f"/{path}",
            params=request.url.query,
            headers=kept,
            content=body,
        )
    except httpx.TransportError as error:
        raise HTTPException(502, f"{peer.name} does not answer") from error
    headers = {name: answer.headers[name] for name in _ANSWER_HEADERS if name in answer.headers}
    return Response(answer.content, answer.status_code, headers)
