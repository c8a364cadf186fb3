"""A stack whose one service has as much to do as it is told, and a Prometheus that reads it.

Of `api`, each task does one piece of work at a time: CPU, then a wait as for a disk. What comes
faster waits in its queue, so that latency and CPU depend on the load. `load` sends it requests
at the rate that GET /rate/N sets, to each of its tasks in turn, and counts what it got.
"""

from __future__ import annotations

from typing import Any

from .projects import Project, container

API = """
import bisect, os, signal, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORK, WAIT = 0.002, 0.038
BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10)
counts, turn, state = [0] * (len(BOUNDS) + 1), threading.Lock(), {"sum": 0.0}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"ok"
        if self.path == "/metrics":
            body = metrics().encode()
        elif self.path == "/work":
            began = time.perf_counter()
            with turn:
                end = time.thread_time() + WORK
                while time.thread_time() < end:
                    pass
                time.sleep(WAIT)
                took = time.perf_counter() - began
                counts[bisect.bisect_left(BOUNDS, took)] += 1
                state["sum"] += took
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def metrics():
    lines, total, name = [], 0, "http_request_duration_seconds"
    lines.append(f"# TYPE {name} histogram")
    for bound, count in zip((*BOUNDS, "+Inf"), counts):
        total += count
        lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
    lines += [f"{name}_sum {state['sum']}", f"{name}_count {total}"]
    lines += ["# TYPE http_requests_total counter", f'http_requests_total{{status="200"}} {total}']
    cpu, resident = time.process_time(), int(open("/proc/self/statm").read().split()[1]) * 4096
    lines += ["# TYPE process_cpu_seconds_total counter", f"process_cpu_seconds_total {cpu}"]
    lines += ["# TYPE process_resident_memory_bytes gauge"]
    return "\\n".join([*lines, f"process_resident_memory_bytes {resident}", ""])


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Server(("", 8000), Handler).serve_forever()
"""
LOAD = """
import itertools, json, os, signal, socket, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

rate, counts = [float(os.environ.get("RATE", "0"))], {"sent": 0, "failed": 0}
addresses, turn = [], itertools.count()


def look():
    while True:
        try:
            found = socket.getaddrinfo("tasks.api", 8000, type=socket.SOCK_STREAM)
            addresses[:] = sorted({item[4][0] for item in found})
        except OSError:
            pass
        time.sleep(0.5)


def send():
    counts["sent"] += 1
    try:
        address = addresses[next(turn) % len(addresses)]
        urllib.request.urlopen(f"http://{address}:8000/work", timeout=10).read()
    except (OSError, ArithmeticError, IndexError):
        counts["failed"] += 1


def drive():
    # What is late is not sent later: a queue here would go on when the load has fallen.
    with ThreadPoolExecutor(128) as pool:
        due = time.monotonic()
        while True:
            now = rate[0]
            if now and pool._work_queue.qsize() < 64:
                pool.submit(send)
            due = max(due + (1 / now if now else 0.1), time.monotonic() - 0.1)
            time.sleep(max(due - time.monotonic(), 0))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/rate/"):
            rate[0] = float(self.path.rpartition("/")[2])
        body = json.dumps({"rate": rate[0], "tasks": len(addresses), **counts}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
for work in (look, drive):
    threading.Thread(target=work, daemon=True).start()
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
SCRAPE = """
global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}
scrape_configs:
- job_name: api
  dns_sd_configs:
  - {{names: [tasks.api], type: A, port: 8000, refresh_interval: {interval}}}
  relabel_configs:
  - {{target_label: service, replacement: api}}
"""
"""Every task by the name that Swarm has for all, with the label that figures ask for."""
SWARM = """
[tool.tranship.swarm]
publish = "host"
endpoint = "dnsrr"
resolve = "never"
monitor = "1s"
"""


def write(
    project: Project, server: str, ports: tuple[int, int], interval: str = "1s", **more: Any
) -> None:
    """Write the project's files; `ports` are those of Prometheus and of the load."""
    plain: dict[str, Any] = {"restart": "always", "stop_grace_period": "1s"}
    quiet = {**container("serve", "8000"), **plain}
    project.compose(
        {
            "api": {
                **quiet,
                "command": ["python", "/srv/api.py"],
                "volumes": ["./api.py:/srv/api.py:ro"],
                **more,
            },
            "load": {
                **quiet,
                "command": ["python", "/srv/load.py"],
                "volumes": ["./load.py:/srv/load.py:ro"],
                "ports": [f"{ports[1]}:8000"],
            },
            "prometheus": {
                **plain,
                "image": server,
                "command": [
                    "--config.file=/etc/prometheus/prometheus.yml",
                    "--storage.tsdb.path=/prometheus",
                ],
                "ports": [f"{ports[0]}:9090"],
                "volumes": ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro"],
                "tmpfs": ["/prometheus"],
            },
        }
    )
    (project.root / "api.py").write_text(API)
    (project.root / "load.py").write_text(LOAD)
    (project.root / "prometheus.yml").write_text(SCRAPE.format(interval=interval))


def policy(project: Project, **values: object) -> None:
    """Write the settings with this policy of `api` in the place of the last one."""
    path = project.root / "pyproject.toml"
    kept = path.read_text().split("[tool.tranship.swarm]")[0].rstrip()
    lines = [f"{key.replace('_', '-')} = {value!r}" for key, value in values.items()]
    own = "\n".join(["[tool.tranship.autoscale.api]", *lines])
    monitoring = "[tool.tranship.monitoring]\ninterval = 1\nwindow = 5"
    path.write_text(f"{kept}\n{SWARM}\n{own}\n\n{monitoring}\n")
