"""What keeps runs apart: documents, ports, folders and locks."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tranship.errors import EnvironmentFailed
from tranship.stack import isolation
from tranship.stack.engine import _unescaped
from tranship.stack.interpolation import Given, interpolate
from tranship.stack.isolation import Run, free_ports, isolated, write_private
from tranship.stack.model import parse

RUN = Run("abc123", "c0ffee00", Path("/state/runs/abc123"))
LABELS = {isolation.LABEL_CHECKOUT: "c0ffee00", isolation.LABEL_RUN: "abc123"}


def apart(
    document: dict[str, Any], ports: dict[tuple[str, int], int] | None = None
) -> isolation.Isolated:
    document = {"name": "athena", **document}
    stack = parse(document, [Path("/p/compose.yaml")], confirmed=True)
    before = copy.deepcopy(document)
    made = isolated(document, stack, RUN, ports or {})
    assert before == document, "the document that was given is left as it was"
    return made


def service(body: dict[str, Any], **ports: int) -> dict[str, Any]:
    numbers = {("api", int(name[1:])): port for name, port in ports.items()}
    found: dict[str, Any] = apart({"services": {"api": body}}, numbers).document["services"]["api"]
    return found


def test_the_project_and_every_container_bear_the_runs_names() -> None:
    made = apart({"services": {"api": {"container_name": "fixed", "labels": {"own": "1"}}}})

    assert "tranship-c0ffee00-abc123" == made.document["name"]
    assert "container_name" not in made.document["services"]["api"]
    assert {"own": "1", **LABELS} == made.document["services"]["api"]["labels"]
    assert () == made.notes


def on_loopback(target: int, published: str | None = None, protocol: str = "tcp") -> dict[str, Any]:
    entry = {"target": target, "host_ip": "127.0.0.1", "protocol": protocol}
    return entry if published is None else {**entry, "published": published}


@pytest.mark.parametrize(
    ("declared", "chosen", "expected"),
    [
        ([{"target": 80, "published": "80"}], {"p80": 20001}, [on_loopback(80, "20001")]),
        (
            [{"target": 80, "published": "80"}, {"target": 80, "published": "8080"}],
            {"p80": 20001},
            [on_loopback(80, "20001")],
        ),
        ([{"target": 80, "published": "80"}], {}, [on_loopback(80)]),
        (
            [{"target": 53, "published": "53", "protocol": "udp"}],
            {"p53": 20001},
            [on_loopback(53, None, "udp"), on_loopback(53, "20001")],
        ),
        ([], {"p80": 20001}, [on_loopback(80, "20001")]),
        ([], {}, []),
    ],
)
def test_ports_are_the_runs_own(
    declared: list[Any], chosen: dict[str, int], expected: list[Any]
) -> None:
    assert expected == service({"ports": declared}, **chosen)["ports"]


@pytest.mark.parametrize(
    ("mode", "notes"),
    [("host", 1), ("service:web", 0), ("container:x", 0)],
)
def test_a_shared_network_has_no_ports(mode: str, notes: int) -> None:
    made = apart({"services": {"api": {"network_mode": mode, "ports": [{"target": 80}]}}})

    assert "ports" not in made.document["services"]["api"]
    assert notes == len(made.notes)


def test_fixed_addresses_go() -> None:
    networks = {
        "front": {"ipv4_address": "10.0.0.2", "mac_address": "02:42:ac:11:00:03", "aliases": ["a"]},
        "back": None,
    }

    expected = {"front": {"aliases": ["a"]}, "back": None}

    assert expected == service({"networks": networks})["networks"]


def test_anonymous_volumes_get_a_name_and_with_it_the_labels() -> None:
    anonymous = {"type": "volume", "target": "/scratch"}
    bound = {"type": "bind", "source": "/a", "target": "/b"}
    made = apart(
        {
            "services": {
                "api": {"volumes": [bound, anonymous]},
                "many": {"volumes": [anonymous], "deploy": {"replicas": 2}},
            }
        }
    )

    name = "anonymous-api-1"
    assert [bound, {**anonymous, "source": name}] == made.document["services"]["api"]["volumes"]
    assert [anonymous] == made.document["services"]["many"]["volumes"], "each is to have its own"
    assert {name: {"labels": LABELS}} == made.document["volumes"]


def test_networks_and_volumes_are_the_runs_own() -> None:
    made = apart(
        {
            "services": {"api": {}},
            "networks": {
                "default": {
                    "name": "athena_default",
                    "ipam": {"config": [{"subnet": "10.0.0.0/8"}]},
                },
                "shared": {"name": "corporate", "external": True, "labels": {"own": "1"}},
                "bridge": {
                    "driver": "bridge",
                    "driver_opts": {"com.docker.network.bridge.name": "br7", "mtu": "1400"},
                },
            },
            "volumes": {
                "data": None,
                "kept": {"name": "production-data", "external": True},
                "bound": {
                    "driver": "local",
                    "driver_opts": {"type": "none", "o": "bind", "device": "/srv/data"},
                },
            },
        }
    )

    assert {
        "default": {"labels": LABELS},
        "shared": {"labels": {"own": "1", **LABELS}},
        "bridge": {"driver": "bridge", "driver_opts": {"mtu": "1400"}, "labels": LABELS},
    } == made.document["networks"]
    assert {
        "data": {"labels": LABELS},
        "kept": {"labels": LABELS},
        "bound": {"driver": "local", "labels": LABELS},
    } == made.document["volumes"]
    assert (
        "network shared: external; the run has an own, empty one instead",
        "volume kept: external; the run has an own, empty one instead",
        "volume bound: tied to /srv/data; the run has an own one",
    ) == made.notes


def test_what_is_built_has_a_name_of_the_checkout_and_what_is_pulled_keeps_its_own() -> None:
    services = apart(
        {
            "services": {
                "api": {
                    "image": "athena-services",
                    "build": {"context": ".", "labels": {"own": "1"}, "tags": ["athena:latest"]},
                },
                "worker": {"image": "athena-services"},
                "unnamed": {"build": {"context": "."}},
                "db": {"image": "postgres:17"},
            }
        }
    ).document["services"]

    assert {
        "api": "tranship-c0ffee00/athena-services",
        "worker": "tranship-c0ffee00/athena-services",
        "unnamed": "tranship-c0ffee00/athena-unnamed",
        "db": "postgres:17",
    } == {name: body.get("image") for name, body in services.items()}
    assert {
        "context": ".",
        "labels": {"own": "1", isolation.LABEL_CHECKOUT: "c0ffee00"},
    } == services["api"]["build"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("athena", "tranship-c/athena"),
        ("ghcr.io/Org/App:1.2", "tranship-c/ghcr.io-org-app-1.2"),
        ("app@sha256:00", "tranship-c/app"),
    ],
)
def test_image_names(image: str, expected: str) -> None:
    assert expected == isolation.own_image_name(image, "c")


@pytest.mark.parametrize("text", ["corr3ct$battery", "$HOME", "$$", "${A:-b}", "a #b", 'q"\\\n☃'])
def test_a_dollar_arrives_as_it_was_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "compose.json"

    isolation.write_compose_file({"a": [{"b": text}], "n": 1, "none": None}, path)

    read = json.loads(path.read_text())
    assert {"a": [{"b": text}], "n": 1, "none": None} == _unescaped(read)
    leaked = {name: Given("leaked") for name in ("HOME", "A")}

    assert text == interpolate(read["a"][0]["b"], leaked)[0]


def test_a_checkout_is_named_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    assert isolation.checkout_id(tmp_path) == isolation.checkout_id(tmp_path / "link")
    assert isolation.checkout_id(tmp_path) != isolation.checkout_id(tmp_path / "other")


def test_the_ports_that_the_host_must_dial() -> None:
    services = parse(
        {
            "services": {
                "a": {"ports": [{"target": 80}, {"target": 53, "protocol": "udp"}]},
                "b": {"x-tranship": {"health": {"tcp": True, "port": 9}}},
                "c": {"ports": [{"target": 1}], "x-tranship": {"health": {"tcp": True}}},
                "d": {"expose": ["7"]},
            }
        },
        [],
        confirmed=True,
    ).services.values()

    assert (("a", 80), ("b", 9), ("c", 1)) == isolation.dialled_ports(services)


def locked(port: int) -> bool:
    path = Path(tempfile.gettempdir()) / f"tranship-ports-{os.getuid()}" / str(port)
    if not path.exists():
        return False
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_free_ports_are_locked_while_they_are_held_and_released_after() -> None:
    wanted = [("a", 80), ("b", 80), ("c", 1)]
    with free_ports(wanted) as first, free_ports(wanted) as second:
        ports = [*first.values(), *second.values()]
        assert wanted == list(first)
        assert 6 == len(set(ports))
        assert [True] * 6 == [locked(port) for port in ports]
        assert [True] * 6 == [isolation.can_bind(port) for port in ports]

    assert [False] * 6 == [locked(port) for port in ports]


def test_ports_are_released_when_the_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), free_ports([("a", 80)]) as chosen:
        raise ZeroDivisionError

    assert not locked(chosen["a", 80])


def test_a_port_that_is_listened_on_or_held_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with free_ports([("busy", 1)]) as found:
        busy = found["busy", 1]
    monkeypatch.setattr(isolation, "_PORTS", range(busy, busy + 1))
    with free_ports([("held", 1)]) as chosen:
        assert {("held", 1): busy} == chosen
        with pytest.raises(EnvironmentFailed, match="No free port"), free_ports([("a", 1)]):
            pass
    with socket.create_server(("127.0.0.1", busy)):
        assert not isolation.can_bind(busy)
        with pytest.raises(EnvironmentFailed, match="No free port"), free_ports([("a", 1)]):
            pass
    assert not locked(busy)


def test_a_run_has_a_folder_of_its_own_and_is_alive_while_its_block_runs(tmp_path: Path) -> None:
    runs = tmp_path / "state/runs"
    assert ((), ()) == (isolation.dead_runs(tmp_path, runs), isolation.live_runs(tmp_path, runs))

    with isolation.new_run(tmp_path, runs) as first, isolation.new_run(tmp_path, runs) as second:
        assert first.id != second.id
        assert runs / first.id == first.directory
        assert 0o711 == stat.S_IMODE(first.directory.stat().st_mode)
        described = json.loads((first.directory / "run.json").read_text())
        assert {"id": first.id, "pid": os.getpid()} == described
        assert {first, second} == set(isolation.live_runs(tmp_path, runs))
        assert () == isolation.dead_runs(tmp_path, runs)

    assert {first, second} == set(isolation.dead_runs(tmp_path, runs))
    assert () == isolation.live_runs(tmp_path, runs)


def test_a_run_that_was_killed_is_dead_and_its_folder_is_found(tmp_path: Path) -> None:
    source = (
        "import sys\nfrom pathlib import Path\nfrom tranship.stack import isolation\n"
        "root = Path(sys.argv[1])\n"
        "with isolation.new_run(root, root / 'runs') as run:\n"
        "    print(run.id, flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        alive = isolation.live_runs(tmp_path, tmp_path / "runs")
        child.send_signal(signal.SIGKILL)
        child.wait()

    run = Run(name, isolation.checkout_id(tmp_path), tmp_path / "runs" / name)
    assert (run,) == alive
    assert (run,) == isolation.dead_runs(tmp_path, tmp_path / "runs")
    assert () == isolation.live_runs(tmp_path, tmp_path / "runs")


def test_a_folder_without_a_lock_is_a_run_that_died(tmp_path: Path) -> None:
    (tmp_path / "runs/aaa").mkdir(parents=True)
    (tmp_path / "runs/file").touch()

    assert ["aaa"] == [run.id for run in isolation.dead_runs(tmp_path, tmp_path / "runs")]


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/secret"

    write_private(path, "geheim ☃\n")

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert "geheim ☃\n" == path.read_text("utf-8")


def test_a_private_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("before")
    path.chmod(0o644)

    with pytest.raises(UnicodeEncodeError):
        write_private(path, "half\ud800")
    assert ("before", ["secret"]) == (path.read_text(), [item.name for item in tmp_path.iterdir()])

    write_private(path, "after")
    assert ("after", 0o600) == (path.read_text(), stat.S_IMODE(path.stat().st_mode))
    assert ["secret"] == [item.name for item in tmp_path.iterdir()]
