"""A stack that keeps counters, somebody who writes to it without pause, and what must hold."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import switchtasks
from .projects import HERE, PYTHON_IMAGE, Project, base_image, free_port, until

POSTGRES_IMAGE = base_image("POSTGRES_IMAGE", "postgres:17")
REDIS_IMAGE = base_image("REDIS_IMAGE", "redis:7")
PACE = {"interval": "1s", "start_interval": "100ms", "start_period": "30s"}


@dataclass
class Ports:
    """Where the stack is, on either side."""

    db: int = field(default_factory=free_port)
    cache: int = field(default_factory=free_port)
    web: int = field(default_factory=free_port)


ASKED = (
    "local-start",
    "local-tests",
    "docker-start",
    "health-checks",
    "docker-tests",
    "same-tests",
)
"""What a switch asks for and only a comparison can prove, which no project here has time for."""
WAIVED = "".join(
    f'[[tool.tranship.checklist]]\nid = "{name}"\nwaived = "a test of the switch itself"\n'
    for name in ASKED
)


def write(
    project: Project, migrate: str = "", *, database: bool = True, waived: bool = True
) -> Ports:
    """Write the project's files; `migrate` is the text of its tables of settings.

    With `waived`, the project does without the proofs that a comparison makes.
    """
    ports = Ports()
    services = _services(ports)
    if not database:
        del services["db"]
        del services["web"]["environment"]["DATABASE_URL"]
        del services["web"]["depends_on"]["db"]
    project.compose(
        services,
        volumes={"db-data": {}, "cache-data": {}} if database else {"cache-data": {}},
        settings={"start-timeout": 60},
        suite={"service": "tests", "paths": ["checks"]},
    )
    shutil.copy(HERE / "countservice.py", project.root)
    with (project.root / "pyproject.toml").open("a") as stream:
        stream.write(migrate + (WAIVED if waived else ""))
    (project.root / "tasks.py").write_text(switchtasks.TASKS)
    return ports


def _services(ports: Ports) -> dict[str, Any]:
    return {
        "db": {
            "image": POSTGRES_IMAGE,
            "environment": {
                "POSTGRES_USER": "shop",
                "POSTGRES_PASSWORD": "s3cretly",
                "POSTGRES_DB": "shop",
                "PGDATA": "/var/lib/postgresql/data/pgdata",
            },
            "command": ["postgres", "-c", "fsync=off"],
            "ports": [f"127.0.0.1:{ports.db}:5432"],
            "volumes": ["db-data:/var/lib/postgresql/data"],
            "healthcheck": {"test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"], **PACE},
            "x-tranship": {
                "local": {"server": "postgres"},
                "health": {"postgres": True, "port": 5432},
            },
        },
        "cache": {
            "image": REDIS_IMAGE,
            "command": ["redis-server", "--dir", "/data", "--requirepass", "key"],
            # One that cannot write to its disk does not end when it is told to.
            "stop_grace_period": "3s",
            "ports": [f"127.0.0.1:{ports.cache}:6379"],
            "volumes": ["cache-data:/data"],
            "x-tranship": {
                "local": {"server": "redis"},
                "health": {"redis": True, "port": 6379},
            },
        },
        "web": {
            "image": PYTHON_IMAGE,
            "command": ["python", "/project/countservice.py", "8000"],
            "environment": {
                "DATABASE_URL": "postgresql://shop:s3cretly@db:5432/shop",
                "REDIS_URL": "redis://:key@cache:6379/0",
                "SIDE": "docker",
            },
            "ports": [f"127.0.0.1:{ports.web}:8000"],
            "volumes": [".:/project:ro"],
            "init": True,
            "restart": "unless-stopped",
            "depends_on": {
                "db": {"condition": "service_healthy"},
                "cache": {"condition": "service_started"},
            },
            "x-tranship": {
                "local": {
                    "command": ["python", "countservice.py", "{port}"],
                    "environment": {"HOST": "127.0.0.1", "SIDE": "local"},
                },
                "health": {"http": "/health", "port": 8000},
            },
        },
        "tests": {
            "image": PYTHON_IMAGE,
            "profiles": ["test"],
            "environment": {"WEB_URL": "http://web:8000"},
            "depends_on": ["web"],
        },
    }


def call(port: int, method: str, path: str) -> tuple[int, Any]:
    """Return the status and the JSON that the service answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def steps(project: Project) -> dict[str, Any]:
    """Return the journal of the project's switch."""
    found: dict[str, Any] = json.loads(journal(project).read_text())
    return found


def incidents(project: Project) -> list[Path]:
    """Return the incident reports, oldest first."""
    return sorted(journal(project).parent.glob("incidents/*.md"))


def under_way(project: Project) -> list[str]:
    """Return the steps of the switch that is under way."""
    if not journal(project).is_file():
        return []
    found = steps(project)
    return [entry[0] for entry in found["steps"]] if found["state"] == "switching" else []


def journal(project: Project) -> Path:
    """Return where that is."""
    return project.root / ".tranship" / "migration" / "switch.json"


def side(port: int) -> str:
    """Return the side on which the service runs that answers there."""
    status, body = call(port, "GET", "/health")
    assert 200 == status, body
    return str(body["side"])


class Writer:
    """Sends counts one after the other; each again until it is acknowledged."""

    def __init__(self, port: int, pause: float = 0.02, names: str = "n") -> None:
        self.port = port
        self.names = names
        """What every count's name begins with: another one's for each writer to one stack."""
        self.acknowledged: list[str] = []
        self.refused = 0.0
        """The longest time in which nothing was acknowledged, seconds."""
        self._pause = pause
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def send(self, name: str) -> int:
        """Write a count of this name; return the answer's status."""
        return call(self.port, "POST", f"/count/{name}")[0]

    def one(self) -> str:
        """Write one count, however long that takes, and return its name."""
        self._number += 1
        name = f"{self.names}{self._number}"
        while not self._stop.is_set():
            try:
                status = self.send(name)
            except (OSError, http.client.HTTPException, ValueError):
                status = 0
            if status == 200:
                self.acknowledged.append(name)
                break
            time.sleep(0.02)
        return name

    def so_far(self) -> list[str]:
        """Return what has been acknowledged until now."""
        return list(self.acknowledged)

    def until(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + more + 1
        until(lambda: len(self.acknowledged) >= wanted, f"{more} more counts", 60)

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stop.is_set():
            self.one()
            self.refused = max(self.refused, time.monotonic() - last)
            last = time.monotonic()
            self._stop.wait(self._pause)


def require_all(port: int, acknowledged: list[str], names: str = "") -> None:
    """Fail unless all that was acknowledged is there, exactly once, in both stores.

    Of those whose names begin so.
    """
    # One more may be there: kept, and its answer lost.
    for store, kept in require_kept(port, acknowledged, names).items():
        assert len(set(kept) - set(acknowledged)) <= 1, store


def require_kept(port: int, acknowledged: list[str], names: str = "") -> dict[str, list[str]]:
    """The same while more is written: what there is beside it does not count, and is returned."""
    status, body = call(port, "GET", "/counts")
    assert 200 == status, body
    found = {
        store: [name for name in body[store] if name.startswith(names)]
        for store in ("postgres", "redis")
        if body[store]
    }
    assert "redis" in found
    for store, kept in found.items():
        assert len(kept) == len(set(kept)), f"doubles in {store}"
        missing = set(acknowledged) - set(kept)
        assert not missing, f"{store} lacks {sorted(missing)} of {len(acknowledged)}"
    return found
