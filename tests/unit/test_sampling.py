"""What is sampled while the suite runs: of groups made of plain files, and of real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fakedocker import FakeDocker
from python_on_whales import DockerClient
from tranship.modes import containers
from tranship.modes.base import Address, ServiceProcess, Startup
from tranship.modes.cgroups import Cgroup
from tranship.stack.model import Health, Service
from tranship.trials import procfiles, pulse, run, sampling
from tranship.trials.record import Series
from tranship.trials.sampling import Counter, Sampler
from waiting import until


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "INTERVAL_SECONDS", 0.01)


def staged(path: Path, text: str) -> None:
    """Replace a file at once, as the kernel's own change at once."""
    (path.parent / "staged").write_text(text)
    (path.parent / "staged").replace(path)


def in_group(service: str, folder: Path) -> ServiceProcess:
    return ServiceProcess(service, "docker", os.getpid(), 0.0, Cgroup(2, folder, folder))


def taken(sampler: Sampler, service: str) -> int:
    series = sampler.series(service)
    return len(series.at_seconds) if series is not None else 0


def columns(series: Series) -> list[tuple[object, ...]]:
    return [
        series.memory_bytes,
        series.cpu_seconds,
        series.threads,
        series.open_files,
        series.network_bytes,
        series.block_bytes,
    ]


def test_a_counter_goes_on_where_it_starts_again_at_zero() -> None:
    counter = Counter()

    assert [None, 5, 7, 7, 8, 10] == [counter.add(now) for now in (None, 5, 7, None, 1, 3)]
    assert counter.total == 10


def test_cpu_seconds_add_up_over_a_restart(tmp_path: Path) -> None:
    def used(seconds: float) -> None:
        staged(tmp_path / "cpu.stat", f"usage_usec {round(seconds * 1e6)}\n")

    used(5.0)
    gone = tmp_path / "gone"
    with Sampler([in_group("api", tmp_path), in_group("gone", gone)]) as sampler:
        until(lambda: sampler.cpu_seconds("api") == 5.0, "the first reading")
        used(1.0)
        until(lambda: sampler.cpu_seconds("api") == 6.0, "a reading after the restart")
        used(3.0)

    assert 8.0 == sampler.cpu_seconds("api")
    assert sampler.cpu_seconds("gone") is None
    assert sampler.cpu_seconds("unknown") is None


def test_a_group_gives_memory_throttling_and_kills(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 4096\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1000000\nthrottled_usec 500000\n")
    (tmp_path / "memory.events").write_text("oom_kill 2\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    with Sampler([in_group("api", tmp_path)]) as sampler:
        pass

    series = sampler.series("api")
    assert series is not None
    assert {4096} == {*series.memory_bytes}
    assert {1.0} == {*series.cpu_seconds}
    assert all(count is not None and count >= 2 for count in series.threads[:1])
    assert {None} == {*series.network_bytes}, "this host's network is everybody's"
    assert (0.5, 2) == (sampler.throttled_seconds("api"), sampler.oom_kills("api"))


def test_every_column_has_a_value_for_each_time(tmp_path: Path) -> None:
    processes = [in_group("gone", tmp_path), ServiceProcess("own", "local", os.getpid(), 0.0)]
    with Sampler(processes, [os.getpid()]) as sampler:
        until(lambda: taken(sampler, "own") >= 2, "two samples")

    for series in (sampler.series("gone"), sampler.series("own"), sampler.runtime_series()):
        assert series is not None
        assert len(series.at_seconds) >= 2
        assert {len(series.at_seconds)} == {len(column) for column in columns(series)}
        assert series.at_seconds == tuple(sorted(series.at_seconds))


def test_a_group_that_is_gone_has_no_figures_and_not_zero(tmp_path: Path) -> None:
    with Sampler([in_group("api", tmp_path / "gone")]) as sampler:
        pass

    series = sampler.series("api")
    assert series is not None
    assert [{None}] * 6 == [{*column} for column in columns(series)]
    assert sampler.oom_kills("api") is None


def test_a_service_elsewhere_is_not_sampled() -> None:
    with Sampler([ServiceProcess("api", "docker", None, None)]) as sampler:
        pass

    assert (None, None) == (sampler.series("api"), sampler.runtime_series())


_TREE = """
import subprocess, sys
block = bytearray(b"x") * (16 << 20)
sum(range(2_000_000))
if sys.argv[1:]:
    with subprocess.Popen([sys.executable, "-IS", *sys.argv[1:]], stdin=subprocess.PIPE):
        sys.stdin.read()
else:
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_without_a_group_the_tree_of_the_process_counts_also_what_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", _TREE, "-c", _TREE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(procfiles.tree(process.pid)) == 2
        with Sampler([ServiceProcess("api", "local", process.pid, 0.0)]) as sampler:
            until(lambda: taken(sampler, "api"), "a sample")
            process.communicate()

    series = sampler.series("api")
    assert series is not None
    first = series.memory_bytes[0]
    assert first is not None
    assert first >= 32 << 20, "both processes hold 16 MiB"
    assert series.threads[0] == 2
    assert series.memory_bytes[-1] is None
    assert series.cpu_seconds[-1] is not None
    assert series.cpu_seconds[-1] >= (series.cpu_seconds[0] or 0)


def test_what_proc_does_not_show_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfiles, "PROC", tmp_path)
    assert procfiles.read(7) is None
    assert procfiles.network_bytes(7) is None

    (tmp_path / "7").mkdir()
    fields = ["S", *["0"] * 10, "100", "50", *["0"] * 4, "3", *["0"] * 3, "2"]
    (tmp_path / "7/stat").write_text(f"7 (odd) name)) {' '.join(fields)}\n")

    found = procfiles.read(7)

    assert found is not None
    assert (3, None, None) == (found.threads, found.open_files, found.block_bytes)
    assert found.cpu_seconds == 150 / os.sysconf("SC_CLK_TCK")
    assert found.resident_bytes == 2 * os.sysconf("SC_PAGE_SIZE")


def test_network_bytes_are_those_of_a_namespace_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procfiles, "PROC", tmp_path)
    for pid, namespace in (("self", "net:[1]"), ("7", "net:[2]"), ("8", "net:[1]")):
        (tmp_path / pid / "ns").mkdir(parents=True)
        (tmp_path / pid / "ns/net").symlink_to(namespace)
        (tmp_path / pid / "net").mkdir()
        (tmp_path / pid / "net/dev").write_text(
            "Inter-|   Receive\n face |bytes\n"
            "    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n"
            "  eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n"
            "  eth1:3 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\n"
        )

    assert (127, None) == (procfiles.network_bytes(7), procfiles.network_bytes(8))


def test_sampling_says_what_it_costs() -> None:
    with Sampler([ServiceProcess("api", "local", os.getpid(), 0.0)]) as sampler:
        until(lambda: sampler.cost_seconds, "a sample")

    assert 0 < sampler.share < 1


def test_kills_that_ended_a_container_are_counted_by_the_engines_events(tmp_path: Path) -> None:
    docker = FakeDocker(tmp_path / "bin")
    event = {
        "Type": "container",
        "Action": "oom",
        "Actor": {"ID": "c1", "Attributes": {containers.SERVICE_LABEL: "api"}},
    }
    docker.answer("system", "events", out=f"{json.dumps(event)}\n" * 2)
    client = DockerClient(client_call=[str(docker.folder / "docker")])

    assert {"api": 2} == containers.oom_kills(client, "project", 0.0)

    argv = docker.calls[-1].argv
    assert argv[argv.index("--since") + 1] == "1970-01-01T00:00:00+00:00"
    assert "event=oom" in argv
    assert f"label={containers.PROJECT_LABEL}=project" in argv


def test_an_engine_that_does_not_answer_saw_no_kill(tmp_path: Path) -> None:
    docker = FakeDocker(tmp_path / "bin")
    docker.answer("system", "events", err="gone", code=1)
    client = DockerClient(client_call=[str(docker.folder / "docker")])

    assert {} == containers.oom_kills(client, "project", 0.0)


@pytest.mark.parametrize(("seen", "expected"), [({}, None), ({"api": 1}, 1), ({"other": 1}, None)])
def test_kills_are_the_groups_or_the_engines(seen: dict[str, int], expected: int | None) -> None:
    assert expected == run._kills(run._Findings(oom_kills=seen), "api")


@pytest.mark.parametrize(
    ("ready", "own", "expected"),
    [
        ({"api": 2.0}, {"api": 0.5}, 1.5),
        ({"api": 2.0}, {"api": 9.0}, 0.0),
        ({"api": 2.0}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_offset_is_what_is_not_its_own(
    ready: dict[str, float], own: dict[str, float], expected: float | None
) -> None:
    assert expected == run._offset(Startup(2.0, ready, own), "api")
    assert run._offset(None, "api") is None


class _Healthy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def test_the_health_probe_is_asked_while_the_block_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "INTERVAL_SECONDS", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as server:
        threading.Thread(target=server.serve_forever).start()
        here = Address("127.0.0.1", server.server_address[1])
        services = [
            Service("api", health=Health("http", here.port, "/health")),
            Service("ill", health=Health("http", here.port, "/ill")),
            Service("silent"),
        ]
        processes = [ServiceProcess(it.name, "local", os.getpid(), 0.0) for it in services]
        asking = pulse.Pulse(services, dict.fromkeys(("api", "ill"), here))
        try:
            with Sampler(processes, pulse=asking) as sampler:
                until(lambda: answers(sampler, "api"), "an answer")
        finally:
            server.shutdown()

    assert all(0 < seconds < 1 for seconds in answers(sampler, "api"))
    assert [] == answers(sampler, "ill") == answers(sampler, "silent")
    series = sampler.series("ill")
    assert series is not None
    assert len(series.latency_seconds) == len(series.at_seconds)
    assert asking.cost_seconds > 0


def answers(sampler: Sampler, service: str) -> list[float]:
    series = sampler.series(service)
    assert series is not None
    return [it for it in series.latency_seconds if it is not None]
