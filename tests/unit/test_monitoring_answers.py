"""Prometheus' answers as values, rows and exit codes."""

from __future__ import annotations

import math
import socket

import pytest
from prometheusserver import answering, refused, success
from tranship.deployment.monitoring import tables
from tranship.deployment.monitoring.commands import judged
from tranship.deployment.monitoring.prometheus import Alert, Prometheus, Rule, Series
from tranship.errors import EnvironmentFailed, ExitCode, UsageError

NOW = 1_700_000_000.0
TARGETS = {
    "activeTargets": [
        {
            "labels": {"job": "containers"},
            "scrapeUrl": "http://tranship-containers:9100/metrics",
            "health": "unknown",
            "lastScrape": "0001-01-01T00:00:00Z",
            "lastScrapeDuration": 0,
            "lastError": "",
        },
        {
            "labels": {"job": "services", "service": "web"},
            "scrapeUrl": "http://web:8000/metrics",
            "health": "down",
            "lastScrape": "2023-11-14T22:13:18.123456789Z",
            "lastScrapeDuration": 0.0042,
            "lastError": "connection refused",
        },
    ]
}


def test_targets_are_read_and_shown_with_their_health_and_last_reading() -> None:
    with (
        answering({"/api/v1/targets": success(TARGETS)}) as served,
        Prometheus(served.url) as server,
    ):
        rows = tables.target_rows(server.targets(), NOW)

    assert served.asked == [("/api/v1/targets", {"state": "active"})]
    assert rows == [
        ["web", "web:8000/metrics", "down", "1.9 s ago", "4 ms", "connection refused"],
        ["containers", "tranship-containers:9100/metrics", "unknown", "never", "", ""],
    ]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ({"resultType": "scalar", "result": [NOW, "0.25"]}, [["{}", "0.25"]]),
        ({"resultType": "string", "result": [NOW, "word"]}, [['{string="word"}', "word"]]),
        ({"resultType": "vector", "result": []}, []),
        (
            {
                "resultType": "vector",
                "result": [
                    {"metric": {"__name__": "up", "service": "web"}, "value": [NOW, "1"]},
                    {"metric": {"service": "api"}, "value": [NOW, "NaN"]},
                    {"metric": {"service": "wide"}, "value": [NOW, "+Inf"]},
                ],
            },
            [['up{service="web"}', "1"], ['{service="api"}', "none"], ['{service="wide"}', "inf"]],
        ),
    ],
    ids=["scalar", "string", "nothing", "vector"],
)
def test_the_answer_to_a_query_becomes_rows(data: object, rows: list[list[str]]) -> None:
    with (
        answering({"/api/v1/query": success(data)}) as served,
        Prometheus(served.url) as server,
    ):
        found = server.query("up")

    assert served.asked == [("/api/v1/query", {"query": "up"})]
    assert tables.value_rows(found.series) == rows


def test_a_range_is_asked_for_and_shown_as_bars() -> None:
    values = [[NOW + i, str(v)] for i, v in enumerate([0, 1, 2, 3, 4, 5, 6, 7])]
    data = {"resultType": "matrix", "result": [{"metric": {"service": "web"}, "values": values}]}
    with (
        answering({"/api/v1/query_range": success(data)}) as served,
        Prometheus(served.url) as server,
    ):
        found = server.query_range("load", NOW, NOW + 7, 1)

    assert served.asked[0][1] == {
        "query": "load",
        "start": "1700000000.000",
        "end": "1700000007.000",
        "step": "1.000",
    }
    (row,) = tables.range_rows(found.series, plain=False)
    assert row == ['{service="web"}', "0", "7", "0", "7", "▁▂▃▄▅▆▇█"]
    assert tables.range_rows(found.series, plain=True)[0][-1].isascii()


def test_bars_of_many_values_of_equal_ones_and_of_none() -> None:
    many = tables.course([float(i) for i in range(1000)], plain=False)

    assert len(many) == 30
    assert (many[0], many[-1]) == ("▁", "█")
    assert tables.course([5.0, 5.0], plain=False) == "▁▁"
    assert tables.course([0.0, math.nan, 1.0], plain=False) == "▁ █"
    assert tables.course([math.nan], plain=False) == ""


def test_a_wrong_query_is_wrong_usage_in_the_words_of_prometheus() -> None:
    said = "invalid parameter 'query': 1:5: parse error: unclosed left parenthesis"
    with (
        answering({"/api/v1/query": refused(400, said)}) as served,
        Prometheus(served.url) as server,
        pytest.raises(UsageError, match="unclosed left"),
    ):
        server.query("sum(")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((503, {"status": "error", "error": "timed out"}), "timed out"),
        ((200, "<html>"), "no Prometheus"),
        ((404, "nothing here"), "no Prometheus"),
    ],
)
def test_a_source_that_does_not_answer_as_it_should_is_no_usage(
    answer: tuple[int, object], message: str
) -> None:
    with (
        answering({"/api/v1/query": answer}) as served,
        Prometheus(served.url) as server,
        pytest.raises(EnvironmentFailed, match=message),
    ):
        server.query("up")


def test_a_source_that_is_down_is_named_with_the_mend() -> None:
    with socket.socket() as held:  # bound, and nobody listens
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with Prometheus(url) as server:
            assert not server.ready()
            with pytest.raises(EnvironmentFailed, match=r"inv monitor\.up") as caught:
                server.query("up")

    assert url in str(caught.value)


def alert(state: str) -> Alert:
    since = "2023-11-14T22:12:20Z"
    return Alert("ServiceDown", state, since, {"service": "web"}, "web does not answer")


def test_alerts_are_read_firing_ones_first_and_shown() -> None:
    def item(state: str) -> dict[str, object]:
        return {
            "labels": {"alertname": "ServiceDown", "service": "web"},
            "annotations": {"summary": "web does not answer"},
            "state": state,
            "activeAt": "2023-11-14T22:12:20Z",
        }

    data = {"alerts": [item("pending"), item("firing")]}
    with (
        answering({"/api/v1/alerts": success(data)}) as served,
        Prometheus(served.url) as server,
    ):
        found = server.alerts()

    assert tables.alert_rows(found, NOW) == [
        ["ServiceDown", "firing", "web", "60.0 s", "web does not answer"],
        ["ServiceDown", "pending", "web", "60.0 s", "web does not answer"],
    ]


@pytest.mark.parametrize(
    ("found", "rules", "code", "said"),
    [
        ([], [Rule("A", "ok", "")], ExitCode.SAME, ""),
        ([alert("pending")], [Rule("A", "ok", "")], ExitCode.SAME, ""),
        ([alert("firing")], [Rule("A", "ok", "")], ExitCode.GATE_FAILED, "1 alert fires."),
        ([alert("firing")] * 2, [Rule("A", "err", "x")], ExitCode.GATE_FAILED, "2 alerts fire."),
        ([], [Rule("A", "err", "many-to-many")], ExitCode.INCONCLUSIVE, "A: many-to-many"),
        ([], [Rule("A", "unknown", "")], ExitCode.INCONCLUSIVE, "not looked at yet"),
        ([], [], ExitCode.INCONCLUSIVE, "no rules"),
    ],
)
def test_no_all_clear_without_rules_that_were_looked_at(
    found: list[Alert], rules: list[Rule], code: ExitCode, said: str
) -> None:
    judgement, reason = judged(found, rules)

    assert judgement is code
    assert said in reason


def test_a_series_is_written_as_prometheus_writes_it() -> None:
    assert str(Series({"__name__": "up"}, ())) == "up"
    assert str(Series({"__name__": "up", "b": "2", "a": "1"}, ())) == 'up{a="1", b="2"}'
