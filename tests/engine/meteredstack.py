"""A stack of two services that show metrics, and the Prometheus beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from tranship.deployment.monitoring.composed import contents
from tranship.deployment.monitoring.plan import plan_of
from tranship.settings import load
from tranship.stack.model import parse

from .projects import PYTHON_IMAGE, REPOSITORY, Project, container, free_port

sys.path.insert(0, str(REPOSITORY / "scripts"))

from bootstrap import prometheus
from bootstrap.progress import Progress

METERED = """
import collections, os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = collections.Counter()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 500 if self.path == "/fail" else 200
        body = b"{}"
        if self.path == "/metrics":
            rows = [f'http_requests_total{{status="{s}"}} {n}' for s, n in seen.items()]
            body = "\\n".join(["# TYPE http_requests_total counter", *rows, ""]).encode()
        elif self.path != "/health":
            seen[str(status)] += 1
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
seen.update({"200": 0, "500": 0})
port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
ThreadingHTTPServer((os.environ.get("HOST", ""), port), Handler).serve_forever()
"""


def metered(port: int, **more: Any) -> dict[str, Any]:
    """Return a service that counts its requests, and fails those of /fail."""
    return {
        **container("serve", "8000"),
        "command": ["python", "/srv/metered.py"],
        "volumes": ["./metered.py:/srv/metered.py:ro"],
        "ports": [f"127.0.0.1:{port}:8000"],
        "mem_limit": "64m",
        "x-tranship": {"health": {"http": "/health"}, "metrics": {"path": "/metrics"}},
        **more,
    }


def image(folder: Path) -> str:
    """Return the image of Prometheus, made where it is absent."""
    with (folder / "said").open("w") as said:
        return prometheus.standin(Progress(folder / "log", said))


def write(project: Project, server: str) -> tuple[int, int, int]:
    """Write the project's files; return the ports of web, jobs and Prometheus."""
    ports = free_port(), free_port(), free_port()
    project.compose({"web": metered(ports[0]), "jobs": metered(ports[1])})
    (project.root / "metered.py").write_text(METERED)
    settings(project, port=ports[2], interval=1.0, window=5.0, hold=1.0)
    folder = project.root / ".tranship"
    folder.mkdir()
    lines = (f"PROMETHEUS_IMAGE={server}\n", f"PYTHON_IMAGE={PYTHON_IMAGE}\n")
    (folder / "images.env").write_text("".join(lines))
    return ports


def settings(project: Project, **values: float) -> None:
    """Write the table of the monitoring in the place of the last one."""
    path = project.root / "pyproject.toml"
    kept = path.read_text().split("[tool.tranship.monitoring]")[0]
    lines = [f"{name} = {value}\n" for name, value in values.items()]
    path.write_text(f"{kept}[tool.tranship.monitoring]\n{''.join(lines)}")


def files_of(project: Project) -> dict[str, str]:
    """Return what `inv monitor.up` writes for the project, without an engine."""
    document = yaml.safe_load(project.compose_file.read_text())
    for body in document["services"].values():
        body["ports"] = [{"target": 8000}]
    stack = parse(document, [project.compose_file], confirmed=False)
    return contents(plan_of(load(project.root), stack, document, ()))
