"""What becomes of each key of a compose file in a stack file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from exported import ROOT, SECRETS, example, project_of
from swarmed import source_of, translated
from tranship.deployment.swarm import rendering
from tranship.deployment.swarm.options import Options, options_of, stack_name
from tranship.deployment.swarm.sources import name_key
from tranship.deployment.swarm.sources import source_of as opened_source
from tranship.deployment.swarm.translation import translate
from tranship.errors import ComposeFileError, SettingsError, UsageError
from tranship.settings import SwarmSettings

DOCKER = shutil.which("docker")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cap_drop", ["ALL"]),
        ("cap_add", ["NET_BIND_SERVICE"]),
        ("read_only", True),
        ("init", True),
        ("user", "1000:1000"),
        ("hostname", "web"),
        ("command", ["serve", "8000"]),
        ("logging", {"driver": "json-file", "options": {"max-size": "1m"}}),
        ("stop_grace_period", "3s"),
        ("sysctls", {"net.core.somaxconn": "1"}),
        ("ulimits", {"nofile": {"soft": 10, "hard": 20}}),
        ("healthcheck", {"test": ["CMD", "true"], "start_interval": "100ms"}),
        ("environment", {"A": "1"}),
    ],
)
def test_a_key_that_is_kept(key: str, value: object) -> None:
    service, found = translated({key: value})

    assert value == service[key]
    assert () == found.lines


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"security_opt": ["no-new-privileges:true"]}, "security_opt no-new-privileges:true: "),
        ({"privileged": True}, "privileged: a Swarm runs no privileged task"),
        ({"network_mode": "host"}, "network_mode host: tasks are on overlay networks"),
        ({"devices": ["/dev/fuse"]}, "devices: give generic_resources"),
        ({"group_add": ["1000"]}, "group_add: "),
        ({"memswap_limit": "1g"}, "memswap_limit 1g: swap is the node's matter"),
        ({"cpuset": "0"}, "cpuset 0: no CPUs are pinned"),
        ({"new_key": 1}, "new_key: no place in a stack file"),
        (
            {"extra_hosts": ["host.docker.internal=host-gateway"]},
            "extra_hosts host.docker.internal",
        ),
        ({"tmpfs": ["/tmp:mode=1777"]}, "tmpfs /tmp: mode=1777: a Swarm takes a size alone"),
        ({"networks": {"default": {"ipv4_address": "10.0.0.2"}}}, "networks.default.ipv4_address"),
        (
            {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}},
            "deploy.resources.reservations.devices",
        ),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_a_swarm_cannot_do_is_told_and_left_out(body: dict[str, Any], line: str) -> None:
    service, found = translated(body)

    assert 1 == found.lost
    assert found.lines[0].startswith(f"not carried over: web: {line}")
    kept = {"image", "networks", "deploy", "volumes"}
    assert set(service) <= kept, "Swarm ignores or refuses the rest"


def test_what_is_done_in_another_way_is_a_note() -> None:
    body = {
        "container_name": "web-1",
        "depends_on": {"db": {"condition": "service_healthy"}},
        "x-tranship": {"health": {"http": "/"}},
        "profiles": [],
        "pull_policy": "never",
        "expose": ["80"],
    }
    service, found = translated(body)

    assert 0 == found.lost
    assert [
        "note: web: container_name: tasks have names of their own; dial the service",
        "note: web: depends_on: a Swarm starts all at once; restart what ends too early",
    ] == list(found.lines)
    assert {"image", "networks", "deploy"} == set(service)
    assert "name" not in found.document


@pytest.mark.parametrize(
    ("policy", "job", "expected"),
    [
        ("no", False, {"condition": "none"}),
        ("always", False, {"condition": "any"}),
        ("unless-stopped", False, {"condition": "any"}),
        ("on-failure", False, {"condition": "on-failure"}),
        ("on-failure:3", False, {"condition": "on-failure", "max_attempts": 3}),
        ("always", True, {"condition": "on-failure"}),
    ],
)
def test_restart(policy: str, job: bool, expected: dict[str, Any]) -> None:
    jobs = frozenset({"web"} if job else ())
    service, _ = translated({"restart": policy}, jobs=jobs)

    assert expected == service["deploy"]["restart_policy"]


def test_a_restart_policy_of_deploy_wins_and_a_wrong_word_is_refused() -> None:
    policy = {"condition": "on-failure", "delay": "1s"}
    service, _ = translated({"restart": "always", "deploy": {"restart_policy": policy}})
    assert policy == service["deploy"]["restart_policy"]
    with pytest.raises(ComposeFileError, match="restart: 'sometimes' is unknown"):
        translated({"restart": "sometimes"})


def test_limits_of_both_kinds() -> None:
    body: dict[str, Any] = {
        "mem_limit": "268435456",
        "mem_reservation": "64m",
        "cpus": 0.5,
        "pids_limit": 100,
    }
    service, _ = translated(body)
    assert {
        "limits": {"cpus": "0.5", "memory": "268435456", "pids": 100},
        "reservations": {"memory": "64m"},
    } == service["deploy"]["resources"]

    body["deploy"] = {"resources": {"limits": {"cpus": 2, "memory": "1g"}}}
    body["pids_limit"] = -1
    service, _ = translated(body)
    assert {"cpus": "2", "memory": "1g"} == service["deploy"]["resources"]["limits"]


def test_a_service_with_a_named_volume_stays_on_its_node() -> None:
    mount = {"type": "volume", "source": "data", "target": "/data", "volume": {}}
    volumes = {"data": {"name": "shop_data"}}
    service, found = translated({"volumes": [mount]}, volumes=volumes)

    assert ["node.labels.io.tranship.data.shop == true"] == service["deploy"]["placement"][
        "constraints"
    ]
    assert ("web",) == found.data
    assert {"data": {}} == found.document["volumes"]
    assert "stop-first" == service["deploy"]["update_config"]["order"]

    own = {"placement": {"constraints": ["node.hostname == a"]}, "replicas": 2}
    service, found = translated({"volumes": [mount], "deploy": own}, volumes=volumes)
    assert own["placement"] == service["deploy"]["placement"]
    assert ("note: web: replicas: 2 tasks write the same volume",) == found.lines

    service, found = translated({"volumes": [{**mount, "read_only": True}]}, volumes=volumes)
    assert "placement" not in service["deploy"]


def test_updates_go_back_by_themselves() -> None:
    service, _ = translated({"deploy": {"update_config": {"parallelism": 2}}})
    update = service["deploy"]["update_config"]

    assert {
        "parallelism": 2,
        "order": "start-first",
        "monitor": "10s",
        "failure_action": "rollback",
    } == update
    assert "failure_action" not in service["deploy"]["rollback_config"]

    job, _ = translated({}, jobs=frozenset({"web"}))
    assert "replicated-job" == job["deploy"]["mode"]
    assert not {"update_config", "rollback_config"} & set(job["deploy"]), "Swarm refuses them"


def test_ports() -> None:
    ports = [
        {"target": 80, "published": "8080", "protocol": "tcp"},
        {"target": 81, "published": "8081", "host_ip": "127.0.0.1"},
        {"target": 82, "published": "8082-8083"},
    ]
    service, found = translated({"ports": ports})

    assert [{"target": 80, "protocol": "tcp", "mode": "ingress", "published": 8080}] == service[
        "ports"
    ]
    assert "port 8081 on 127.0.0.1: a Swarm would publish it on all addresses" in found.lines[0]
    assert 2 == found.lost
    service, _ = translated({"ports": ports}, Options(publish="host", endpoint="dnsrr"))
    assert "host" == service["ports"][0]["mode"]
    assert "dnsrr" == service["deploy"]["endpoint_mode"]
    assert "stop-first" == service["deploy"]["update_config"]["order"], "a port has one owner"


def test_networks_reach_over_all_nodes() -> None:
    networks = {
        "default": {"name": "shop_default", "ipam": {}},
        "back": {"name": "shop_back", "internal": True, "driver": "bridge"},
        "old": {"name": "other_net", "external": True},
        "unused": {},
    }
    body = {"networks": {"default": None, "back": {"aliases": ["shop"]}, "old": None}}
    service, found = translated(body, networks=networks)

    assert {
        "back": {"driver": "overlay", "internal": True},
        "default": {"driver": "overlay"},
        "old": {"external": True, "name": "other_net"},
    } == found.document["networks"]
    assert {"default": {}, "back": {"aliases": ["shop"]}, "old": {}} == service["networks"]


def test_memory_that_is_mounted() -> None:
    service, _ = translated({"tmpfs": ["/run", "/tmp:size=64m,noexec"], "shm_size": "67108864"})

    assert [
        {"type": "tmpfs", "target": "/run"},
        {"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 64 << 20}},
        {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 64 << 20}},
    ] == service["volumes"]


def test_a_mounted_file_becomes_a_config_and_with_a_secret_in_it_a_secret(tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("level = 1\n")
    (tmp_path / "app.conf").chmod(0o755)
    (tmp_path / "key.conf").write_text("key = geheim-key\n")
    (tmp_path / "empty").mkdir()
    mounts = [
        {"type": "bind", "source": str(tmp_path / name), "target": f"/etc/{name}", "read_only": on}
        for name, on in (("app.conf", True), ("key.conf", True), ("empty", True), ("log", False))
    ]
    hidden = frozenset({"geheim-key"})
    service, found = translated({"volumes": mounts}, base=tmp_path, hidden=hidden)

    (config,), (secret,) = service["configs"], service["secrets"]
    assert ("/etc/app.conf", 0o555) == (config["target"], config["mode"])
    assert "/etc/key.conf" == secret["target"]
    assert ["/etc/empty", "/etc/log"] == [item["target"] for item in service["volumes"]]
    assert [
        "not carried over: web: volumes: empty at /etc/empty: has to be there on every node "
        "(a folder, or too large for a config)",
        "not carried over: web: volumes: log at /etc/log: has to be there on every node "
        "(the service writes it)",
    ] == list(found.lines)
    with rendering.written(found) as path:
        assert 0 == path.stat().st_mode & 0o077
        assert 0 == path.parent.stat().st_mode & 0o077
        held = sorted(it.read_text() for it in path.parent.iterdir() if it != path)
        assert ["key = geheim-key\n", "level = 1\n"] == held
    assert not path.parent.exists()


def test_secrets_and_configs_have_another_name_once_their_content_is_another(
    tmp_path: Path,
) -> None:
    body = {"secrets": ["key"], "configs": [{"source": "app", "target": "/app", "mode": "0440"}]}
    top: dict[str, Any] = {
        "secrets": {"key": {"environment": "KEY"}},
        "configs": {"app": {"content": "a"}},
    }

    def names(key: bytes = b"", value: str = "v") -> tuple[str, str]:
        _, found = translated(body, Options(key=key), variables={"KEY": value}, **top)
        return (
            found.document["secrets"]["key"]["name"],
            found.document["configs"]["app"]["name"],
        )

    service, _ = translated(body, variables={"KEY": "v"}, **top)
    assert [{"source": "app", "target": "/app", "mode": 0o440}] == service["configs"]
    assert names() == names()
    assert names() != names(value="w")
    assert names()[1] == names(value="w")[1]
    # Without the key, which stays here, nobody can try what gives a name.
    assert names()[0] != names(key=b"k")[0]
    key = name_key(tmp_path / "swarm" / "key")
    assert key == name_key(tmp_path / "swarm" / "key")
    assert 0 == (tmp_path / "swarm" / "key").stat().st_mode & 0o077

    there = {"secrets": {"key": {"external": True, "name": "team_key"}}}
    _, found = translated({"secrets": ["key"]}, **there)
    assert {"key": {"name": "team_key", "external": True}} == found.document["secrets"]


@pytest.mark.parametrize(
    ("body", "top", "said"),
    [
        (
            {"secrets": ["key"]},
            {"secrets": {"key": {"file": "gone"}}},
            "secrets.key: gone: No such",
        ),
        (
            {"secrets": ["key"]},
            {"secrets": {"key": {"environment": "K"}}},
            "variable K has no value",
        ),
        ({"configs": ["c"]}, {"configs": {"c": {"content": ""}}}, "configs.c: is empty"),
        ({"configs": ["c"]}, {"configs": {"c": {"content": "x" * 500_001}}}, "500,001 bytes"),
        ({"shm_size": "much"}, {}, "'much' is no size of memory"),
        ({"volumes": [3]}, {}, "services.web: cannot be read"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_no_stack_file_can_be_made_of(
    body: dict[str, Any], top: dict[str, Any], said: str
) -> None:
    with pytest.raises(ComposeFileError, match=said):
        translated(body, **top)


def test_own_images_need_a_registry() -> None:
    built = {"build": {"context": "."}}
    service, found = translated(built)
    assert "shop-web:latest" == service["image"]
    assert 1 == found.lost
    assert "name one with --registry" in found.lines[0]

    service, found = translated(built, Options(registry="registry:5000/shop", tag="1.4"))
    assert "registry:5000/shop/shop-web:1.4" == service["image"]
    assert () == found.lines
    service, _ = translated({**built, "image": "old.host/web:2"}, Options(registry="new:5000"))
    assert "new:5000/web:2" == service["image"]
    service, _ = translated({}, Options(registry="new:5000", tag="9"))
    assert "web:1" == service["image"], "others keep their names"
    with pytest.raises(ComposeFileError, match="neither `image:` nor `build:`"):
        translated({"image": ""})


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(SettingsError, match='publish = "host" too'):
        options_of(SwarmSettings(endpoint="dnsrr"))
    with pytest.raises(SettingsError, match="'10' is no duration"):
        options_of(SwarmSettings(monitor="10"))
    with pytest.raises(UsageError, match="no name of a stack"):
        stack_name("My Shop")


@pytest.mark.skipif(DOCKER is None, reason="there is no docker command here")
def test_docker_accepts_the_example_in_production(tmp_path: Path) -> None:
    project = project_of(example(tmp_path / "athena"), "production")
    options = Options(registry="registry:5000/athena", tag="1.4")
    found = translate(opened_source(project, "athena"), options)

    with rendering.written(found) as path:
        done = subprocess.run(
            ["docker", "stack", "config", "--compose-file", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (0, "") == (done.returncode, done.stderr)
    handed = done.stdout + "".join((it.content or b"").decode() for it in found.contents)
    assert [] == [secret for secret in SECRETS if secret not in handed]
    # Those of the stores are in files, and in no variable.
    assert ["geheim-postgres"] == [secret for secret in SECRETS if secret not in done.stdout]
    shown = rendering.shown(found, project.hidden)
    assert [] == [secret for secret in SECRETS if secret in shown]
    page = (ROOT / "docs/swarm.md").read_text()
    assert [] == [line for line in found.lines if line not in page]


@pytest.mark.skipif(DOCKER is None, reason="there is no docker command here")
def test_docker_accepts_every_key_that_is_made(tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("$HOME")
    bind = {"type": "bind", "source": str(tmp_path / "app.conf"), "target": "/a", "read_only": True}
    volume = {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}}
    everything = {
        "environment": {"PRICE": "$5 ${HOME}"},
        "tmpfs": ["/tmp:size=64m"],
        "shm_size": "64m",
        "volumes": [bind, volume, {**bind, "read_only": False}],
        "ports": [{"target": 80, "published": "80"}],
        "networks": {"default": {"aliases": ["a"]}},
        "extra_hosts": ["db=10.0.0.1"],
        "mem_limit": "1g",
        "cpus": 0.5,
        "pids_limit": 9,
        "scale": 2,
        "healthcheck": {"test": ["CMD", "true"], "start_interval": "1s"},
    }
    source = source_of(
        {"web": everything, "job": {"restart": "on-failure:2"}},
        tmp_path,
        jobs=frozenset({"job"}),
        networks={"default": {"internal": True}},
    )
    found = translate(source, Options(publish="host", endpoint="dnsrr"))

    with rendering.written(found) as path:
        done = subprocess.run(
            ["docker", "stack", "config", "--compose-file", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (0, "") == (done.returncode, done.stderr)
    assert "$5 ${HOME}" in done.stdout, "variables are not filled in again"
    assert "db:10.0.0.1" in done.stdout
