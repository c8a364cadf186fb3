"""What `nox -s compare` costs beside the two suites run by hand, on the example stack.

By hand means what a shell script would do, and no measuring: the same images and the same
environment, both there already; `docker compose up --wait`, `run --rm`, `down --volumes`; the
same processes with the same variables in shell loops that restart them, each started as soon
as those that it depends on answer, the same pytest, and a signal to all of them at once. Both
begin with empty databases. The two take turns in one run, so that a drift of the machine hits
both.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tranship import settings as settings_module
from tranship.modes import leftovers, runs
from tranship.modes.base import Address, ServiceProcess
from tranship.modes.docker import DockerMode
from tranship.modes.health import Prober
from tranship.modes.local import LocalMode
from tranship.stack.isolation import Run
from tranship.stack.model import Health, Service
from tranship.trials.pulse import Pulse
from tranship.trials.sampling import Sampler

REPOSITORY = Path(__file__).parents[2]
LIMIT = 1.15
ROUNDS = 3
SUITE = ("python", "-m", "pytest", "tests/stack", "-p", "no:cacheprovider", "--color=no")
PACE_SECONDS = 0.03
"""Between two questions whether a service answers, as Tranship's own."""

pytestmark = pytest.mark.engine


@dataclass
class ByHand:
    """The two modes as a script would run them."""

    local: LocalMode
    docker: DockerMode
    compose_file: Path
    phases: dict[str, float] = field(default_factory=dict)

    def run(self) -> float:
        """Run both suites and return the seconds that it took."""
        began = time.perf_counter()
        with self._phase("local"):
            self._local()
        with self._phase("docker"):
            self._docker()
        seconds = time.perf_counter() - began
        # As new for the next time, which is nobody's cost here.
        leftovers.remove_data(self.local.directory)
        self.local.prepare()
        return seconds

    def _local(self) -> None:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._start(processes)
            suite = self.local.suite(SUITE[3:])
            try:
                said = "".join(suite.lines())
                assert suite.wait() == 0, said[-1500:]
            finally:
                suite.close()
        finally:
            for name, process in processes.items():
                quick = signal.SIGINT if name == "postgres" else signal.SIGTERM
                os.killpg(process.pid, quick)
            for process in processes.values():
                process.wait(30)
                # The loop ends before what it ran.
                while _there(process.pid):
                    time.sleep(PACE_SECONDS / 3)

    def _start(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        addresses = self.local.addresses()
        ready: set[str] = set()
        probers: dict[str, Prober] = {}
        deadline = time.monotonic() + 60
        while len(ready) < len(self.local.services):
            assert time.monotonic() < deadline, f"not ready: {set(processes) - ready}"
            for service in self.local.services:
                if service.name not in processes and _needs(service) <= ready:
                    processes[service.name] = self._process(service.name)
                    assert service.health is not None
                    probers[service.name] = Prober(service.health, addresses[service.name])
            for name in set(processes) - ready:
                if probers[name].ask().healthy:
                    ready.add(name)
                    probers[name].close()
            time.sleep(PACE_SECONDS)

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        script = self.local.directory / name / "start.sh"
        # PostgreSQL ends in peace on SIGINT, after which a shell would go on with its loop.
        once = ["/bin/sh", script]
        loop = ["/bin/sh", "-c", 'while :; do /bin/sh "$0"; done', script]
        with (self.local.directory / "logs" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                once if name == "postgres" else loop,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _docker(self) -> None:
        try:
            names = [service.name for service in self.docker.services]
            self._compose("up", "--detach", "--wait", "--no-build", *names)
            self._compose("run", "--rm", "--no-TTY", "tests", *SUITE)
        finally:
            self._compose("down", "--volumes", "--remove-orphans")

    def _compose(self, *words: str) -> None:
        with self._phase(f"compose {words[0]}"):
            done = subprocess.run(
                [
                    "docker", "compose", "--file", self.compose_file, "--profile", "*",
                    "--project-name", self.docker.project_name,
                    "--project-directory", REPOSITORY / "compose", *words,
                ],
                capture_output=True,
                text=True,
                check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-500:]

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.phases[name] = time.perf_counter() - began


def _there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _needs(service: Service) -> set[str]:
    return {dependency.service for dependency in service.depends_on}


@contextmanager
def by_hand() -> Iterator[ByHand]:
    """Yield both modes prepared and not started; what they leave is removed."""
    settings = settings_module.load(REPOSITORY)
    programs = REPOSITORY / ".nox" / "compare" / "bin"

    def opened(name: str) -> tuple[runs.AnyMode, Run]:
        mode, run = held.enter_context(runs.isolated(settings, name, programs, lambda line: None))
        mode.prepare()
        return mode, run

    with ExitStack() as held:
        local, _ = opened("local")
        docker, run = opened("docker")
        assert isinstance(local, LocalMode)
        assert isinstance(docker, DockerMode)
        yield ByHand(local, docker, run.directory / "compose.json")


def compared(arguments: Sequence[str] = ()) -> float:
    """Run `nox -s compare` and return the seconds that it took."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "compare", "--", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return seconds


def test_compare_costs_little_more_than_both_suites_by_hand() -> None:
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers")
    compared()  # makes nox's environment and the images, which both then find
    ratios = []
    with by_hand() as hand:
        hand.run()
        for number in range(ROUNDS):
            # Who goes first takes turns, too.
            if number % 2:
                whole, script = compared(), hand.run()
            else:
                script, whole = hand.run(), compared()
            ratios.append(whole / script)
            shown = ", ".join(f"{name} {seconds:.1f}" for name, seconds in hand.phases.items())
            print(f"compare {whole:.1f} s, by hand {script:.1f} s: {ratios[-1]:.2f}x ({shown})")  # noqa: T201 - what is asked for

    assert statistics.median(ratios) < LIMIT


SAMPLING_LIMIT = 1.02
PAIRS = 12
REQUESTS = 1500


def test_sampling_costs_a_busy_service_at_most_two_percent(tmp_path: Path) -> None:
    """The CPU of one service for the same requests, with and without the sampler, by turns."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = REPOSITORY / "tests" / "engine" / "service.py"
    here = Address("127.0.0.1", port)
    health = Health("http", port, "/health")
    with subprocess.Popen(
        [sys.executable, script, "serve", str(port)],
        env={**os.environ, "HOST": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
    ) as service:
        try:
            prober = Prober(health, here)
            deadline = time.monotonic() + 20
            while not prober.ask().healthy:
                assert time.monotonic() < deadline
                time.sleep(PACE_SECONDS)
            process = ServiceProcess("api", "local", service.pid, 0.0)

            def sampled() -> float:
                pulse = Pulse([Service("api", health=health)], {"api": here})
                with Sampler([process], pulse=pulse) as sampler:
                    used = _cpu_of_requests(service.pid, here)
                series = sampler.series("api")
                assert series is not None
                assert any(series.latency_seconds)
                return used

            def plain() -> float:
                return _cpu_of_requests(service.pid, here)

            plain()
            ratios = []
            for number in range(PAIRS):
                if number % 2:
                    watched, alone = sampled(), plain()
                else:
                    alone, watched = plain(), sampled()
                ratios.append(watched / alone)
        finally:
            service.kill()
    found = statistics.median(ratios)
    print(f"{found:.3f}x ({min(ratios):.3f} to {max(ratios):.3f})")  # noqa: T201 - what is asked for
    assert found < SAMPLING_LIMIT


def _cpu_of_requests(pid: int, address: Address) -> float:
    """Return the CPU seconds that a process needs for REQUESTS requests."""
    # The clock of another process: clock_getcpuclockid(3) makes this number of its pid.
    clock = (~pid << 3) | 2
    began = time.clock_gettime(clock)
    for _ in range(REQUESTS):
        connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
        connection.request("GET", "/environment")
        connection.getresponse().read()
        connection.close()
    return time.clock_gettime(clock) - began
