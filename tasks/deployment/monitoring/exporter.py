"""The containers of one compose project as Prometheus reads them.

A program of its own, for any Python from 3.8 and nothing beside it: it runs in a container.
It sends GET to the engine's socket and nothing else. The names are cAdvisor's where the
figure is the same one.
"""

from __future__ import annotations

import datetime
import http.client
import json
import os
import socket
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOCKET = "/var/run/docker.sock"
TIMEOUT_SECONDS = 5.0
AT_ONCE = 4
NEVER = "0001-"
FIGURES = {
    "container_running": ("gauge", "1 while its first process is there."),
    "container_healthy": ("gauge", "1 while its health check passes."),
    "container_restarts_total": ("counter", "Restarts by its restart policy."),
    "container_start_time_seconds": ("gauge", "Start of its process since the epoch."),
    "container_memory_working_set_bytes": ("gauge", "Memory without the file cache in reserve."),
    "container_spec_memory_limit_bytes": ("gauge", "Memory limit, where it has one."),
    "container_cpu_usage_seconds_total": ("counter", "CPU time used."),
}


class Engine(http.client.HTTPConnection):
    """A connection to the engine by its socket."""

    def connect(self) -> None:
        """Connect to the socket in place of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(SOCKET)


def ask(path: str) -> Any:
    """Return what the engine answers to a GET; None for what is gone."""
    connection = Engine("localhost", timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise OSError(f"{path}: HTTP {answer.status}")
    return json.loads(body)


def containers(project: str) -> list[str]:
    """Return the ids of the project's containers, running or not, without one-off ones."""
    labels = [f"com.docker.compose.project={project}", "com.docker.compose.oneoff=False"]
    filters = urllib.parse.quote(json.dumps({"label": labels}))
    return [item["Id"] for item in ask(f"/containers/json?all=1&filters={filters}")]


def figures(container: str) -> tuple[dict[str, str], dict[str, float]]:
    """Return the labels and the figures of one container; neither where it is gone."""
    found = ask(f"/containers/{container}/json")
    if found is None:
        return {}, {}
    state = found["State"]
    labels = {
        "service": found["Config"]["Labels"].get("com.docker.compose.service", ""),
        "name": found["Name"].lstrip("/"),
    }
    values = {
        "container_running": float(bool(state["Running"])),
        "container_restarts_total": float(found.get("RestartCount") or 0),
    }
    health = (state.get("Health") or {}).get("Status", "none")
    if health in ("healthy", "unhealthy"):  # while it starts, nobody knows
        values["container_healthy"] = float(health == "healthy")
    limit = (found.get("HostConfig") or {}).get("Memory") or 0
    if limit:
        values["container_spec_memory_limit_bytes"] = float(limit)
    if state["Running"]:
        started = epoch(state["StartedAt"])
        if started is not None:
            values["container_start_time_seconds"] = started
        values.update(used(ask(f"/containers/{container}/stats?stream=false&one-shot=true") or {}))
    return labels, values


def used(stats: dict[str, Any]) -> dict[str, float]:
    """Return memory and CPU of the engine's answer, as far as it has them."""
    values = {}
    memory = stats.get("memory_stats") or {}
    if "usage" in memory:
        detail = memory.get("stats") or {}
        # Version 1 of control groups has the first name, version 2 the second.
        reserve = detail.get("total_inactive_file", detail.get("inactive_file", 0))
        values["container_memory_working_set_bytes"] = float(max(memory["usage"] - reserve, 0))
    cpu = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    if cpu is not None:
        values["container_cpu_usage_seconds_total"] = cpu / 1e9
    return values


def epoch(moment: str) -> float | None:
    """Return the seconds of the engine's time, which is UTC; None for never."""
    if moment.startswith(NEVER):
        return None
    whole = datetime.datetime.strptime(moment[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    return whole.timestamp()


def exposition(rows: list[tuple[dict[str, str], dict[str, float]]]) -> str:
    """Return the rows in Prometheus' text format."""
    lines = []
    for name, (kind, text) in FIGURES.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for labels, values in rows:
            if name in values:
                shown = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
                lines.append(f"{name}{{{shown}}} {values[name]!r}")
    return "\n".join(lines) + "\n"


def read(project: str) -> str:
    """Return the metrics of a project as they are now."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return exposition(list(pool.map(figures, containers(project))))


class Handler(BaseHTTPRequestHandler):
    """Answers /metrics, and nothing else."""

    def do_GET(self) -> None:
        """Answer; 503 where the engine does not, so that the reading counts as failed."""
        if self.path != "/metrics":
            self.answer(404, "only /metrics\n")
            return
        try:
            self.answer(200, read(os.environ["PROJECT"]))
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            self.answer(503, f"the engine does not answer: {error}\n")

    def answer(self, status: int, text: str) -> None:
        """Send a whole answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep no log of readings."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
