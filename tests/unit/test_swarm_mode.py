"""The mode swarm without an engine: what is deployed, where it is dialled, what was lost."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import pytest
from reported import hostile
from tranship import batches
from tranship.comparison import levels
from tranship.comparison.bisect import run as bisection
from tranship.comparison.diff import compare
from tranship.comparison.options import modes_of
from tranship.comparison.tables import render
from tranship.deployment.swarm.engine import Manager
from tranship.deployment.swarm.options import Options
from tranship.deployment.swarm.translation import translate
from tranship.deployment.swarm.trying import document as documents
from tranship.deployment.swarm.trying import opening, tasks
from tranship.deployment.swarm.trying.mode import SwarmMode
from tranship.errors import EnvironmentFailed, UsageError
from tranship.modes import swarmstacks
from tranship.modes.base import Address, ServiceProcess
from tranship.modes.levels import ServiceLevel, watched
from tranship.settings import Settings
from tranship.stack.model import Health, Port, Service, parse
from tranship.stack.probenetwork import NETWORK
from tranship.trials import asking, record, watching
from tranship.trials.record import Trial

DOCUMENT: dict[str, Any] = {
    "name": "tranship-a-b",
    "services": {
        "web": {
            "image": "tranship-a/web",
            "networks": {"default": None, NETWORK: None},
            "ports": [{"target": 80, "host_ip": "127.0.0.1", "published": "21000"}],
        },
        "db": {
            "image": "postgres:17",
            "networks": {"default": None},
            "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
        },
        "tests": {
            "image": "tranship-a/tests",
            "build": {"context": "."},
            "profiles": ["test"],
            "depends_on": {"web": {"condition": "service_started"}},
            "networks": {"default": None},
            "volumes": [{"type": "bind", "source": "/srv", "target": "/project"}],
        },
    },
    "networks": {"default": {}, NETWORK: {"driver": "bridge"}},
    "volumes": {"data": {"labels": {"run": "b"}}},
}


def service(name: str, kind: str = "http", *ports: Port) -> Service:
    stack = parse({"services": {name: {"image": "x"}}}, (Path("compose.yaml"),), confirmed=True)
    health = Health(cast(Any, kind), 80, "/health")
    return replace(stack.services[name], health=health, ports=ports)


def test_only_what_the_compose_file_opens_to_all_is_published_under_the_runs_ports() -> None:
    declared = {
        "services": {
            "web": {"ports": [{"target": 80}, {"target": 53, "protocol": "udp"}]},
            "db": {"ports": [{"target": 5432, "host_ip": "127.0.0.1", "published": "5432"}]},
        }
    }
    opened = documents.opened_ports(declared, ["web", "db"])
    assert (("web", 80),) == opened

    found = documents.deployed(json.loads(json.dumps(DOCUMENT)), {("web", 80): 23456}, {})

    assert [{"target": 80, "published": "23456", "protocol": "tcp"}] == found["services"]["web"][
        "ports"
    ]
    assert [] == found["services"]["db"]["ports"]
    assert {"default": {"attachable": True}} == found["networks"], "no network for probes"
    assert {"default"} == set(found["services"]["web"]["networks"])


def test_with_a_registry_images_keep_the_name_that_it_knows() -> None:
    copied = json.loads(json.dumps(DOCUMENT))
    found = documents.deployed(copied, {}, {"web": "shop-web"})
    images = {name: body["image"] for name, body in found["services"].items()}
    assert ("shop-web", "postgres:17") == (images["web"], images["db"])


def test_the_suite_runs_alone_in_the_networks_of_the_stack() -> None:
    found = documents.beside(DOCUMENT, "tests")

    assert {"default": {"external": True, "name": "tranship-a-b_default"}} == found["networks"]
    assert {"tests"} == set(found["services"])
    assert {"image", "networks", "volumes"} == set(found["services"]["tests"])
    assert {} == found["volumes"], "the stack's own volumes are the Swarm's"


def test_a_run_keeps_what_writes_a_volume_on_the_node_that_removes_it() -> None:
    copied = documents.deployed(json.loads(json.dumps(DOCUMENT)), {}, {})
    stack = parse(DOCUMENT, (Path("/srv/compose.yaml"),), confirmed=True)
    source = documents.source_of(copied, stack, ["web", "db"], frozenset(), frozenset())

    found = translate(source, Options(data="node.id == here")).document

    placement = found["services"]["db"]["deploy"]["placement"]
    assert ["node.id == here"] == placement["constraints"]
    assert {"default": {"driver": "overlay", "attachable": True}} == found["networks"]
    assert {"run": "b"} == found["volumes"]["data"]["labels"]


def test_those_are_watched_whom_people_dial() -> None:
    loopback, everywhere = Port(80, 8080, "127.0.0.1"), Port(80, 8080)
    services = [service("web"), service("db", "postgres"), service("silent")]
    closed = {it.name: replace(it, ports=(loopback,)) for it in services[:2]}
    closed["silent"] = services[2]
    assert ["web"] == [it.name for it in watched(services, closed)]

    opened = {**closed, "db": replace(services[1], ports=(everywhere,))}
    assert ["db"] == [it.name for it in watched(services, opened)]


def trials() -> tuple[Trial, Trial]:
    """Return two trials of a report."""
    left, right = (side.trial for side in hostile().sides)
    assert left is not None
    assert right is not None
    return left, right


def test_a_service_that_answers_nobody_is_told_with_the_end_of_its_log() -> None:
    log = "\n".join(f"line {number}" for number in range(20))
    found = tasks.not_answering(service("web"), 30.0, log)
    head, *last = found.splitlines()
    assert "web: runs, and does not answer (http on 80) after 30 s. Last lines:" == head
    assert ["  line 10", "  line 19"] == [last[0], last[-1]]
    assert tasks.not_answering(service("web"), 30.0, "").endswith("Its log is empty.")


class Engine:
    """A manager of two nodes that says what it is told to say."""

    node = "n1"

    def __init__(self, services: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
        self._services, self._tasks = services, found

    def services(self, _stack: str) -> list[dict[str, Any]]:
        return self._services

    def tasks(self, _services: object) -> list[dict[str, Any]]:
        return self._tasks

    def node_addresses(self) -> dict[str, str]:
        return {"n1": "10.0.0.1", "n2": "10.0.0.2"}


def engine(mode: str) -> Manager:
    """Return a manager whose web is published in this mode by a task on the second node."""
    port = {"TargetPort": 80, "PublishedPort": 23456, "PublishMode": mode}
    web = {"ID": "s1", "Spec": {"Name": "shop_web"}, "Endpoint": {"Ports": [port]}}
    job = {"ID": "s2", "Spec": {"Name": "shop_job"}}
    status = {"State": "running", "Timestamp": "2026-01-01T00:00:09.123456789Z"}
    if mode == "host":
        status["PortStatus"] = cast(Any, {"Ports": [port]})
    running = {"ID": "t1", "ServiceID": "s1", "NodeID": "n2", "DesiredState": "running"}
    old = {**running, "ID": "t0", "DesiredState": "shutdown", "Status": {"State": "running"}}
    old["Status"] = {"State": "failed", "Timestamp": "2026-01-01T00:00:01Z"}
    ended = {**running, "ID": "t2", "ServiceID": "s2", "DesiredState": "complete"}
    ended["Status"] = {"State": "complete", "Timestamp": "2026-01-01T00:00:02Z"}
    found = [old, {**running, "Status": status}, ended]
    return cast(Manager, Engine([web, job], found))


@pytest.mark.parametrize(("mode", "host"), [("host", "10.0.0.2"), ("ingress", "10.0.0.1")])
def test_a_service_is_dialled_at_a_node_that_listens(mode: str, host: str) -> None:
    found = tasks.addresses(engine(mode), "shop", {"web": 80})
    assert {"web": Address(host, 23456)} == found
    assert {} == tasks.addresses(engine(mode), "shop", {"web": 81})


def test_the_state_of_tasks_says_since_when_services_run() -> None:
    found = tasks.running_since(engine("host"), "shop")
    assert [9.123456, 2.0] == [round(found[it] % 60, 6) for it in ("web", "job")]
    assert {"web": 1, "job": 0} == tasks.count(engine("host"), "shop")


def test_tasks_that_replace_others_are_counted_also_where_nobody_asked() -> None:
    before = {"web": frozenset("a"), "job": frozenset("b")}
    now = {"web": frozenset("ac"), "job": frozenset("b"), "db": frozenset("de")}
    found = tasks.new(before, now)
    assert {"web": 1, "db": 2} == found

    known = (ServiceLevel("web", 10, 1, 0.5), ServiceLevel("api", 10, 0))
    assert (
        ServiceLevel("web", 10, 1, 0.5, 1),
        ServiceLevel("api", 10, 0),
        ServiceLevel("db", 0, 0, replaced=2),
    ) == tasks.with_replaced(known, found)


@pytest.mark.parametrize(
    ("answers", "lost", "gap"),
    [
        ("+++++", 0, 0.0),
        ("+-+--+", 3, 0.2),
        ("---+", 3, 0.3),
        ("+---", 3, 0.2),
        ("", 0, 0.0),
    ],
)
def test_a_gap_lasts_from_the_first_lost_request_to_the_next_answer(
    answers: str, lost: int, gap: float
) -> None:
    sent = [["web", number / 10, answer == "+"] for number, answer in enumerate(answers)]
    (found,) = asking.levels([service("web")], json.dumps(sent))
    assert (len(answers), lost, gap) == (
        found.requests,
        found.lost,
        found.longest_gap_seconds,
    )


@pytest.mark.parametrize("output", ["", "Traceback", "null", "[1]"])
def test_a_count_that_failed_is_none(output: str) -> None:
    assert () == asking.levels([service("web")], output)


class Answering(http.server.BaseHTTPRequestHandler):
    code = 200

    def do_GET(self) -> None:
        self.send_response(Answering.code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Return a service that answers on this host, under the name that programs dial."""
    monkeypatch.setattr(Answering, "code", 200)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = service("127.0.0.1")
        yield replace(found, health=Health("http", server.server_address[1], "/health"))
        server.shutdown()


def test_the_program_tells_when_a_service_first_answers(here: Service) -> None:
    silent = replace(here, name="silent", health=Health("tcp", 1))
    source = asking._program([here, silent], "until_ready({}, 0.3)")
    argv = [sys.executable, "-I", "-c", source]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    assert ["127.0.0.1"] == list(json.loads(done.stdout))


def test_the_program_counts_until_it_is_told_to_end(here: Service) -> None:
    source = asking._program([here], "count({}, 0.02)")
    argv = [sys.executable, "-I", "-u", "-c", source]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "counting\n" == process.stdout.readline()
        wait = threading.Event()
        wait.wait(0.3)
        Answering.code = 503
        wait.wait(0.3)
        process.send_signal(signal.SIGINT)
        (found,) = asking.levels([here], process.stdout.read())
    assert 0 == process.returncode
    assert 5 < found.lost < found.requests - 5, "an error is no answer"
    assert 0.1 < found.longest_gap_seconds < 2


def test_what_is_there_late_is_removed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([["service s", "network n"], ["network n", "container c"], ["container c"], []])
    removed = []

    def remove(_client: object, stack: str) -> None:
        removed.append(stack)
        raise EnvironmentFailed("network n not found")

    monkeypatch.setattr(swarmstacks, "left", lambda *_: next(left))
    monkeypatch.setattr(swarmstacks, "remove", remove)
    monkeypatch.setattr(swarmstacks, "_POLL_SECONDS", 0.0)
    swarmstacks.remove_wholly(cast(Any, None), "shop", 5.0)
    assert ["shop", "shop"] == removed

    monkeypatch.setattr(swarmstacks, "left", lambda *_: ["network n"])
    with pytest.raises(EnvironmentFailed, match=r"after 0 s: network n\. network n not found"):
        swarmstacks.remove_wholly(cast(Any, None), "shop", 0.0)


def test_a_container_that_was_replaced_has_no_whole_figures() -> None:
    def at(name: str, container: str | None) -> ServiceProcess:
        return ServiceProcess(name, "docker", 1, 0.0, container=container)

    before = [at("web", "a"), at("api", "b"), at("db", "c"), at("local", None)]
    after = [at("web", "x"), at("api", "b")]
    moving = SwarmMode(*[cast(Any, None)] * len(fields(SwarmMode)))
    assert {"web", "db"} == watching.replaced(moving, before, after)
    assert {"web"} == watching.replaced(cast(Any, None), before, after), "db has ended"


def test_what_was_lost_stands_in_the_table_and_in_the_last_line() -> None:
    left, right = trials()
    level = ServiceLevel("web", 100, 0)
    lost = (ServiceLevel("web", 90, 7, 2.5, 1), ServiceLevel("job", 0, 0, replaced=1))
    found = compare(replace(left, levels=(level,)), replace(right, mode="swarm", levels=lost))

    text = render(found)

    assert "Service level during the suite" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["web", left.mode, "100", "0", "-", "0"] in rows
    assert ["web", "swarm", "90", "7", "2.50", "s", "1"] in rows
    assert ["job", "swarm", "-", "-", "-", "1"] in rows
    phrase = "7 of 90 requests to web lost on swarm, longest gap 2.50 s"
    assert phrase in text.splitlines()[-1]
    assert "Service level" not in render(compare(*trials()))


def test_several_runs_are_added_up() -> None:
    one, _ = trials()
    runs = [
        replace(one, levels=(ServiceLevel("web", 10, 1, 0.3, 1),)),
        replace(one, levels=(ServiceLevel("web", 20, 2, 0.1),)),
    ]
    assert (ServiceLevel("web", 30, 3, 0.3, 1),) == levels.levels_of(runs)


def test_swarm_is_opened_by_its_own_and_counts_in_both_modes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = []

    @contextmanager
    def opened(*_: object) -> Iterator[tuple[str, str]]:
        yield "mode", "run"

    def trial(batch: batches.Batch, name: str, _number: int) -> object:
        with batches.ExitStack() as held:
            if name == "swarm":
                said.append(batches._opened(batch, name, held))
        return replace(trials()[0], mode=f"{name} {batch.counts}")

    monkeypatch.setattr(opening, "isolated", opened)
    monkeypatch.setattr(batches, "trial", trial)
    batch = batches.Batch(Settings(root=tmp_path), (), tmp_path, lambda: said.append("install"))

    batches.by_turns(batch, modes_of("docker,swarm"), 1)

    assert [("mode", "run")] == said, "nothing is installed for it"
    assert ["swarm", "swarm@2"] == modes_of("swarm,swarm")


def test_no_bisection_is_tried_on_a_swarm(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path / "state")
    left, right = trials()
    for found in (replace(left, mode="docker"), replace(right, mode="swarm", id="s")):
        record.write(found, settings.trials)

    with pytest.raises(UsageError, match="No bisection runs on a Swarm"):
        bisection.run(settings, "test_a", "docker", "swarm", bisection.Options(), [].append)
