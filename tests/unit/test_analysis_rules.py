"""Each rule of the analysis on a stack with one flaw, and what must not be called one."""

from __future__ import annotations

from pathlib import Path

import pytest
from analyzedproject import Analyzed, image
from tranship import settings as settings_module
from tranship.envmap.project import open_project
from tranship.migration.analysis.analysis import own_findings
from tranship.migration.analysis.catalogue import RULES
from tranship.migration.analysis.exposure import taken_ports
from tranship.migration.analysis.gather import look_at
from tranship.migration.analysis.stores import store_of


@pytest.fixture
def project(tmp_path: Path, no_docker: None) -> Analyzed:
    return Analyzed(tmp_path / "project")


def test_a_sound_stack_has_no_findings(project: Analyzed) -> None:
    assert [] == project.found()


CHECK = "    healthcheck: {test: [CMD, python, -c, probe], interval: 30s}\n"
RESTART = "    restart: unless-stopped\n    logging: {driver: local}\n"
FLAWS = [
    # what stands there, what instead, rule, services, line
    (CHECK, "", "TM001", ("api",), 3),
    ("{db: {condition: service_healthy}}", "[db]", "TM003", ("api",), 12),
    (
        'ports: ["127.0.0.1:5432:5432"]',
        'ports: ["127.0.0.1:5432:5432", "127.0.0.1:8000:1"]',
        "TM004",
        ("api", "db"),
        10,
    ),
    ('"127.0.0.1:5432:5432"', '"5432:5432"', "TM006", ("db",), 19),
    (
        '"127.0.0.1:5432:5432"',
        "{target: 5432, published: 5432, host_ip: 0.0.0.0}",
        "TM006",
        ("db",),
        19,
    ),
    (RESTART, f"    container_name: x\n{RESTART}", "TM007", ("api",), 6),
    ("logging: {driver: local}", "logging: {driver: json-file}", "TM008", ("api",), 7),
    ("    logging: {driver: local}\n", "", "TM008", ("api",), 3),
    (RESTART, "    logging: {driver: local}\n", "TM009", ("api",), 3),
    ("    mem_limit: 256m\n", "", "TM010", ("api",), 3),
    ('    cpus: "1.0"\n', "", "TM011", ("api",), 3),
    ('    volumes: ["data:/var/lib/postgresql/data"]\n', "", "TM012", ("db",), 14),
    ("data:/var/lib/postgresql/data", "data:/backups", "TM012", ("db",), 20),
    ("data:/var/lib/postgresql/data", "/var/lib/postgresql/data", "TM012", ("db",), 20),
    ("interval: 30s", "interval: 1s", "TM014", ("api",), 11),
    (
        "[CMD, python, -c, probe], interval: 30s",
        "[CMD-SHELL, exec /usr/bin/python3.12 -c x || exit 1], interval: 1500ms",
        "TM014",
        ("api",),
        11,
    ),
    ("image: postgres:17", "image: postgres", "TM015", ("db",), 15),
    ("image: postgres:17", "image: reg:5000/postgres:latest", "TM015", ("db",), 15),
]


@pytest.mark.parametrize(("old", "new", "rule", "services", "line"), FLAWS)
def test_one_flaw_is_one_finding_with_its_line(
    project: Analyzed, old: str, new: str, rule: str, services: tuple[str, ...], line: int
) -> None:
    project.change(old, new)

    assert [(rule, services, f"compose.yaml:{line}")] == project.found()


FINE = [
    ("test: [CMD, python, -c, probe], interval: 30s", "disable: true"),
    (RESTART, RESTART.replace("unless-stopped", '"no"')),
    ("logging: {driver: local}", "logging: {driver: journald}"),
    ("mem_limit: 256m", "deploy: {resources: {limits: {memory: 256M}}}"),
    ("interval: 30s", "interval: 5s"),
    ("[CMD, python, -c, probe], interval: 30s", "[CMD, pg_isready], interval: 1s"),
    ("data:/var/lib/postgresql/data", "data:/var/lib/postgresql"),
    ("data:/var/lib/postgresql/data", "./data:/var/lib/postgresql"),
    ('volumes: ["data:/var/lib/postgresql/data"]', "tmpfs: /var/lib/postgresql/data"),
    (
        'volumes: ["data:/var/lib/postgresql/data"]',
        'environment: {PGDATA: /state/pg}\n    volumes: ["data:/state"]',
    ),
    ("image: postgres:17", "image: postgres@sha256:1234"),
    ("image: postgres:17", "image: postgres\n    pull_policy: never"),
    ("image: postgres:17", "image: bitnami/postgresql:17"),
    ('"127.0.0.1:8000:8000"', '"80:8000"'),
    ('"127.0.0.1:5432:5432"', '"[::1]:5432:5432"'),
    ("build: .", "build: {context: ., dockerfile_inline: FROM x}"),
    ("build: .", "image: registry.example/api:1"),
]


@pytest.mark.parametrize(("old", "new"), FINE)
def test_what_may_be_meant_is_no_finding(project: Analyzed, old: str, new: str) -> None:
    project.change(old, new)
    if "disable" in new:
        # What waits for it would be right to complain.
        project.change("x-tranship: {health: {http: /health}}", "x-tranship: {}")

    assert [] == project.found()


def test_waiting_for_health_that_nobody_checks_is_an_error(project: Analyzed) -> None:
    project.change("    healthcheck: {test: [CMD, pg_isready]}\n", "")
    project.images = {"postgres:17": image("postgres:17", user="")}

    assert [
        ("TM001", ("db",), "compose.yaml:14"),
        ("TM002", ("api",), "compose.yaml:12"),
    ] == project.found()


def test_an_image_that_nobody_has_may_bring_its_own_check(project: Analyzed) -> None:
    project.change("    build: .\n", "    image: ours/api:1\n")
    project.change(CHECK, "")
    project.change("  db:\n", "  web: {image: w:1, profiles: [x], depends_on: [api]}\n  db:\n")
    (found,) = [item for item in project.findings() if item.rule == "TM001"]
    assert "note" == found.severity
    assert "in the compose file, and its image is not here to tell." in found.message

    project.images = {"ours/api:1": image("ours/api:1", check=True)}
    assert "TM001" not in project.rules()


def test_a_dockerfile_may_bring_the_check(project: Analyzed) -> None:
    project.change(CHECK, "")
    project.change("USER 10001", "HEALTHCHECK CMD true\nUSER 10001", "Dockerfile")

    assert [] == project.found()


def test_the_suite_and_what_ends_by_design_need_not_go_on(project: Analyzed) -> None:
    project.write("pyproject.toml", '[tool.tranship.suite]\nservice = "tests"\n')
    project.change(
        "  db:\n",
        "  tests: {image: tests:1, profiles: [test], depends_on: [api]}\n"
        "  fake: {image: fake:1, profiles: [test], ports: ['1:1']}\n"
        "  seed: {image: seed:1, x-tranship: {oneshot: true}}\n"
        "  db:\n",
    )

    assert [] == project.found()


def test_a_limit_of_another_environment_counts(project: Analyzed) -> None:
    project.change("    mem_limit: 256m\n", "")
    project.write("pyproject.toml", '[tool.tranship]\noverlay = "{environment}.yaml"\n')
    project.write("envs/production.json", "{}")
    project.write("envs/development.json", "{}")
    assert ["TM010"] == project.rules()

    project.write(
        "production.yaml",
        "x-l: &l {deploy: {resources: {limits: {memory: 1G}}}}\nservices: {api: {<<: *l}}\n",
    )
    assert [] == project.found()


def test_two_profiles_may_publish_one_port(project: Analyzed) -> None:
    whole = "restart: always, logging: {driver: none}, mem_limit: 1m, cpus: 1"
    for name, profile in (("one", "first"), ("two", "second")):
        project.change(
            "  db:\n",
            f"  {name}: {{image: x:1, profiles: [{profile}], ports: ['127.0.0.1:9:9'], "
            f"healthcheck: {{test: x}}, {whole}}}\n  db:\n",
        )
    assert [] == project.found()

    project.change("[second]", "[first]")
    assert ["TM004"] == project.rules()


def test_redis_is_a_store_when_it_is_told_to_persist(project: Analyzed) -> None:
    project.change("image: postgres:17", "image: redis:7")
    assert [] == project.found()

    project.change("image: redis:7", "image: redis:7\n    command: redis-server --appendonly yes")
    assert ["TM012"] == project.rules()
    project.change("data:/var/lib/postgresql/data", "data:/data")
    assert [] == project.found()


@pytest.mark.parametrize(
    ("last", "user", "expected"),
    [
        ("", "", ["TM013"]),
        ("USER root:root\n", "10001", ["TM013"]),
        ("USER 10001\n", "", []),
        ("", "app", []),
    ],
)
def test_the_user_is_the_dockerfiles_then_the_images(
    project: Analyzed, last: str, user: str, expected: list[str]
) -> None:
    project.change("USER 10001:10001\n", last, "Dockerfile")
    project.images = {"shop-api": image("shop-api", user=user)}

    assert expected == project.rules()


@pytest.mark.parametrize(("base", "expected"), [("python:3.12", ["TM013"]), ("ours/base:1", [])])
def test_an_unknown_base_may_give_the_user(
    project: Analyzed, base: str, expected: list[str]
) -> None:
    project.write("Dockerfile", f"FROM {base}\nCOPY a b\n")

    assert expected == project.rules()


def test_a_service_may_give_the_user(project: Analyzed) -> None:
    project.change("USER 10001:10001\n", "", "Dockerfile")
    project.change("    build: .\n", "    build: .\n    user: '1000'\n")

    assert [] == project.found()


def test_a_stranger_on_a_port_is_named(project: Analyzed) -> None:
    found = list(taken_ports(project.look(), {5432: "process 7 (postgres)"}))

    assert ["Port 5432, which db publishes, is held by process 7 (postgres)."] == [
        item.message for item in found
    ]
    assert ["TM005"] == [item.rule for item in found]


@pytest.mark.parametrize(
    ("name", "store"),
    [
        ("postgres:17", "postgres"),
        ("registry:5000/library/postgres:17-alpine", "postgres"),
        ("postgis/postgis@sha256:0", "postgres"),
        ("mariadb", "mysql"),
        ("bitnami/redis", None),
        ("postgres-exporter:1", None),
    ],
)
def test_stores_are_known_by_their_images(name: str, store: str | None) -> None:
    found = store_of(name)

    assert store == (found.name if found else None)


@pytest.mark.parametrize("environment", ["development", "test"])
def test_the_example_stack_has_nothing_to_mend(environment: str) -> None:
    settings = settings_module.load(Path(__file__).parents[2]).in_environment(environment)
    look, unread = look_at(open_project(settings), None)

    assert () == unread
    assert [] == list(own_findings(look))


def test_ids_names_and_texts_are_whole() -> None:
    assert [f"TM{number:03}" for number in range(1, len(RULES) + 1)] == list(RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    for rule in RULES.values():
        assert rule.summary.endswith(".")
        assert rule.why.endswith(".")
