"""Health: what a service is, since when, and whether what it depends on answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Check = Callable[[], object]
"""Raises when the dependency does not answer; the checks have short timeouts of their own."""

CHECK_TIMEOUT_SECONDS = 1.0


class Health:
    """The state of one process: made once, when it starts."""

    def __init__(self, service: str, checks: Mapping[str, Check]) -> None:
        self.service = service
        self.instance = uuid4().hex
        """Changes with every start, also in a container, where the pid is always 1."""
        self._started_at = datetime.now(UTC).isoformat()
        self._checks = checks

    def alive(self) -> dict[str, Any]:
        """Return who answers, asking no dependency: what other services probe.

        Were they to probe the full report, one request would walk the whole graph of
        services, and one fault would show up in all of them instead of where it is.
        """
        return {
            "service": self.service,
            "instance": self.instance,
            "started_at": self._started_at,
        }

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether every dependency answered, and the report about each."""
        checks = {name: _outcome(check) for name, check in self._checks.items()}
        healthy = all(check["ok"] for check in checks.values())
        status = "ok" if healthy else "degraded"
        return healthy, {"status": status, **self.alive(), "checks": checks}


def _outcome(check: Check) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        check()
    except Exception as error:  # whatever a client library raises, the dependency is not well
        reason = (str(error).splitlines() or [""])[0]
        return {"ok": False, "error": f"{type(error).__name__}: {reason}"}
    return {"ok": True, "milliseconds": round((time.perf_counter() - start) * 1000, 2)}
