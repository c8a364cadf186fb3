"""The frame of every service: its application, its four common routes, its server."""

from __future__ import annotations

import hmac
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import uvicorn
from fastapi import BackgroundTasks, FastAPI, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs
from .health import Check, Health
from .metrics import Metrics
from .settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)

_log = logging.getLogger(__name__)
_SOURCES = Path(__file__).resolve().parents[1]
_MODULE = "ATHENA_MODULE"
"""Names the service's module to uvicorn's workers, when it reloads."""

# Polled by probes and scrapers: counted, but not worth a line in the log each time.
_QUIET = frozenset({"/health", "/live", "/metrics"})


def service_app(
    service: str,
    settings: ServiceSettings,
    metrics: Metrics,
    *,
    checks: Mapping[str, Check],
    resources: Callable[[], AbstractContextManager[object]],
) -> FastAPI:
    """Return an application with `/health`, `/live` and `/metrics`.

    `resources` opens what the service needs (pools, clients, schema) before the first
    request and closes it after the last; when it raises, the process ends.
    """
    health = Health(service, checks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with resources():
            _log.info("ready", extra={"instance": health.instance, "port": settings.port})
            yield
        _log.info("stopped", extra={"instance": health.instance})

    # The interactive pages of FastAPI load their scripts from a public CDN: left out.
    app = FastAPI(title=service, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(RequestLog, metrics=metrics)

    @app.get("/health")
    def report() -> JSONResponse:
        healthy, body = health.report()
        if not healthy:
            _log.warning("degraded", extra={"checks": body["checks"]})
        return JSONResponse(body, status_code=200 if healthy else 503)

    @app.get("/live")
    async def alive() -> JSONResponse:
        return JSONResponse(health.alive())

    @app.get("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), media_type=metrics.content_type)

    if settings.exit_token is not None:
        _add_exit(app, settings.exit_token, health)
    return app


def _add_exit(app: FastAPI, token: str, health: Health) -> None:
    """Let who knows the token end the process, to see its supervisor start a new one."""

    @app.post("/admin/exit", status_code=202)
    def leave(
        background: BackgroundTasks, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, Any]:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(403, "not the exit token")
        _log.warning("asked to exit", extra={"instance": health.instance})
        # After the answer was sent, and by the same door that a supervisor uses.
        background.add_task(os.kill, os.getpid(), signal.SIGTERM)
        return health.alive()


class RequestLog:
    """ASGI middleware: counts every request and writes a line for those worth one."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            seconds = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.observe(scope["method"], route, status, seconds)
            if route not in _QUIET:
                fields = {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "milliseconds": round(seconds * 1000, 2),
                }
                _log.info("request", extra=fields)


def from_environment() -> FastAPI:
    """Return the application of the service that the environment names."""
    module = importlib.import_module(os.environ[_MODULE])
    settings = module.Settings()
    app: FastAPI = module.create(settings)
    logs.configure(app.title, settings.log_level)
    return app


def serve(settings_type: type[S], create: Callable[[S], FastAPI]) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way.

    Settings that are missing or wrong end the process with a line about each of them.
    """
    try:
        settings = settings_type()
    except ValidationError as error:
        # Without the values: a URL that does not parse may hold a password.
        wrong = (f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        sys.exit("\n".join(wrong))
    app: FastAPI | str = create(settings)
    reload: dict[str, Any] = {}
    if settings.reload:
        # uvicorn starts its worker anew by name: the worker finds the service by this.
        os.environ[_MODULE] = create.__module__
        app = "athena.app:from_environment"
        reload = {"reload": True, "factory": True, "reload_dirs": [str(_SOURCES)]}
    else:
        logs.configure(app.title, settings.log_level)
    uvicorn.run(
        app,
        **reload,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        # The clients of peers.py drop an idle connection after half of this, so that no
        # request meets a connection that is being closed.
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
    )
