"""`inv swarm.autoscale` on a command line: what is refused, what is asked, how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tranship
from fakedocker import FakeDocker
from invoke.program import Program
from prometheusserver import Answers, answering, success
from tranship.deployment.autoscaling import engineapi
from tranship.deployment.swarm.engine import manager
from tranship.errors import EnvironmentFailed

Inv = Callable[..., tuple[int, str, str]]
POLICY = """
[tool.tranship.autoscale.web]
figure = "sum(queue)"
target = 10
max = {most}
hold = 0
"""
SPEC: dict[str, Any] = {
    "Name": "shop_web",
    "Labels": {"io.tranship.stack": "shop"},
    "Mode": {"Replicated": {"Replicas": 1}},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}},
}


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def docker(fake_docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A project `shop` with a policy, whose service `web` runs on a Swarm."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yaml").write_text('{"name": "shop", "services": {"web": {"image": "w"}}}')
    monkeypatch.chdir(folder)
    written(4)
    fake_docker.resolves_to({"name": "shop", "services": {"web": {"image": "web:1"}}})
    manages(fake_docker, True)
    fake_docker.answer("service", "ls", out="s\n")
    fake_docker.answer("service", "ps", out="t\n")
    has(fake_docker, SPEC)
    task = {
        "ID": "t",
        "ServiceID": "s",
        "NodeID": "n",
        "CreatedAt": "2026",
        "DesiredState": "running",
        "Status": {"State": "running"},
        "Spec": {"ContainerSpec": {"Image": "web:1"}},
    }
    fake_docker.answer("inspect", "task", out=json.dumps([task]))
    return fake_docker


def written(most: int) -> None:
    Path("pyproject.toml").write_text(f"[tool.tranship]\n{POLICY.format(most=most)}")


def manages(docker: FakeDocker, yes: bool) -> None:
    found = {"NodeID": "n", "LocalNodeState": "active", "ControlAvailable": yes}
    docker.answer("info", out=json.dumps({"Swarm": found}))


def has(docker: FakeDocker, spec: dict[str, Any]) -> None:
    found = {"ID": "s", "Version": {"Index": 7}, "UpdatedAt": "2020-01-01T00:00:00Z", "Spec": spec}
    docker.answer("inspect", "service", out=json.dumps([found]))


def http(document: dict[str, Any], status: str = "200 OK") -> str:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{json.dumps(document)}"


@pytest.fixture
def prometheus() -> Iterator[Answers]:
    with answering({}) as served:
        yield served


def figure(served: Answers, number: str | None) -> None:
    found = [{"metric": {}, "value": [time.time(), number]}] if number else []
    # The only answer to each question: that of the sample's time has to be one too.
    served.answers["/api/v1/query"] = success({"resultType": "vector", "result": found})  # type: ignore[index]


def asked_for(docker: FakeDocker) -> list[list[str]]:
    return [call.argv for call in docker.called_with("dial-stdio")]


def test_once_changes_the_count_by_the_engines_api(
    inv: Inv, program: Program, docker: FakeDocker, prometheus: Answers
) -> None:
    figure(prometheus, str(time.time()))  # a figure that is its own time, and far too much
    docker.answer("system", "dial-stdio", out=http({"Warnings": None}))
    docker.answer(
        "system", "dial-stdio", out=http({"Version": {"Index": 7}, "Spec": SPEC}), times=1
    )
    words = ("--once", "--prometheus", prometheus.url)

    code, out, err = inv(program, "swarm.autoscale", "--dry-run", *words)
    assert (0, "") == (code, err)
    assert out.startswith("web would go 1 -> 4: figure 1.")
    assert [] == asked_for(docker)

    code, out, err = inv(program, "swarm.autoscale", *words, "--record", "scaling.jsonl")
    assert (0, "") == (code, err)
    assert out.startswith("web 1 -> 4: figure 1.")
    assert [["system", "dial-stdio"]] * 2 == asked_for(docker)
    assert "up" == json.loads(Path("scaling.jsonl").read_text())["decision"]


def test_missing_data_is_a_line_and_exit_5(
    inv: Inv, program: Program, docker: FakeDocker, prometheus: Answers
) -> None:
    figure(prometheus, None)
    found = inv(program, "swarm.autoscale", "--once", "--prometheus", prometheus.url)
    assert (5, "web stays at 1: no sample: the query gives nothing\n", "") == found

    code, out, _ = inv(program, "swarm.autoscale", "--once", "--prometheus", "http://127.0.0.1:1")
    assert code == 5
    assert out.startswith("web stays at 1: Prometheus at http://127.0.0.1:1 does not answer: ")
    found = inv(
        program, "swarm.autoscale", "--for=0.05", "--interval=0.1", "--prometheus=http://h:1"
    )
    assert 0 == found[0]
    assert [] == asked_for(docker)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--once", "--for", "3"), "Give --once or --for, not both."),
        (("--interval", "0"), "--interval must be above 0 seconds."),
        (("--interval", "x"), "'x' is not a number of seconds."),
        (("--service", "wbe"), "'wbe' has no policy (did you mean 'web'?)"),
        (("--prometheus", "h:1"), "--prometheus 'h:1': write http://HOST:PORT."),
        (("--name", "My Shop"), "'My Shop' is no name of a stack"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_wrong_usage_asks_nothing(
    inv: Inv, program: Program, docker: FakeDocker, words: tuple[str, ...], said: str
) -> None:
    code, out, err = inv(program, "swarm.autoscale", *words)

    assert (2, "") == (code, out)
    assert said in err.splitlines()[-1]
    assert [] == docker.called_with("info")


def test_limits_that_contradict_each_other_ask_nothing(
    inv: Inv, program: Program, docker: FakeDocker
) -> None:
    written(0)
    code, out, err = inv(program, "swarm.autoscale", "--once")

    said = '[tool.tranship.autoscale.web] "max": 0 is below min, 1.\n'
    assert (2, "", said) == (code, out, err)
    assert [] == docker.calls


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        ({"Labels": {}}, 4, "that Tranship did not deploy (shop_web)"),
        ({"Mode": {"Global": {}}}, 2, "web has a task on every node (global)."),
        ({"Mode": {"ReplicatedJob": {}}}, 2, "web is a job, which runs once."),
        ({"Name": "shop_api"}, 2, "No service 'web' on the Swarm, and [tool.tranship.autoscale"),
    ],
)
def test_a_service_that_cannot_be_scaled(
    inv: Inv,
    program: Program,
    docker: FakeDocker,
    prometheus: Answers,
    spec: dict[str, Any],
    code: int,
    said: str,
) -> None:
    has(docker, {**SPEC, **spec})
    ended, out, err = inv(program, "swarm.autoscale", "--prometheus", prometheus.url)

    assert (code, "") == (ended, out)
    assert said in err
    assert ([], []) == (prometheus.asked, asked_for(docker))


def test_an_engine_that_manages_no_swarm(inv: Inv, program: Program, docker: FakeDocker) -> None:
    manages(docker, False)
    code, _, err = inv(program, "swarm.autoscale")
    assert code == 4
    assert "This engine is a worker of its Swarm." in err

    manages(docker, True)
    docker.answer("service", "ls")
    code, _, err = inv(program, "swarm.autoscale")
    assert code == 4
    assert "No stack 'shop' is on this Swarm. inv swarm.deploy" in err


def test_an_unknown_key_of_a_policy(inv: Inv, program: Program, docker: FakeDocker) -> None:
    with Path("pyproject.toml").open("a") as stream:
        stream.write("cool-down = 3\n")
    code, _, err = inv(program, "swarm.autoscale")

    assert code == 2
    assert '[tool.tranship.autoscale.web] has an unknown key "cool-down"' in err
    assert "Keys: down-cooldown, figure, hold, max, max-age, min, step, target," in err


def test_the_engines_api_by_way_of_the_docker_command(docker: FakeDocker) -> None:
    chunked = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{} \r\n0\r\n\r\n"
    docker.answer("dial-stdio", out=chunked)
    ask = engineapi.asking(manager())
    assert (500, b"{} ") == ask("GET", "/x", b"")

    docker.answer("dial-stdio", err="first\npermission denied\n", code=1)
    with pytest.raises(EnvironmentFailed) as error:
        ask("POST", "/x", b"{}")
    assert "The engine's API does not answer: permission denied" == str(error.value)
