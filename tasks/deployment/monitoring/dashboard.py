"""The dashboard of Grafana, and how Grafana finds it and its source."""

from __future__ import annotations

from typing import Any

from .plan import Plan
from .rules import CRASH_LOOP_WINDOW, latency, milliseconds

_SOURCE = {"type": "prometheus", "uid": "tranship"}
_HEIGHT = 8
_WIDTH = 12


def datasource(url: str) -> dict[str, Any]:
    """Return the provisioned data source."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": _SOURCE["uid"],
                "type": "prometheus",
                "access": "proxy",
                "url": url,
                "isDefault": True,
            }
        ],
    }


def provider() -> dict[str, Any]:
    """Return what tells Grafana to read the dashboard from its file."""
    options = {"path": "/etc/grafana/provisioning/dashboards"}
    return {"apiVersion": 1, "providers": [{"name": "stack", "type": "file", "options": options}]}


def queries(plan: Plan) -> list[tuple[str, str, str]]:
    """Return (title, query, unit in Grafana's words) of each panel."""
    own = plan.settings
    window = milliseconds(own.window)
    counted = f"sum by (service) (rate({own.requests}[{window}]))"
    failed = f'sum by (service) (rate({own.requests}{{{own.status}=~"5.."}}[{window}]))'
    return [
        ("Answering", "up", "short"),
        ("Requests", counted, "reqps"),
        ("Latency, p95", latency(plan), "s"),
        ("Answered 5xx", f"{failed} / {counted}", "percentunit"),
        ("Memory", "container_memory_working_set_bytes", "bytes"),
        ("CPU", f"rate(container_cpu_usage_seconds_total[{window}])", "short"),
        (
            f"Restarts in {CRASH_LOOP_WINDOW}",
            f"increase(container_restarts_total[{CRASH_LOOP_WINDOW}])",
            "short",
        ),
        ("Firing alerts", 'ALERTS{alertstate="firing"}', "short"),
    ]


def dashboard(plan: Plan) -> dict[str, Any]:
    """Return the dashboard's model: one panel a query, two in a row."""
    panels = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": _SOURCE,
            "gridPos": {
                "x": number % 2 * _WIDTH,
                "y": number // 2 * _HEIGHT,
                "w": _WIDTH,
                "h": _HEIGHT,
            },
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "targets": [{"refId": "A", "datasource": _SOURCE, "expr": query}],
        }
        for number, (title, query, unit) in enumerate(queries(plan))
    ]
    return {
        "uid": "tranship-stack",
        "title": plan.stack,
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "panels": panels,
    }
