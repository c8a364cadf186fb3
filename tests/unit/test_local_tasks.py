"""`inv local.*` on real processes of two small services; no engine is there."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import tranship
from invoke.program import Program
from tranship.stack.isolation import free_ports

Inv = Callable[..., tuple[int, str, str]]
SECRET = "swordfish-of-the-test"
SERVICE = """\
import http.server, os, sys
print("token", os.environ["API_TOKEN"], "first is", os.environ.get("FIRST_URL"), flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def compose(first: int, second: int, command: str = "python service.py {port}") -> str:
    return f"""\
name: small
services:
  first:
    image: x
    ports: ["{first}:8000"]
    environment: {{API_TOKEN: {SECRET}}}
    x-tranship: {{local: {{command: "python service.py {{port}}"}}, health: {{http: /}}}}
  second:
    image: x
    ports: ["{second}:8000"]
    environment: {{API_TOKEN: {SECRET}, FIRST_URL: "http://first:8000"}}
    depends_on: {{first: {{condition: service_healthy}}}}
    x-tranship: {{local: {{command: "{command}"}}, health: {{http: /}}}}
"""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    with free_ports([("first", 1), ("second", 1)]) as chosen:
        first, second = chosen.values()
        yield first, second


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ports: tuple[int, int],
    inv: Inv,
    program: Program,
) -> Iterator[Path]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yaml").write_text(compose(*ports))
    (folder / "service.py").write_text(SERVICE)
    (folder / "pyproject.toml").write_text("[tool.tranship]\nstart-timeout = 60\n")
    monkeypatch.chdir(folder)
    path = [Path(sys.executable).parent, "/usr/bin", "/bin"]
    monkeypatch.setenv("PATH", os.pathsep.join(str(item) for item in path))
    monkeypatch.setattr("shutil.which", lambda name: None)  # no docker command, wherever it is
    yield folder
    assert 0 == inv(program, "local.down", "--volumes")[0]


def rows(shown: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in shown.splitlines()[2:]}


def test_a_stack_comes_up_is_looked_at_and_goes_down(
    inv: Inv, program: Program, project: Path, ports: tuple[int, int]
) -> None:
    code, shown, _ = inv(program, "local.up")
    started = rows(shown)
    assert (0, {"first", "second"}) == (code, set(started))
    assert f"127.0.0.1:{ports[0]}" == started["first"][3]
    assert float(started["first"][4]) < float(started["second"][4])
    pids = {name: int(row[2]) for name, row in started.items()}

    assert 0 == inv(program, "local.up")[0], "what is up stays up"
    code, shown, _ = inv(program, "local.status")
    assert (0, pids) == (code, {name: int(row[2]) for name, row in rows(shown).items()})

    code, shown, _ = inv(program, "local.health")
    assert (0, ["yes", "HTTP", "200"]) == (code, rows(shown)["second"][1:4])

    code, shown, _ = inv(program, "local.logs", "--service", "second")
    assert f"second | token ****** first is http://127.0.0.1:{ports[0]}" in shown.splitlines()
    assert SECRET not in shown

    code, shown, _ = inv(program, "local.restart", "--service", "second")
    again = {name: int(row[2]) for name, row in rows(shown).items()}
    assert (0, True, False) == (
        code,
        pids["first"] == again["first"],
        pids["second"] == again["second"],
    )

    psutil.Process(again["second"]).kill()
    code, shown, _ = inv(program, "local.health")
    assert (4, "no") == (code, rows(shown)["second"][1])

    code, shown, _ = inv(program, "local.down")
    assert (0, "small is down.") == (code, shown.splitlines()[-1])
    assert [] == [pid for pid in again.values() if psutil.pid_exists(pid)]
    assert 4 == inv(program, "local.status")[0]


def test_what_runs_of_a_selection_is_remembered(inv: Inv, program: Program, project: Path) -> None:
    assert 0 == inv(program, "local.up", "--service", "first")[0]

    assert {"first"} == set(rows(inv(program, "local.status")[1]))
    code, _, error = inv(program, "local.restart", "--service", "second")
    assert (2, True) == (code, "second is not up. Start it: inv local.up" in error)

    assert 0 == inv(program, "local.up", "--service", "second")[0]
    assert {"first", "second"} == set(rows(inv(program, "local.status")[1]))


def test_a_service_that_exits_fails_the_start_and_nothing_stays(
    inv: Inv, program: Program, project: Path, ports: tuple[int, int]
) -> None:
    (project / "fails.py").write_text("print('bad key')\nraise SystemExit(3)\n")
    (project / "compose.yaml").write_text(compose(*ports, command="python fails.py"))

    code, shown, error = inv(program, "local.up")

    assert (4, "") == (code, shown)
    assert "second exited with code 3 (state exited, exit code 3)" in error
    assert "    bad key" in error.splitlines()
    assert 4 == inv(program, "local.status")[0]
    with socket.create_server(("127.0.0.1", ports[0])):
        pass


def test_a_port_that_is_taken_names_its_owner(
    inv: Inv, program: Program, project: Path, ports: tuple[int, int]
) -> None:
    with socket.create_server(("127.0.0.1", ports[1])):
        code, shown, error = inv(program, "local.up")

    assert (4, "") == (code, shown)
    assert f"  {ports[1]} (for second) is taken by process {os.getpid()} of " in error
    assert not (project / ".tranship/local/first").exists()
