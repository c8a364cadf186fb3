"""What hardening adds to a service, by rule; the file it writes; what is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from exported import example, project_of
from invoke.program import Program
from tranship.deployment.hardening import networks, overlay, rules
from tranship.deployment.hardening.known import DEFAULT_CAPABILITIES, KNOWN, needs_of
from tranship.deployment.hardening.model import Facts, Line, Reset
from tranship.deployment.hardening.rules import Rule
from tranship.deployment.hardening.writes import writes_of
from tranship.errors import UsageError
from tranship.settings import HardenSettings

SETTINGS = HardenSettings()
MIB = 1024 * 1024


def added(rule: Rule, body: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """Return key -> value of what a rule adds."""
    found = rule(Facts("api", body, **facts), SETTINGS)
    return {".".join(line.key): line.value for line in found if isinstance(line, Line)}


def notes(rule: Rule, body: Mapping[str, Any], **facts: Any) -> list[str]:
    return [x for x in rule(Facts("api", body, **facts), SETTINGS) if isinstance(x, str)]


def test_no_new_privileges_are_not_given_twice() -> None:
    assert {"security_opt": ["no-new-privileges:true"]} == added(rules.privileges, {})
    assert {} == added(rules.privileges, {"security_opt": ["no-new-privileges:true"]})
    assert {} == added(rules.privileges, {"security_opt": ["no-new-privileges"]})


@pytest.mark.parametrize(
    ("body", "facts", "expected"),
    [
        ({}, {"image_user": "10001:10001"}, {"cap_drop": ["ALL"]}),
        ({"user": "999"}, {"image_user": ""}, {"cap_drop": ["ALL"]}),
        ({"user": "0:0"}, {"image_user": "10001"}, {}),
        ({}, {"image_user": ""}, {}),
        ({}, {"image_user": None}, {}),
        ({}, {"image_user": "", "writes": ()}, {"cap_drop": ["ALL"]}),
        ({"cap_drop": ["ALL"]}, {"image_user": "10001"}, {}),
        (
            {"image": "redis:8"},
            {"image_user": ""},
            {"cap_drop": ["ALL"], "cap_add": ["CHOWN", "SETGID", "SETUID"]},
        ),
        (
            {"image": "redis:8", "cap_add": ["CHOWN"]},
            {"image_user": ""},
            {"cap_drop": ["ALL"], "cap_add": ["SETGID", "SETUID"]},
        ),
        (
            {"image": "redis:8", "init": True},
            {"image_user": ""},
            {"cap_drop": ["ALL"], "cap_add": ["CHOWN", "SETGID", "SETUID", "KILL"]},
        ),
        ({"privileged": True}, {"image_user": "10001"}, {}),
    ],
)
def test_capabilities(body: dict[str, Any], facts: dict[str, Any], expected: Any) -> None:
    assert expected == added(rules.capabilities, body, **facts)


def test_what_nobody_knows_is_left_and_said() -> None:
    assert ["starts as root, and nobody knows what it needs: capabilities left. Try --prove."] == (
        notes(rules.capabilities, {}, image_user="")
    )
    assert ["nobody knows where it writes: root left writable. Try --prove."] == (
        notes(rules.root_folder, {})
    )
    assert ["no record of its memory: no limit. Run `nox -s docker` and harden again."] == (
        notes(rules.limits, {})
    )


def test_the_root_is_read_only_with_a_tmpfs_for_what_is_written() -> None:
    body = {"tmpfs": ["/run:size=1m"], "volumes": [{"type": "volume", "target": "/data"}]}

    found = added(rules.root_folder, body, writes=("/run", "/data", "/tmp"))

    assert {"read_only": True, "tmpfs": ["/tmp"]} == found
    assert {"read_only": True} == added(rules.root_folder, {}, writes=())
    assert {} == added(rules.root_folder, {"read_only": True}, writes=("/tmp",))


def test_a_service_that_writes_beside_the_images_files_keeps_its_root() -> None:
    shadowed = {"writes": (), "shadowed": ("/app/cache.db",)}

    assert {} == added(rules.root_folder, {}, **shadowed)
    assert "/app/cache.db" in notes(rules.root_folder, {}, **shadowed)[0]


@pytest.mark.parametrize(("peak", "limit"), [(3, "64M"), (16, "64M"), (17, "128M"), (50, "256M")])
def test_memory_is_limited_by_its_peak_on_record(peak: int, limit: str) -> None:
    found = added(rules.limits, {}, memory_peak=peak * MIB)

    assert limit == found["deploy.resources.limits.memory"]
    assert ("1", 256) == (
        found["deploy.resources.limits.cpus"],
        found["deploy.resources.limits.pids"],
    )


def test_limits_that_stand_are_left() -> None:
    given = {"cpus": 2, "memory": "1g", "pids": 9}

    assert {} == added(rules.limits, {"deploy": {"resources": {"limits": given}}}, memory_peak=1)
    older = {"mem_limit": "1g", "cpus": 1, "pids_limit": 5}
    assert {} == added(rules.limits, older, memory_peak=1)


def test_logs_are_rotated_where_the_driver_keeps_them() -> None:
    assert "3" == added(rules.logs, {})["logging"]["options"]["max-file"]
    assert {} == added(rules.logs, {"logging": {"options": {"max-size": "1m"}}})
    assert {} == added(rules.logs, {"logging": {"driver": "journald"}})


def test_lifecycle() -> None:
    check = {"healthcheck": {"test": ["CMD", "true"], "start_period": "5s"}}

    assert {"restart": "unless-stopped", "init": True} == added(rules.lifecycle, {})
    assert {"init": True} == added(rules.lifecycle, {}, oneshot=True)
    database = {"image": "postgres:18", "restart": "always"}
    assert {} == added(rules.lifecycle, database)
    assert ["becomes another user, whom an init could not tell to stop: no init"] == notes(
        rules.lifecycle, database
    )
    assert {"init": True} == added(rules.lifecycle, {**database, "user": "999"})
    assert {"init": True} == added(rules.lifecycle, {**database, "image": "nginx"})
    kept = {"restart": "always", "init": False}
    assert {"healthcheck.start_interval": "1s"} == added(rules.lifecycle, {**check, **kept})
    without = {**kept, "healthcheck": {"test": ["CMD", "true"]}}
    assert "60s" == added(rules.lifecycle, without)["healthcheck.start_period"]


def test_a_password_is_a_file_where_the_image_reads_one() -> None:
    body = {"image": "r.example/x/postgres:18@sha256:00", "environment": {"POSTGRES_PASSWORD": "x"}}

    found = added(rules.secret_files, body, mapped=frozenset({"POSTGRES_PASSWORD"}))

    assert {
        "environment.POSTGRES_PASSWORD_FILE": "/run/secrets/api-postgres-password",
        "secrets": ["api-postgres-password"],
    } == found
    assert {} == added(rules.secret_files, body)
    assert "POSTGRES_PASSWORD stands in the compose files" in notes(rules.secret_files, body)[0]


def test_the_user_says_which_other_variables_are_read_from_files() -> None:
    facts = Facts("api", {}, mapped=frozenset({"TOKEN"}))
    settings = HardenSettings(secret_files=("api:TOKEN", "web:TOKEN"))

    found = [x for x in rules.secret_files(facts, settings) if isinstance(x, Line)]

    assert ["environment.TOKEN_FILE", "secrets"] == [".".join(line.key) for line in found]


def test_what_is_not_meant_for_the_outside_is_exposed_alone() -> None:
    facts = Facts("api", {"ports": [{"target": 8000}], "expose": ["9000"]})

    found = {
        line.key: line.value
        for line in rules.published(facts, frozenset({"proxy"}))
        if isinstance(line, Line)
    }

    assert {("ports",): Reset(), ("expose",): ["8000"]} == found
    assert [] == list(rules.published(facts, frozenset({"api"})))


def test_the_proxies_are_those_on_open_interfaces() -> None:
    own = {"ports": [{"target": 1, "host_ip": "127.0.0.1"}]}
    open_one = {"ports": [{"target": 80}]}

    assert {"web"} == networks.proxies({"db": own, "web": open_one, "job": {}}, ())
    assert {"db"} == networks.proxies({"db": own, "job": {}}, ())
    assert {"job"} == networks.proxies({"db": own, "web": open_one, "job": {}}, ("job",))


def test_networks_are_internal_but_for_the_way_out() -> None:
    document = {
        "services": {"db": {"networks": {"back": None}}, "web": {"networks": {"back": None}}},
        "networks": {"back": {}, "other": {}},
    }

    lines, said = networks.network_lines(document, ["db", "web"], frozenset({"web"}))

    assert () == said
    assert [("networks", "back", "internal"), ("networks",), ("networks", "edge")] == [
        line.key for line in lines
    ]
    assert ["back", "edge"] == lines[1].value
    assert ((), ()) == networks.network_lines(document, ["web"], frozenset({"web"}))


def test_an_external_network_is_said_to_stay_open() -> None:
    document = {
        "services": {"db": {"networks": {"shared": None}}},
        "networks": {"shared": {"external": True}},
    }

    lines, said = networks.network_lines(document, ["db"], frozenset())

    assert ((), ("network shared: external, so not made internal",)) == (lines, said)


def test_writes_beside_nothing_of_the_image_can_be_a_tmpfs() -> None:
    changes = {
        "/run": "C",
        "/run/nginx.pid": "A",
        "/var": "C",
        "/var/lib": "C",
        "/var/lib/own": "A",
        "/var/lib/own/state": "A",
        "/app": "C",
        "/app/cache.db": "A",
        "/etc": "C",
        "/etc/passwd": "C",
        "/usr/sbin/docker-init": "A",
        "/srv": "A",
        "/srv/service.py": "A",
        "/marker": "A",
    }
    folders = {"/run": ("nginx.pid",), "/var/lib": ("dpkg", "own"), "/app": ("main.py", "cache.db")}

    found = writes_of(changes, ["/srv/service.py"], folders.get)

    assert ("/run", "/var/lib/own") == found.tmpfs
    assert ("/app/cache.db", "/etc/passwd", "/marker") == found.shadowed


def test_what_becomes_another_user_in_production_hears_when_it_is_to_stop(
    tmp_path: Path,
) -> None:
    services = project_of(example(tmp_path / "athena"), "production").document["services"]

    found = {name: needs_of(body.get("image")) for name, body in services.items()}
    becoming = {name for name, needs in found.items() if needs is not None and needs.hands_over}
    assert {"postgres", "redis"} == becoming
    for name in becoming:
        body = services[name]
        assert not body.get("init") or "KILL" in body["cap_add"], name


def test_known_needs_are_docker_capabilities() -> None:
    assert all(set(needs.capabilities) <= set(DEFAULT_CAPABILITIES) for needs in KNOWN.values())
    assert KNOWN["postgres"] is needs_of("tranship-standin/postgres:18")
    assert needs_of("postgres-exporter:1") is None is needs_of(None)


LINES = (
    Line("api", ("ports",), Reset(), "published is the proxy"),
    Line("api", ("deploy", "resources", "limits", "pids"), 5, "no bombs"),
    Line("api", ("secrets",), ["a"], "hidden"),
    Line("api", ("secrets",), ["b"], "hidden"),
    Line("", ("networks", "edge"), None, "outside"),
)


def test_the_file_says_why_and_is_known_again(tmp_path: Path) -> None:
    text = overlay.text_of(LINES)
    path = tmp_path / "production.hardened.yaml"
    path.write_text(text)

    overlay.require_generated(path)
    overlay.require_generated(tmp_path / "none.yaml")
    read = yaml.safe_load(text.replace("!reset", ""))
    assert {"a", "b"} == set(read["services"]["api"]["secrets"])
    assert 5 == read["services"]["api"]["deploy"]["resources"]["limits"]["pids"]
    assert {"edge": None} == read["networks"]
    assert "    # published is the proxy\n    ports: !reset []\n" in text


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace("pids: 5", "pids: 6"), "was changed by hand"),
        (lambda text: text.split("\n", 1)[1], "was not written by inv docker.harden"),
    ],
)
def test_a_file_of_a_persons_own_is_left(
    tmp_path: Path, change: Callable[[str], str], what: str
) -> None:
    path = tmp_path / "production.hardened.yaml"
    path.write_text(change(overlay.text_of(LINES)))

    with pytest.raises(UsageError, match=what):
        overlay.require_generated(path)


def test_the_task_writes_nothing_over_a_file_of_a_persons_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inv: Callable[..., tuple[int, str, str]],
) -> None:
    import tranship

    (tmp_path / "pyproject.toml").write_text("[tool.tranship]\n")
    own = tmp_path / "own.yaml"
    own.write_text("services: {}\n")
    monkeypatch.chdir(tmp_path)
    program = Program(namespace=tranship.namespace(), version="0")

    code, _, said = inv(program, "docker.harden", "--output", "own.yaml")

    assert 2 == code
    assert "was not written by inv docker.harden, and stays as it is" in said
    assert "services: {}\n" == own.read_text()
