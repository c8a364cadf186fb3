"""`inv migrate.checklist --probe` against real stores on both sides."""

from __future__ import annotations

import json
from typing import Any

from .projects import Project, base_image, free_port, web

POSTGRES_IMAGE = base_image("POSTGRES_IMAGE", "postgres:17")
REDIS_IMAGE = base_image("REDIS_IMAGE", "redis:7")
QUICK = {"start_period": "20s", "start_interval": "100ms", "interval": "30s"}
PASSWORD = "geheim-1"


def stores(project: Project, *, volume: bool = True, password: str = PASSWORD) -> Project:
    """Write a project with both stores; without `volume`, PostgreSQL keeps its data nowhere."""
    data = {"volumes": ["pg:/var/lib/postgresql/data"]} if volume else {}
    services: dict[str, Any] = {
        "web": web(
            free_port(),
            environment={
                "DB_URL": f"postgresql://app:{password}@pg:5432/shop",
                "CACHE_URL": f"redis://:{PASSWORD}@cache:6379/0",
            },
        ),
        "pg": {
            "image": POSTGRES_IMAGE,
            "command": ["postgres", "-c", "fsync=off"],
            "environment": {
                "POSTGRES_USER": "app",
                "POSTGRES_PASSWORD": PASSWORD,
                "POSTGRES_DB": "shop",
                "PGDATA": "/var/lib/postgresql/data/pgdata",
            },
            "ports": [f"127.0.0.1:{free_port()}:5432"],
            "healthcheck": {"test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"], **QUICK},
            "x-tranship": {
                "local": {"server": "postgres"},
                "health": {"postgres": True, "port": 5432},
            },
            **data,
        },
        "cache": {
            "image": REDIS_IMAGE,
            "command": f"redis-server --dir /data --appendonly yes --requirepass {PASSWORD}",
            "ports": [f"127.0.0.1:{free_port()}:6379"],
            "volumes": ["cache:/data"],
            "x-tranship": {
                "local": {"server": "redis"},
                "health": {"redis": True, "port": 6379},
            },
        },
        "suite": {**web(free_port()), "profiles": ["test"]},
    }
    volumes = {"pg": None, "cache": None} if volume else {"cache": None}
    return project.compose(
        services,
        settings={"start-timeout": 60},
        suite={"service": "suite", "environment": "development"},
        volumes=volumes,
    )


def standing(project: Project, *words: str) -> dict[str, tuple[str, str]]:
    """Return item -> (status, what was seen)."""
    shown = project.inv("migrate.checklist", "--format", "json", *words).exits(0).out
    return {item["id"]: (item["status"], item["seen"]) for item in json.loads(shown)["items"]}


def test_logins_and_data_are_proved_on_both_sides(project: Project) -> None:
    stores(project)

    found = standing(project, "--probe")

    for side in ("local", "docker"):
        for store, variable in (("database", "DB_URL"), ("redis", "CACHE_URL")):
            seen = f"logged in by web.{variable}, on a stack started for this"
            assert ("proved", seen) == found[f"{side}-{store}"]
        seen = "pg, cache: written, the stack restarted, read again"
        assert ("proved", seen) == found[f"{side}-data"]
    assert [] == project.left()

    # A cheap look keeps what was seen, until a file of the stack changes.
    assert "proved" == standing(project)["docker-data"][0]
    with project.compose_file.open("a") as stream:
        stream.write("# changed\n")
    assert ("unknown", "proved before compose.yaml changed") == standing(project)["docker-data"]


def test_data_in_no_volume_is_lost_and_said_to_be(project: Project) -> None:
    stores(project, volume=False)

    found = standing(project, "--only", "docker-data")

    assert ("failed", "gone after a restart: what was written to pg") == found["docker-data"]
    assert [] == project.left()


def test_a_wrong_password_is_the_servers_word(project: Project) -> None:
    stores(project, password="other-1")

    found = standing(project, "--only", "docker-database")["docker-database"]

    assert "failed" == found[0]
    assert found[1].startswith("web.DB_URL, on a stack started for this: ")
    assert "password authentication failed" in found[1]
    assert "other-1" not in found[1]
    assert [] == project.left()


def test_the_developers_own_stack_is_asked_where_it_runs(project: Project) -> None:
    stores(project)
    project.inv("docker.up").exits(0)

    found = standing(project)

    assert ("proved", "logged in by web.DB_URL, on the developer's stack") == (
        found["docker-database"]
    )
    assert "proved" == found["variables-arrive"][0]
    # The suite's port is the free one.
    assert ("proved", "1 free, 3 the stack's own") == found["port-mapping"]
