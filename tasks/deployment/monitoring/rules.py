"""The alerts, as Prometheus' rule file has them; and the file that says what to read."""

from __future__ import annotations

import re
from typing import Any

from .plan import EXPORTER_PORT, Plan

EXPORTER = "tranship-containers"
SERVER = "tranship-prometheus"
CRASH_LOOP_WINDOW = "10m"


def milliseconds(seconds: float) -> str:
    """Return a duration as Prometheus writes it."""
    return f"{max(round(seconds * 1000), 0)}ms"


def scrape_document(plan: Plan) -> dict[str, Any]:
    """Return prometheus.yml: each service by its own name, and the containers' exporter."""
    interval = milliseconds(plan.settings.interval)
    jobs: list[dict[str, Any]] = []
    for path in dict.fromkeys(target.path for target in plan.targets):
        jobs.append(
            {
                "job_name": "services" if path == plan.targets[0].path else f"services {path}",
                "metrics_path": path,
                "static_configs": [
                    {
                        "targets": [f"{target.service}:{target.port}"],
                        "labels": {"service": target.service},
                    }
                    for target in plan.targets
                    if target.path == path
                ],
            }
        )
    exporter = {"targets": [f"{EXPORTER}:{EXPORTER_PORT}"]}
    jobs.append({"job_name": "containers", "static_configs": [exporter]})
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval if plan.settings.interval < 10 else "10s",
            "evaluation_interval": interval,
            "external_labels": {"stack": plan.stack},
        },
        "rule_files": ["alerts.yml"],
        "scrape_configs": jobs,
    }


def alerts_document(plan: Plan) -> dict[str, Any]:
    """Return the rule file: availability, latency, errors, restarts, memory."""
    own = plan.settings
    window = milliseconds(own.window)
    counted = f"rate({own.requests}[{window}])"
    failed = f'rate({own.requests}{{{own.status}=~"5.."}}[{window}])'
    watched = "|".join(re.escape(name) for name in plan.watched).replace("\\", "\\\\")
    gone = " or ".join(f'absent(container_running{{service="{name}"}})' for name in plan.watched)
    rules = [
        _rule(
            "ServiceDown",
            'up{job!="containers"} == 0',
            "{{ $labels.service }} does not answer Prometheus",
            own.hold,
        ),
        _rule(
            "ContainersUnseen",
            'up{job="containers"} == 0',
            "the exporter of the containers does not answer, so that nothing is known of them",
            own.hold,
        ),
        _rule(
            "ContainerDown",
            # Without the exporter every container would seem to be gone.
            f'(container_running{{service=~"{watched}"}} == 0 or {gone}) '
            'and on () up{job="containers"} == 1',
            "no container of {{ $labels.service }} runs",
            own.hold,
        ),
        _rule(
            "ContainerUnhealthy",
            "container_healthy == 0 and container_running == 1",
            "the health check of {{ $labels.service }} fails",
            own.hold,
        ),
        _rule(
            "SlowService",
            f"{latency(plan)} > {own.latency:g}",
            "the p95 of {{ $labels.service }} is {{ $value | humanizeDuration }}",
            own.hold,
        ),
        _rule(
            "FailingService",
            f"sum by (service) ({failed}) / sum by (service) ({counted}) > {own.errors:g}",
            "{{ $labels.service }} answers {{ $value | humanizePercentage }} with 5xx",
            own.hold,
        ),
        _rule(
            "CrashLoop",
            # `increase` stretches what it saw over the whole window: half a restart of slack.
            f"increase(container_restarts_total[{CRASH_LOOP_WINDOW}]) > {own.restarts - 0.5:g}",
            "{{ $labels.service }} restarts again and again",
            0.0,
        ),
        _rule(
            "MemoryNearLimit",
            "container_memory_working_set_bytes / container_spec_memory_limit_bytes "
            f"> {own.memory:g}",
            "{{ $labels.service }} has {{ $value | humanizePercentage }} of its memory limit",
            own.hold,
            "warning",
        ),
    ]
    interval = milliseconds(own.interval)
    return {"groups": [{"name": plan.stack, "interval": interval, "rules": rules}]}


def latency(plan: Plan) -> str:
    """Return the query of the p95 of each service, in seconds."""
    bucket = f"{plan.settings.duration}_bucket[{milliseconds(plan.settings.window)}]"
    return f"histogram_quantile(0.95, sum by (service, le) (rate({bucket})))"


def _rule(
    name: str, query: str, summary: str, hold: float, severity: str = "critical"
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": query,
        "for": milliseconds(hold),
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }
