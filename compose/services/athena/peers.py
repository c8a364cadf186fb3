"""Calls from one service to another."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import HTTPException

from .health import CHECK_TIMEOUT_SECONDS


class Peer:
    """Another service, behind a pool of connections that threads may share."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        # A proxy named by the environment must never stand between two services.
        self.http = httpx.Client(
            base_url=url,
            trust_env=False,
            timeout=httpx.Timeout(5, connect=CHECK_TIMEOUT_SECONDS),
            limits=httpx.Limits(keepalive_expiry=30),
        )

    def check(self) -> None:
        """Raise unless the service answers (its own dependencies are its own affair)."""
        self.http.get("/live", timeout=CHECK_TIMEOUT_SECONDS).raise_for_status()

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Return the JSON of the answer.

        The peer's own 4xx passes through: it is about the caller's input. Everything else
        that is not a success is 503, naming the peer.
        """
        try:
            response = self.http.request(method, path, **request)
        except httpx.TransportError as error:
            reason = f"{self.name} does not answer: {type(error).__name__}"
            raise HTTPException(503, reason) from error
        if response.is_client_error:
            raise HTTPException(response.status_code, response.json()["detail"])
        if not response.is_success:
            raise HTTPException(503, f"{self.name} answered {response.status_code}")
        return response.json()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
