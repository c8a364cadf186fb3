"""How long mapping takes: a generated stack of 1,000 services, and the example stack.

Not part of the default run: `pytest tests/benchmarks`. The limits are for a machine of two
cores; those of the generated stack are ratios as well, which hold on any.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tranship.stack.engine
from pytest_benchmark.fixture import BenchmarkFixture
from tranship import settings as settings_module
from tranship.envmap.project import open_project
from tranship.envmap.resolve import EnvMap, load
from tranship.stack.model import Stack, parse
from tranship.stack.placement import Placement, Ports, Side, declared_ports

REPOSITORY = Path(__file__).parents[2]
SERVICES = 1_000
VARIABLES = 50
LIMIT_SECONDS = 2.0
EXAMPLE_LIMIT_SECONDS = 0.5
ROUNDS = 5

MAPPING = """\
[services."*"]
LOG_LEVEL = "{logging.level}"
LISTEN = "{self}"
DATABASE_URL = "postgresql://{database.user}:{database.password|url}@{service-0}/x"
"""


def environment(index: int, count: int) -> dict[str, str]:
    """Return the variables of one service: every form of an address, and plain texts."""
    found: dict[str, str] = {}
    for number in range(VARIABLES):
        target = f"service-{(index * 7 + number) % count}"
        forms = {
            f"URL_{number}": f"http://user:word@{target}:8000/path?x={number}",
            f"LIST_{number}": f"{target}:8000,elsewhere:9000",
            f"DSN_{number}": f"host={target} port=8000 dbname=x",
            f"JSON_{number}": f'{{"peer": "http://{target}:8000", "n": {number}}}',
            f"PEER_{number}_HOST": target,
            f"TEXT_{number}": f"service number {number}",
            f"LEVEL_{number}": "info",
        }
        name = list(forms)[number % len(forms)]
        found[name] = forms[name]
    return found


def document(count: int) -> dict[str, Any]:
    return {
        "name": "large",
        "services": {
            f"service-{index}": {
                "image": "x",
                "environment": environment(index, count),
                "ports": [{"target": 8000, "published": str(20_000 + index)}],
                "x-tranship": {"local": {"command": "run"}},
            }
            for index in range(count)
        },
    }


def large(count: int) -> Stack:
    return parse(document(count), [Path("compose.yaml")], confirmed=True)


def mixed(stack: Stack) -> Placement:
    sides: dict[str, Side] = {
        name: "local" if index % 2 else "docker" for index, name in enumerate(stack.services)
    }
    return Placement(sides)


@pytest.fixture
def envs(tmp_path: Path) -> Path:
    folder = tmp_path / "envs"
    folder.mkdir()
    (folder / "base.json").write_text(
        '{"logging": {"level": "info"}, "database": {"user": "u", "password": "p@ss"}}'
    )
    (folder / "development.json").write_text("{}")
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


def mapped(stack: Stack, envs: Path, placement: Placement, ports: Ports) -> int:
    """Map every service, with nothing known from before; return how many variables there are."""
    envmap: EnvMap = load(stack, envs.parent, envs, "development")
    return sum(len(envmap.environment(name, placement, ports)) for name in stack.services)


def best(measured: Callable[[], object], rounds: int = ROUNDS) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        measured()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def test_a_thousand_services(benchmark: BenchmarkFixture, envs: Path) -> None:
    stack = large(SERVICES)
    placement, ports = mixed(stack), declared_ports(stack)

    found = benchmark.pedantic(
        mapped, args=(stack, envs, placement, ports), rounds=ROUNDS, warmup_rounds=1
    )

    assert SERVICES * (VARIABLES + 3) == found
    if benchmark.stats is not None:
        assert benchmark.stats["median"] < LIMIT_SECONDS


def test_twice_the_services_take_about_twice_as_long(envs: Path) -> None:
    def once(count: int) -> float:
        stack = large(count)
        placement, ports = mixed(stack), declared_ports(stack)
        return best(lambda: mapped(stack, envs, placement, ports), rounds=3)

    assert once(2 * SERVICES) / once(SERVICES) < 3


def test_a_thousand_services_from_their_file(
    benchmark: BenchmarkFixture, envs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With reading the compose file: all that `env.map` does where no docker command is."""
    import yaml

    root = envs.parent
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    (root / "compose.yaml").write_text(yaml.dump(document(SERVICES), Dumper=dumper))
    (root / "pyproject.toml").write_text("[tool.tranship]\n")
    monkeypatch.setattr(tranship.stack.engine.shutil, "which", lambda name: None)
    settings = settings_module.load(root)

    def whole() -> int:
        project = open_project(settings)
        placement, ports = mixed(project.stack), declared_ports(project.stack)
        return sum(
            len(project.envmap.environment(name, placement, ports))
            for name in project.stack.services
        )

    found = benchmark.pedantic(whole, rounds=3)

    assert SERVICES * (VARIABLES + 3) == found


def example(tmp_path: Path) -> Path:
    """Return a copy of the example stack's description, which no test may write to."""
    for name in ("compose", "envs"):
        shutil.copytree(
            REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / "tasks.py").write_text("import tranship\n\nns = tranship.namespace()\n")
    return tmp_path


@pytest.mark.parametrize("docker", ["no engine", "no command"])
def test_the_example_stack_without_an_engine(tmp_path: Path, docker: str) -> None:
    root = example(tmp_path)
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    if docker == "no command":
        environment["PATH"] = str(tmp_path / "empty")
    elif shutil.which("docker") is None:
        pytest.skip("no docker command")
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "invoke", "env.map"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - began)
        assert "DATABASE_URL" in done.stdout
        unconfirmed = "not confirmed by Compose" in done.stderr
        assert unconfirmed == (docker == "no command")

    median, load = statistics.median(seconds), os.getloadavg()[0]
    if median >= EXAMPLE_LIMIT_SECONDS and load > (os.cpu_count() or 1):
        pytest.skip(f"{median:.2f} s on a busy machine (load {load:.1f}): nothing is known")
    assert median < EXAMPLE_LIMIT_SECONDS
