"""What is written for Prometheus: from the stack, and from nothing else."""

from __future__ import annotations

import http.client
import importlib
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from tranship.deployment.monitoring import composed, exporter
from tranship.deployment.monitoring.plan import Plan, plan_of
from tranship.deployment.monitoring.rules import alerts_document, scrape_document
from tranship.errors import ComposeFileError, SettingsError, UsageError
from tranship.settings import MonitoringSettings, Settings, load
from tranship.stack.metrics import Metrics
from tranship.stack.model import parse

ROOT = Path(__file__).resolve().parents[2]


def document(**services: dict[str, Any]) -> dict[str, Any]:
    return {"name": "shop", "services": services, "networks": {"default": {"name": "shop_default"}}}


def service(metrics: object = None, **more: Any) -> dict[str, Any]:
    extension = {} if metrics is None else {"x-tranship": {"metrics": metrics}}
    return {"image": "a", "ports": [{"target": 8000}], **extension, **more}


def planned(found: dict[str, Any], present: tuple[str, ...] = (), **settings: Any) -> Plan:
    stack = parse(found, [Path("compose.yaml")], confirmed=True)
    own = Settings(root=Path("project"), monitoring=MonitoringSettings(**settings))
    return plan_of(own, stack, found, present)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, Metrics(8000, "/metrics")),
        ({"path": "/stats"}, Metrics(8000, "/stats")),
        ({"port": 9000}, Metrics(9000, "/metrics")),
    ],
)
def test_metrics_have_a_port_and_a_path(value: object, expected: Metrics) -> None:
    stack = parse(document(web=service(value)), [Path("compose.yaml")], confirmed=True)

    assert stack.service("web").metrics == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be a mapping"),
        ({"pth": "/m"}, "unknown key 'pth' (did you mean 'path'?)"),
        ({"path": "m"}, "begins with a slash"),
        ({"port": "x"}, "no port to read"),
        ({"port": 0}, "0 is no port"),
    ],
)
def test_malformed_metrics_name_file_and_key(value: object, message: str) -> None:
    with pytest.raises(ComposeFileError) as caught:
        parse(document(web=service(value)), [Path("compose.yaml")], confirmed=True)

    assert "compose.yaml: services.web.x-tranship.metrics" in str(caught.value)
    assert message in str(caught.value)


def test_each_service_with_metrics_is_read_by_its_name_and_the_containers_too() -> None:
    found = document(
        web=service({}),
        api=service({"path": "/stats", "port": 9000}),
        db=service(),
        nightly=service({}, profiles=["night"]),
    )

    written = scrape_document(planned(found, interval=5.0))

    jobs = {job["job_name"]: job for job in written["scrape_configs"]}
    assert {
        (job["metrics_path"], it["targets"][0], it["labels"]["service"])
        for job in jobs.values()
        if job["job_name"] != "containers"
        for it in job["static_configs"]
    } == {("/metrics", "web:8000", "web"), ("/stats", "api:9000", "api")}
    assert jobs["containers"]["static_configs"] == [{"targets": ["tranship-containers:9100"]}]
    assert written["global"]["scrape_interval"] == "5000ms"
    assert written["global"]["external_labels"] == {"stack": "shop"}


def test_a_service_of_a_profile_is_read_when_it_is_there() -> None:
    found = document(web=service({}), nightly=service({}, profiles=["night"]))

    assert [it.service for it in planned(found).targets] == ["web"]
    assert [it.service for it in planned(found, ("nightly",)).targets] == ["nightly", "web"]


def test_no_service_with_metrics_is_wrong_usage_with_the_mend() -> None:
    with pytest.raises(UsageError, match=r"x-tranship: \{metrics: \{path: /metrics\}\}"):
        planned(document(db=service()))


def test_a_service_on_the_hosts_network_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="web has network_mode 'host'"):
        planned(document(web=service({}, network_mode="host")))


def test_the_networks_are_those_that_the_services_are_on() -> None:
    found = document(web=service({}, networks={"inner": None}), api=service({}), db=service())
    found["networks"]["inner"] = {"name": "shop_inner", "internal": True}

    assert set(planned(found).networks) == {"shop_inner", "shop_default"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("port", 0, "0 is no port"),
        ("grafana_port", 70000, '"grafana-port": 70000 is no port'),
        ("requests", "a-b", "no name of Prometheus"),
        ("memory", 0.0, "above 0"),
        ("hold", -1.0, "not be below 0"),
        ("window", 5.0, "no two readings"),
    ],
)
def test_a_setting_that_prometheus_would_refuse_is_named(
    key: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError, match=r"\[tool.tranship.monitoring\]") as caught:
        planned(document(web=service({})), **{key: value})

    assert message in str(caught.value)


def test_the_alerts_watch_what_is_to_run_and_hold_as_long_as_the_settings_say() -> None:
    found = document(
        web=service({}, depends_on={"migrations": {"condition": "service_completed_successfully"}}),
        migrations=service(),
    )

    (group,) = alerts_document(planned(found, hold=2.5, requests="shop_requests"))["groups"]

    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert {
        *("ServiceDown", "ContainersUnseen", "ContainerDown", "ContainerUnhealthy"),
        *("SlowService", "FailingService", "CrashLoop", "MemoryNearLimit"),
    } == set(rules)
    assert "migrations" not in rules["ContainerDown"]["expr"]
    assert 'absent(container_running{service="web"})' in rules["ContainerDown"]["expr"]
    assert 'shop_requests{status=~"5.."}' in rules["FailingService"]["expr"]
    assert rules["ServiceDown"]["for"] == "2500ms"


def test_the_compose_project_is_loopback_only_read_only_and_joins_the_stacks_networks() -> None:
    plan = planned(document(web=service({})), port=9191)
    images = {"tranship-prometheus": "p:1", "tranship-containers": "python:1"}

    written = composed.document(plan, images, "label")

    assert written["name"] == "shop-monitoring"
    assert set(written["services"]) == set(images)
    server = written["services"]["tranship-prometheus"]
    assert server["ports"] == [{"target": 9090, "published": "9191", "host_ip": "127.0.0.1"}]
    assert set(server["networks"]) == {"default", "stack-0"}
    assert written["networks"] == {"stack-0": {"name": "shop_default", "external": True}}
    assert "networks" not in written["services"]["tranship-containers"]
    for body in written["services"].values():
        assert body["cap_drop"] == ["ALL"]
        assert body["read_only"]
        assert body["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
        assert all(it["read_only"] for it in body["volumes"] if isinstance(it, dict))


def test_grafana_has_a_dashboard_whose_panels_ask_the_provisioned_source() -> None:
    texts = composed.contents(planned(document(web=service({}))))
    source = yaml.safe_load(texts["grafana/datasources/prometheus.yml"])["datasources"][0]
    board = json.loads(texts["grafana/dashboards/stack.json"])

    assert source["url"] == "http://tranship-prometheus:9090"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) == 8
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == panel["targets"][0]["datasource"]["uid"]
        assert panel["datasource"]["uid"] == source["uid"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)


def test_what_is_written_changes_its_label_and_only_then() -> None:
    plan = planned(document(web=service({})))
    other = replace(plan, settings=MonitoringSettings(hold=1.0))
    digests = [composed.digest(composed.contents(it)) for it in (plan, plan, other)]

    assert digests[0] == digests[1] != digests[2]


def test_files_are_for_every_reader_but_the_compose_file(tmp_path: Path) -> None:
    files = composed.Files(tmp_path / "monitoring")

    files.write(planned(document(web=service({}))), {"tranship-prometheus": "p:1"})

    assert (files.folder / "prometheus/alerts.yml").stat().st_mode & 0o777 == 0o644
    assert (files.folder / "prometheus").stat().st_mode & 0o777 == 0o755
    assert files.compose.stat().st_mode & 0o777 == 0o600


def test_the_example_stack_is_read_whole() -> None:
    settings = load(ROOT)
    found = yaml.safe_load((ROOT / "compose/compose.yaml").read_text())
    services = found["services"]

    assert {name for name, it in services.items() if "metrics" in it.get("x-tranship", {})} == {
        *("data-service", "risk-service", "executor-service", "strategy-service", "frontend")
    }
    source = (ROOT / "compose/services/athena/metrics.py").read_text()
    assert f'"{settings.monitoring.requests}"' in source
    assert f'"{settings.monitoring.duration}"' in source


# --- the exporter


ENGINE: dict[str, Any] = {
    "/containers/json": [{"Id": "one"}, {"Id": "two"}, {"Id": "gone"}],
    "/containers/one/json": {
        "Name": "/shop-web-1",
        "RestartCount": 4,
        "Config": {"Labels": {"com.docker.compose.service": "web"}},
        "HostConfig": {"Memory": 1000},
        "State": {
            "Running": True,
            "StartedAt": "2023-11-14T22:13:20.5Z",
            "Health": {"Status": "unhealthy"},
        },
    },
    "/containers/one/stats": {
        "memory_stats": {"usage": 900, "stats": {"inactive_file": 300}},
        "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
    },
    "/containers/two/json": {
        "Name": "/shop-db-1",
        "Config": {"Labels": {"com.docker.compose.service": 'd"b'}},
        "HostConfig": {"Memory": 0},
        "State": {"Running": False, "StartedAt": "0001-01-01T00:00:00Z"},
    },
}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A socket that answers as the engine does; yields what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {unquote(self.path)}")
            found = ENGINE.get(self.path.partition("?")[0])
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

    path = tmp_path / "engine.sock"
    monkeypatch.setattr(exporter, "SOCKET", str(path))
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def test_the_exporter_shows_what_the_engine_says_of_each_container(engine: list[str]) -> None:
    lines = [line for line in exporter.read("shop").splitlines() if not line.startswith("#")]

    web = '{service="web",name="shop-web-1"}'
    assert lines == [
        f"container_running{web} 1.0",
        'container_running{service="d\\"b",name="shop-db-1"} 0.0',
        f"container_healthy{web} 0.0",
        f"container_restarts_total{web} 4.0",
        'container_restarts_total{service="d\\"b",name="shop-db-1"} 0.0',
        f"container_start_time_seconds{web} 1700000000.0",
        f"container_memory_working_set_bytes{web} 600.0",
        f"container_spec_memory_limit_bytes{web} 1000.0",
        f"container_cpu_usage_seconds_total{web} 2.5",
    ]
    assert {words.split()[0] for words in engine} == {"GET"}
    assert "com.docker.compose.project=shop" in engine[0]


def test_the_exporter_says_nothing_of_containers_whose_engine_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "SOCKET", str(tmp_path / "none"))
    monkeypatch.setenv("PROJECT", "shop")
    with exporter.ThreadingHTTPServer(("127.0.0.1", 0), exporter.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            found = []
            for path in ("/metrics", "/other"):
                connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
                connection.request("GET", path)
                answer = connection.getresponse()
                found.append((answer.status, b"container_" in answer.read()))
                connection.close()
        finally:
            server.shutdown()
            thread.join()

    assert found == [(503, False), (404, False)]


def test_the_exporter_needs_nothing_but_python() -> None:
    source = Path(str(exporter.__file__)).read_text()

    assert "from ." not in source
    compile(source, "exporter.py", "exec")


# --- the set-up


def test_the_setup_gets_prometheus_when_asked_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    cli = importlib.import_module("bootstrap.cli")
    server = importlib.import_module("bootstrap.prometheus")

    assert cli.parse(["setup", "--monitoring"]) == cli.Order("setup", monitoring=True)
    assert not server.chosen(tmp_path)
    (tmp_path / ".tranship").mkdir()
    (tmp_path / ".tranship/images.env").write_text(f"{server.VARIABLE}=x\n")
    assert server.chosen(tmp_path)
