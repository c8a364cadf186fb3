"""How images reach the nodes: through a registry, or into their engines; and what refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tranship
from fakedocker import FakeDocker
from invoke.program import Program
from swarmed import source_of
from tranship.deployment.swarm import nodes as nodes_module
from tranship.deployment.swarm.images import full, pin
from tranship.deployment.swarm.nodes import Engine
from tranship.deployment.swarm.options import Options, options_of
from tranship.deployment.swarm.pushing import pinned
from tranship.deployment.swarm.translation import translate
from tranship.errors import EnvironmentFailed, SettingsError
from tranship.productionsettings import SwarmSettings

Inv = Callable[..., tuple[int, str, str]]
NEW, OLD, CACHE = (f"sha256:{letter * 64}" for letter in "abc")
FORM = "{{.Repository}}:{{.Tag}} {{.ID}}"
TWO, THREE = "ssh://me@node-2", "tcp://node-3:2376"


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def docker(fake_docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A project `shop` of an image of its own and one of others, built on a manager."""
    folder = tmp_path / "shop"
    folder.mkdir()
    services = {"web": {"image": "web", "build": "."}, "cache": {"image": "redis:8"}}
    (folder / "compose.yaml").write_text(json.dumps({"name": "shop", "services": services}))
    (folder / "pyproject.toml").write_text("[tool.tranship]\n")
    monkeypatch.chdir(folder)
    fake_docker.resolves_to({"name": "shop", "services": services})
    here(fake_docker, {"web:latest": NEW, "redis:8": CACHE})
    joined(fake_docker, "one", manages=True)
    fake_docker.answer("node", "ls", out="Ready one node-1\nReady two node-2\nDown old node-9\n")
    fake_docker.answer("tag")
    fake_docker.answer("save", out="an archive")
    fake_docker.answer("push", out="layers\n1: digest: sha256:feed size: 7\n")
    return fake_docker


def here(docker: FakeDocker, images: dict[str, str], *words: str) -> None:
    lines = "".join(f"{name} {found}\n" for name, found in images.items())
    docker.answer(*words, "image", "ls", out=lines)


def joined(docker: FakeDocker, node: str, *words: str, manages: bool = False) -> None:
    found = {"NodeID": node, "LocalNodeState": "active", "ControlAvailable": manages}
    docker.answer(*words, "info", out=json.dumps({"Swarm": found}))


def named(tmp_path: Path, **addresses: str) -> None:
    lines = "".join(f'{name.replace("_", "-")} = "{it}"\n' for name, it in addresses.items())
    table = f"[tool.tranship]\n[tool.tranship.swarm.nodes]\n{lines}"
    (tmp_path / "shop/pyproject.toml").write_text(table)


def test_the_registry_gets_the_images_that_are_built_here(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    code, out, err = inv(program, "swarm.push", "--registry", "hub:5000/shop/", "--tag", "1.4")

    assert code == 0, err
    assert ["hub:5000/shop/web:1.4", "sha256:feed"] == out.splitlines()[-1].split()
    assert [NEW, "hub:5000/shop/web:1.4"] == docker.called_with("tag")[0].argv[-2:]
    (pushed,) = docker.called_with("push")
    assert ["push", "hub:5000/shop/web:1.4"] == pushed.argv


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        (
            'Get "https://hub:5000/v2/": http: server gave HTTP response to HTTPS client',
            'It speaks plain HTTP: give it a certificate, or name it in "insecure-registries" of '
            "daemon.json, here and on every node.",
        ),
        (
            'Get "https://hub:5000/v2/": x509: certificate signed by unknown authority',
            "Put its CA into /etc/docker/certs.d/hub:5000/ca.crt, here and on every node.",
        ),
        ("no basic auth credentials", "`docker login hub:5000` first, and deploy with"),
        ("denied: requested access to the resource is denied", "`docker login hub:5000` first"),
        ("unauthorized: authentication required", "`docker login hub:5000` first"),
        (
            "dial tcp 10.0.0.9:5000: connect: connection refused",
            "Is hub:5000 a registry that this engine reaches?",
        ),
    ],
)
def test_a_registry_that_refuses_is_one_line_and_nothing_is_deployed(
    inv: Inv, program: Program, docker: FakeDocker, said: str, mend: str
) -> None:
    docker.answer("push", code=1, err=f"Error response from daemon: {said}\n")
    docker.answer("service", "ls")
    code, out, err = inv(program, "swarm.deploy", "--push", "--registry", "hub:5000")

    assert (4, "") == (code, out)
    assert f"Pushing hub:5000/web:latest failed: {said}. {mend}" in err.splitlines()[-1]
    assert [] == docker.called_with("stack")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("push",), 2, "Nothing says where images go. Name a registry with --registry, or the"),
        (("push", "--registry", "hub:5000", "--tag", "a b"), 2, "hub:5000/web:a b: no name of an"),
        (("push", "--registry", "hub:5000"), 4, "Not built on this engine: web. inv docker.build"),
    ],
)
def test_nothing_is_pushed(
    inv: Inv, program: Program, docker: FakeDocker, words: tuple[str, ...], code: int, said: str
) -> None:
    if code == 4:
        here(docker, {"redis:8": CACHE})
    docker.answer("tag", "web:a b", code=1, err="invalid reference format\n")
    docker.answer("tag", "hub:5000/web:a b", code=1, err="invalid reference format\n")
    found, out, err = inv(program, f"swarm.{words[0]}", *words[1:])

    assert (code, "") == (found, out)
    assert said in err.splitlines()[-1]
    assert [] == [call for call in docker.calls if "push" in call.argv]


def test_each_node_gets_what_it_lacks_and_others_go_on(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    named(tmp_path, node_2=TWO, node_3=THREE)
    joined(docker, "two", TWO)
    here(docker, {"web:latest": OLD, "redis:8": CACHE}, TWO)
    docker.answer(TWO, "load")
    refusal = "Cannot connect to the Docker daemon at tcp://node-3:2376. Is the docker daemon"
    docker.answer(THREE, code=1, err=f"{refusal} running?\n")
    code, out, err = inv(program, "swarm.push")

    assert (4, "") == (code, out)
    assert err.splitlines()[-1] == (
        "node-3 (tcp://node-3:2376): Cannot connect to the Docker daemon at tcp://node-3:2376. "
        "Start its engine, or mend its address in [tool.tranship.swarm.nodes]."
    )
    (saved,) = docker.called_with("save")
    assert ["save", f"web:latest-{'a' * 12}", "web:latest"] == saved.argv
    (loaded,) = docker.called_with("load")
    assert ["--host", TWO, "load", "--quiet"] == loaded.argv


def test_a_node_that_has_the_image_by_another_name_is_sent_nothing(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    named(tmp_path, node_2=TWO)
    joined(docker, "two", TWO)
    here(docker, {"web:latest": NEW, "redis:8": CACHE}, TWO)
    code, out, err = inv(program, "swarm.push")

    assert code == 0, err
    assert ["node-2", "nothing", "2"] == out.splitlines()[-1].split()
    assert [] == docker.called_with("save")
    (tagged,) = [call.argv for call in docker.called_with("tag") if TWO in call.argv]
    assert ["tag", NEW, f"web:latest-{'a' * 12}"] == tagged[-3:]


def test_who_is_in_the_swarm_and_not_in_settings_and_the_reverse_is_told(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    here(docker, {"web:latest": NEW})
    named(tmp_path, node_3=THREE)
    joined(docker, "three", THREE)
    here(docker, {}, THREE)
    docker.answer(THREE, "load")
    code, out, err = inv(program, "swarm.push")

    assert code == 0, err
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: redis:8: not on this engine; nodes that lack it pull it",
        "note: node-2: is in the Swarm and not in [tool.tranship.swarm.nodes]: "
        "no image was loaded there",
        "note: node-3: its engine is not in the Swarm",
    ]
    assert ["node-3", f"web:latest-{'a' * 12}", "0"] == out.splitlines()[-1].split()


@pytest.mark.parametrize(
    ("side", "said", "shown"),
    [
        ("load", "write /x: no space left on device", "no space left on device. Free some there"),
        ("save", "no such image: web", "docker save failed: no such image: web."),
    ],
)
def test_a_transfer_that_fails(
    inv: Inv,
    program: Program,
    docker: FakeDocker,
    tmp_path: Path,
    side: str,
    said: str,
    shown: str,
) -> None:
    named(tmp_path, node_2=TWO)
    joined(docker, "two", TWO)
    here(docker, {}, TWO)
    docker.answer(TWO, "load")
    docker.answer(side, code=1, err=f"Error response from daemon: {said}\n")
    code, _, err = inv(program, "swarm.push")

    assert code == 4
    assert err.splitlines()[-1].startswith(f"node-2 ({TWO}): ")
    assert shown in err.splitlines()[-1]


def test_a_transfer_that_stalls_and_an_engine_that_does_not_answer_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = {"save": "exec yes", "load": "exec sleep 60", "info": "exec sleep 60"}
    monkeypatch.setattr(
        Engine, "argv", lambda self, word, *more: ["sh", "-c", programs[word], word]
    )
    monkeypatch.setattr(nodes_module, "STALLED_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(EnvironmentFailed, match="the transfer stalled"):
        Engine("node-2", TWO).receive(Engine(), ["web"], lambda sent: None)
    with pytest.raises(EnvironmentFailed, match=r"no answer in 0\.1 s"):
        Engine("node-2", TWO).ask("info", seconds=0.1)
    assert time.monotonic() - began < 20


def test_what_is_loaded_has_a_name_that_stands_for_one_content(docker: FakeDocker) -> None:
    services: dict[str, Any] = {"web": {"image": "web", "build": "."}, "cache": {}}
    file = translate(source_of(services), Options(loaded=True, tag="2"))

    assert () == file.lines, "what is loaded is in no need of a registry"
    here(docker, {"web:2": NEW, "cache:1": CACHE})
    found = pinned(file).document["services"]
    assert [f"web:2-{'a' * 12}", "cache:1"] == [found[name]["image"] for name in ("web", "cache")]
    here(docker, {"web:1": OLD})
    assert "web:2" == pinned(file).document["services"]["web"]["image"]
    assert replace(file, loaded=False) == pinned(replace(file, loaded=False))


def test_a_deployment_that_a_node_lacks_an_image_for_is_not_begun(
    inv: Inv, program: Program, docker: FakeDocker, tmp_path: Path
) -> None:
    named(tmp_path, node_2=TWO, node_3=THREE)
    docker.answer("service", "ls")
    docker.answer("stack", "deploy", code=1, err="enough\n")
    here(docker, {"web:latest": OLD}, TWO)
    docker.answer(THREE, code=1, err="no route to host\n")
    code, out, err = inv(program, "swarm.deploy")

    assert (4, "") == (code, out)
    assert err.splitlines()[-1] == (
        f"node-2 lacks web:latest-{'a' * 12}. "
        "Bring it there: inv swarm.push, or inv swarm.deploy --push."
    )
    assert [] == docker.called_with("stack")

    here(docker, {f"web:latest-{'a' * 12}": NEW}, TWO)
    code, out, err = inv(program, "swarm.deploy")
    assert err.endswith("enough\n"), "a node that is down holds up nothing"
    assert ["--resolve-image", "never", "shop"] == docker.called_with("stack")[0].argv[-3:]


def test_the_last_words_of_ssh_are_what_is_told() -> None:
    said = (
        'error during connect: Get "http://docker.example.com/v1.50/info": command [ssh -T -- n] '
        "has exited with exit status 255, make sure the URL is valid, and Docker 18.09 or later is "
        "installed on the remote host: stderr=ssh: Could not resolve hostname n: Name unknown\n"
    )
    assert "ssh: Could not resolve hostname n: Name unknown" == nodes_module._telling(said)


def test_names() -> None:
    assert ["web:latest", "redis:8", "hub:5000/a/web:latest"] == [
        full(name) for name in ("web", "docker.io/library/redis:8", "hub:5000/a/web")
    ]
    assert f"hub:5000/web:1-{'a' * 12}" == pin("hub:5000/web:1", NEW)


def test_settings_of_the_nodes() -> None:
    nodes = {"node-2": TWO}
    assert options_of(SwarmSettings(nodes=nodes)).loaded
    assert not options_of(SwarmSettings(nodes=nodes), "hub:5000").loaded, "a registry comes first"
    with pytest.raises(SettingsError, match=r"\"node-2\": 'node-2' is no address of an engine"):
        options_of(SwarmSettings(nodes={"node-2": "node-2"}))
