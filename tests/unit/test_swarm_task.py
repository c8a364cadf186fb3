"""`inv swarm.*` on a command line: exit codes, what is said, and no secret shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tranship
import yaml
from fakedocker import FakeDocker
from invoke.program import Program

Inv = Callable[..., tuple[int, str, str]]
LABEL = "io.tranship.stack"


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def docker(fake_docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A project `shop` whose engine manages a Swarm that nothing is on."""
    folder = tmp_path / "shop"
    folder.mkdir()
    body = {
        "image": "web:1",
        "restart": "always",
        "environment": {"API_TOKEN": "geheim-token", "A": "1"},
        "security_opt": ["label:disable"],
    }
    services = {"web": body}
    (folder / "compose.yaml").write_text(json.dumps({"name": "shop", "services": services}))
    (folder / "pyproject.toml").write_text("[tool.tranship]\nstart-timeout = 20\n")
    monkeypatch.chdir(folder)
    fake_docker.resolves_to({"name": "shop", "services": services})
    swarm(fake_docker, "active", manages=True)
    fake_docker.answer("service", "ls")
    fake_docker.answer("node", "ls", out="n node-1\n")
    return fake_docker


def swarm(docker: FakeDocker, state: str, *, manages: bool = False) -> None:
    found = {"NodeID": "n", "LocalNodeState": state, "ControlAvailable": manages}
    docker.answer("info", out=json.dumps({"Swarm": found}))


def has_stack(docker: FakeDocker, label: str = "shop", running: int = 1) -> None:
    """Have a service on the Swarm with one task wanted."""
    spec: dict[str, Any] = {
        "Name": "shop_web",
        "Labels": {LABEL: label},
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}},
    }
    state = "running" if running else "rejected"
    task = {
        "ID": "t",
        "ServiceID": "s",
        "NodeID": "n",
        "CreatedAt": "2026",
        "DesiredState": "running" if running else "shutdown",
        "Spec": {"ContainerSpec": {"Image": "web:1"}},
        "Status": {"State": state, "Err": "" if running else "No such image: web:1"},
    }
    docker.answer("service", "ls", out="s\n")
    docker.answer("service", "ps", out="t\n")
    docker.answer("inspect", "service", out=json.dumps([{"ID": "s", "Spec": spec}]))
    docker.answer("inspect", "task", out=json.dumps([task]))


def test_a_dry_run_prints_the_file_with_the_secrets_hidden_and_asks_no_swarm(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    code, out, err = inv(program, "swarm.deploy", "--dry-run")

    assert code == 0, err
    assert "      API_TOKEN: '******'\n" in out
    assert "geheim" not in out + err
    assert err.startswith("not carried over: web: security_opt label:disable: ")
    assert [] == docker.called_with("info")


def test_strict_deploys_nothing_when_something_is_lost(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    code, out, err = inv(program, "swarm.deploy", "--strict")

    assert (2, "") == (code, out)
    assert err.endswith("--strict: 1 not carried over.\n")
    assert [] == docker.called_with("info")


def test_deploy_hands_over_a_file_and_no_secret_on_a_command_line(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    docker.answer("stack", "deploy", code=1, err="rpc error: something is wrong\n")
    code, _, err = inv(program, "swarm.deploy", "--name", "other", "--with-registry-auth")

    assert code == 4
    assert err.endswith("docker stack deploy failed: rpc error: something is wrong\n")
    (call,) = docker.called_with("deploy")
    options = ["--prune", "--resolve-image", "always", "--with-registry-auth", "other"]
    assert options == call.argv[-5:]
    assert [] == [it for it in docker.calls if "geheim" in str(it.argv)]
    assert not Path(call.argv[call.argv.index("--compose-file") + 1]).exists()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("inactive", "This engine is in no Swarm (inactive). `docker swarm init` makes it the"),
        ("active", "This engine is a worker of its Swarm. Name a manager by DOCKER_HOST"),
    ],
)
def test_an_engine_that_manages_no_swarm(
    inv: Inv, program: Program, docker: FakeDocker, state: str, said: str
) -> None:
    swarm(docker, state)
    for words in (
        ("deploy",),
        ("status",),
        ("remove",),
        ("scale", "--service", "web=2"),
        ("update", "web", "--force"),
        ("rollback", "web"),
    ):
        code, out, err = inv(program, f"swarm.{words[0]}", *words[1:])
        assert (4, "") == (code, out)
        assert said in err


def test_a_stack_that_tranship_did_not_deploy_is_left_alone(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    has_stack(docker, label="")
    for task in ("deploy", "remove"):
        code, _, err = inv(program, f"swarm.{task}")
        assert code == 4
        assert "that Tranship did not deploy (shop_web). Give another name with --name." in err
    assert [] == docker.called_with("stack")


def test_status(inv: Inv, program: Program, docker: FakeDocker) -> None:
    code, _, err = inv(program, "swarm.status")
    assert code == 4
    assert "No stack 'shop' is on this Swarm. inv swarm.deploy" in err

    has_stack(docker)
    code, out, err = inv(program, "swarm.status")
    assert code == 0, err
    assert ["web", "1/1", "node-1", "web:1", "running"] == out.splitlines()[-1].split()

    has_stack(docker, running=0)
    code, out, err = inv(program, "swarm.status")
    assert code == 4
    assert out.splitlines()[-1].endswith("stopped  No such image: web:1 (node node-1)")
    assert "Not as declared: web." in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("scale",), "No service. For example: inv swarm.scale --service web=3"),
        (("scale", "--service", "web"), "'web': write SERVICE=REPLICAS, such as web=3."),
        (("scale", "--service", "wbe=2"), "No service 'wbe' (did you mean 'web'?) in shop."),
        (("update", "web"), "Nothing to change. Give --image, or --force"),
        (("rollback", "wbe"), "No service 'wbe' (did you mean 'web'?) in shop."),
        (("status", "--name", "My Shop"), "'My Shop' is no name of a stack"),
        (("deploy", "--profile", "prd"), "No profile 'prd'. Profiles: none."),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_wrong_usage_is_one_line_and_changes_nothing(
    inv: Inv, program: Program, docker: FakeDocker, words: tuple[str, ...], said: str
) -> None:
    has_stack(docker)
    code, out, err = inv(program, f"swarm.{words[0]}", *words[1:])

    assert (2, "") == (code, out)
    assert said in err.splitlines()[-1]
    changing = {"deploy", "scale", "update", "rollback", "rm"}
    assert [] == [call.argv for call in docker.calls if changing & set(call.argv)]


def test_the_volumes_node_is_marked_once(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    mount = {"type": "volume", "source": "data", "target": "/data"}
    services = {"db": {"image": "db:1", "volumes": [mount]}}
    docker.resolves_to({"name": "shop", "services": services, "volumes": {"data": {}}})
    docker.answer("stack", "deploy", code=1, err="enough\n")
    docker.answer("node", "update")

    def marked(*nodes: dict[str, Any], wanted: str = "") -> str:
        text = f'[tool.tranship]\n[tool.tranship.swarm]\ndata-node = "{wanted}"\n'
        (tmp_path / "shop/pyproject.toml").write_text(text)
        docker.answer("inspect", "node", out=json.dumps(nodes))
        return inv(program, "swarm.deploy")[2].splitlines()[-1]

    bare = {"ID": "n", "Spec": {"Labels": {}}}
    there = {"ID": "n", "Spec": {"Labels": {"io.tranship.data.shop": "true"}}}
    assert marked(bare).endswith("enough")
    assert ["--label-add", "io.tranship.data.shop=true", "n"] == docker.called_with("update")[
        0
    ].argv[-3:]
    assert marked(there).endswith("enough")
    assert 1 == len(docker.called_with("update"))
    assert marked(bare, wanted="node-2").startswith("No node 'node-2' (did you mean 'node-1'?)")
    assert marked(there, wanted="node-2").startswith("The volumes of shop are on node node-1, and")


def test_a_deployment_keeps_the_count_of_a_service_with_a_policy(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    # The file is gone when the command has ended: this docker keeps it.
    kept = tmp_path / "kept.yaml"
    docker.answer("stack", "deploy", code=1, err="enough\n")
    command = docker.folder / "docker"
    copy = f'for word in "$@"; do case "$word" in */stack.yaml) cp "$word" {kept} ;; esac; done\n'
    command.write_text(command.read_text().replace("exec", f"{copy}exec"))
    has_stack(docker)

    def deployed(policy: str, tasks: int) -> object:
        (tmp_path / "shop/pyproject.toml").write_text(f"[tool.tranship]\n{policy}")
        spec = {"Name": "shop_web", "Labels": {LABEL: "shop"}}
        mode = {"Mode": {"Replicated": {"Replicas": tasks}}}
        template = {"TaskTemplate": {"ContainerSpec": {"Image": "web:1"}}}
        found = [{"ID": "s", "Spec": {**spec, **mode, **template}}]
        docker.answer("inspect", "service", out=json.dumps(found))
        assert inv(program, "swarm.deploy")[2].endswith("enough\n")
        return yaml.safe_load(kept.read_text())["services"]["web"]["deploy"].get("replicas")

    policy = '[tool.tranship.autoscale.web]\nfigure = "cpu"\ntarget = 1\nmin = 2\nmax = 5\n'
    assert 4 == deployed(policy, 4)
    assert None is deployed(policy, 6)
    assert None is deployed(policy, 1)
    assert None is deployed("", 4)
