"""Asking a Prometheus for the gates: what is asked, kept and never asked again; faults."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheusserver import Answer, AnswerOf, Answers, answering, refused, success
from tranship.comparison.gates import project_gates
from tranship.comparison.records import comparison_of
from tranship.comparison.targets import Verdict
from tranship.comparison.verdict import exit_code
from tranship.deployment.monitoring import asking
from tranship.deployment.monitoring.asking import ask_for_gates
from tranship.errors import ExitCode, SettingsError
from tranship.settings import Settings, load
from tranship.trials.record import Queried, SuiteRun, TestOutcome, Trial, newest, write

ENDED = 1_777_629_602.5  # 2026-05-01T10:00:02.500Z
QUERY = 'sum(errors{project="{project}"}[{range}])'
TABLE = """
[tool.tranship.gates.errors]
query = 'sum(errors{project="{project}"}[{range}])'
threshold = "< 5"
"""


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """Return a project with a gate on a query, and a record of either mode."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.tranship]\n{TABLE}")
    found = load(tmp_path)
    for mode in ("local", "docker"):
        write(trial(mode), found.trials)
    return found


def trial(mode: str, started: str = "2026-05-01T10:00:00.000+00:00") -> Trial:
    tests = (TestOutcome("t", "a", "passed", 0.01),)
    suite = SuiteRun(("pytest",), 0, 2.5, tests, started=started)
    began = "2026-05-01T09:59:50.000+00:00"
    return Trial(mode, mode, {}, began, f"shop-{mode}", suite=suite)


def vector(*values: str, **labels: str) -> Answer:
    result = [
        {"metric": {"n": str(number), **labels}, "value": [ENDED, value]}
        for number, value in enumerate(values)
    ]
    return success({"resultType": "vector", "result": result})


def saying(answer: Answer | AnswerOf, ahead: float = 0.0) -> dict[str, Answer | AnswerOf]:
    """Return what serves a clock that is so far ahead, and this answer to all else."""

    def said(parameters: dict[str, str]) -> Answer:
        if parameters["query"] == "time()":
            now = time.time() + ahead
            return success({"resultType": "scalar", "result": [now, f"{now:.3f}"]})
        return answer(parameters) if callable(answer) else answer

    return {"/api/v1/query": said}


def asked(served: Answers) -> list[dict[str, str]]:
    return [parameters for _, parameters in served.asked if parameters["query"] != "time()"]


def ask(project: Settings, url: str, *, again: bool = False) -> list[str]:
    lines: list[str] = []
    ask_for_gates(project, ("local", "docker"), lines.append, prometheus=url, again=again)
    return lines


def kept(project: Settings, mode: str = "docker") -> Queried:
    (found,) = newest(project.trials, mode).queried
    return found


def judged(project: Settings) -> tuple[Verdict, str, int]:
    """Return the verdict, the reason and the exit code with --enforce, of what is on record."""
    found = comparison_of(project, "local", "docker")
    (result,) = (it for it in found.gates if it.gate.query)
    code = exit_code(found, enforce=True, strict=False)
    return result.judgement.verdict, result.judgement.reason, int(code)


def test_each_side_is_asked_of_the_end_of_its_suite_and_the_answer_kept(project: Settings) -> None:
    with answering(saying(vector("2"))) as served:
        assert [f"asking {served.url} for the gates"] == ask(project, served.url)
        expression = 'sum(errors{project="shop-docker"}[2500ms])'
        assert {"query": expression, "time": f"{ENDED:.3f}"} in asked(served)
        assert 2 == len(asked(served))

    found = Queried(QUERY, expression, "2026-05-01T10:00:02.500+00:00", served.url, 2.0)
    assert found == kept(project)
    assert 2.0 == kept(project, "local").value
    assert (Verdict.MET, "", 0) == judged(project)


def test_what_is_on_record_is_not_asked_again(project: Settings) -> None:
    with answering(saying(vector("2"))) as served:
        ask(project, served.url)
        ask(project, served.url)
        assert [] == ask(project, served.url, again=True)
        assert 2 == len(asked(served))
        served.asked.clear()
    # Nobody listens any more, and nobody is asked.
    assert (Verdict.MET, "", 0) == judged(project)


def test_what_was_not_to_be_had_is_asked_again_when_told_to(project: Settings) -> None:
    with answering(saying(vector())) as served:
        ask(project, served.url)
        ask(project, served.url)
        assert 2 == len(asked(served))
    with answering(saying(vector("9"))) as served:
        ask(project, served.url, again=True)

    assert (9.0, "") == (kept(project).value, kept(project).fault)
    assert (Verdict.MISSED, "", 3) == judged(project)


def test_a_query_that_was_changed_is_asked_and_the_other_one_stays(project: Settings) -> None:
    with answering(saying(vector("2"))) as served:
        ask(project, served.url)
        path = project.root / "pyproject.toml"
        path.write_text(path.read_text().replace("sum(errors", "max(errors"))
        ask(load(project.root), served.url)

    assert [QUERY, QUERY.replace("sum", "max")] == [
        it.query for it in newest(project.trials, "docker").queried
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (vector(), "no data of the time that the suite ran. Does it read this run"),
        (vector("NaN"), "the value is NaN, no number. Divide by nothing that may be zero"),
        (vector("+Inf"), "the value is infinite"),
        (vector("1", "2", "3"), '3 series ({n="0"}, {n="1"}, ...). Make them one, as in sum(...)'),
        (
            success({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "1"]]}]}),
            "the query gives a range. Take one value of it",
        ),
        (success({"resultType": "string", "result": [ENDED, "x"]}), "the query gives a text"),
        (refused(400, "1:5: parse error"), "the query is refused: 1:5: parse error"),
        (refused(422, "too many samples"), "the query is refused: too many samples"),
        (refused(503, "query timed out"), "query timed out"),
        ((200, "<html>"), "is no Prometheus: HTTP 200 and no JSON. Give the URL of a Prometheus"),
        ((401, "who?"), "HTTP 401 and no JSON. Give the URL of a Prometheus, with name:password@"),
        ((302, ""), "is no Prometheus: HTTP 302"),
        ((200, '{"status": "suc'), "is no Prometheus: HTTP 200"),
        ((200, '["success"]'), "is no Prometheus: HTTP 200"),
        ((200, {"status": "success"}), "answers as no Prometheus does"),
        (success({"resultType": "vector", "result": [{"metric": 1}]}), "no data"),
        (success({"resultType": "vector", "result": 7}), "answers as no Prometheus does"),
        (vector("many"), "answers as no Prometheus does"),
    ],
)
def test_what_is_no_single_number_is_inconclusive_and_named(
    project: Settings, answer: Answer, reason: str
) -> None:
    with answering(saying(answer)) as served:
        ask(project, served.url)

    verdict, said, code = judged(project)
    assert (Verdict.UNKNOWN, ExitCode.INCONCLUSIVE) == (verdict, code)
    assert reason in said
    assert "\n" not in said
    assert kept(project).value is None


def test_the_messages_in_the_docs_are_what_is_said(project: Settings) -> None:
    said = []
    path = project.root / "pyproject.toml"
    for text in (TABLE.replace("{project}", "{projct}"), TABLE.replace("threshold", "#")):
        path.write_text(text)
        with pytest.raises(SettingsError) as caught:
            project_gates(load(project.root))
        said.append(str(caught.value).replace(str(project.root), "<project>"))
    with pytest.raises(SettingsError) as caught:
        ask(project, "prometheus:9090")
    said.append(str(caught.value))

    quoted = (Path(__file__).parents[2] / "docs/errors.md").read_text().splitlines()
    assert [] == [line for line in said if line not in quoted]


@contextmanager
def refusing() -> Iterator[str]:
    """Yield the URL of a port that refuses: bound, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """Yield the URL of a port that is listened on, where nobody ever answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield f"127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def hanging_up() -> Iterator[str]:
    """Yield the URL of a server that closes each connection without a word."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        held.settimeout(10)

        def serve() -> None:
            with held.accept()[0]:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{held.getsockname()[1]}"
        thread.join()


@contextmanager
def dribbling() -> Iterator[str]:
    """Yield the URL of a server whose answer never ends, and never pauses for long."""
    over = threading.Event()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        held.settimeout(10)

        def serve() -> None:
            connection = held.accept()[0]
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
                while not over.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{held.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("source", [refusing, silent, hanging_up, dribbling])
def test_a_source_that_does_not_answer_is_named_once_without_its_password(
    project: Settings, monkeypatch: pytest.MonkeyPatch, source: Callable[[], Any]
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT_SECONDS", 0.3)
    began = time.monotonic()
    with source() as address:
        lines = ask(project, f"http://reader:hunter2@{address}")
    # Asked once: each of two sides would wait, and the hanging server takes one connection.
    assert time.monotonic() - began < 2.0

    verdict, said, code = judged(project)
    assert (Verdict.UNKNOWN, ExitCode.INCONCLUSIVE) == (verdict, code)
    assert said.startswith(f"docker: Prometheus at http://{address} does not answer: ")
    assert said.endswith("Is it up? Ask again: inv compare.show --prometheus URL")
    texts = [*lines, *(path.read_text() for path in project.trials.glob("*.json"))]
    assert [] == [text for text in texts if "hunter2" in text]


def test_name_and_password_reach_the_source_and_no_record(project: Settings) -> None:
    with answering(saying(vector("2"))) as served:
        lines = ask(project, served.url.replace("://", "://reader:hunter%202@"))

    word = base64.b64encode(b"reader:hunter 2").decode()
    assert {f"Basic {word}"} == set(served.authorizations)
    assert served.url == kept(project).source
    assert [f"asking {served.url} for the gates"] == lines


@pytest.mark.parametrize(("ahead", "shifted"), [(0.4, 0.0), (90.0, 90.0), (-90.0, -90.0)])
def test_the_clock_of_prometheus_decides_the_moment(
    project: Settings, ahead: float, shifted: float
) -> None:
    with answering(saying(vector("2"), ahead)) as served:
        ask(project, served.url)
        moments = [float(it["time"]) for it in asked(served)]

    assert moments == [pytest.approx(ENDED + shifted, abs=0.5)] * 2
    assert kept(project).clock_seconds == pytest.approx(shifted, abs=0.5)
    assert kept(project).at == "2026-05-01T10:00:02.500+00:00"


def test_an_answer_that_took_long_is_no_difference_of_clocks(project: Settings) -> None:
    def slow(parameters: dict[str, str]) -> Answer:
        if parameters["query"] != "time()":
            return vector("2")
        now = time.time() + 1.8
        time.sleep(1.0)
        return success({"resultType": "scalar", "result": [now, f"{now:.3f}"]})

    with answering({"/api/v1/query": slow}) as served:
        ask(project, served.url)

    assert 0.0 == kept(project).clock_seconds


def test_a_record_of_before_the_suite_had_a_time_is_not_guessed_at(project: Settings) -> None:
    write(trial("docker", started=""), project.trials)
    with answering(saying(vector("2"))) as served:
        ask(project, served.url)
        assert 1 == len(asked(served))

    fault = "docker: the record does not say when its suite ran. Run the mode again"
    assert (Verdict.UNKNOWN, fault, 5) == judged(project)


def test_nobody_is_asked_without_a_query_or_a_source(project: Settings) -> None:
    assert [] == ask(project, "")
    (project.root / "pyproject.toml").write_text("[tool.tranship]\n")
    with answering({}) as served:
        assert [] == ask(load(project.root), served.url)
        assert [] == served.asked


def test_the_settings_name_the_source(project: Settings) -> None:
    path = project.root / "pyproject.toml"
    with answering(saying(vector("2"))) as served:
        path.write_text(f'[tool.tranship.gates]\nprometheus = "{served.url}/"\n{TABLE}')
        ask(load(project.root), "")
        assert 2 == len(asked(served))
    with pytest.raises(SettingsError, match="--prometheus: no URL"):
        ask(project, "prometheus:9090")
