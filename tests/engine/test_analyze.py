"""`inv migrate.analyze` against a real engine: images, layers, ports, and mends that resolve."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from typing import Any

from .projects import PYTHON_IMAGE, Project, docker, free_port, web

DOCKERFILE = f"""\
FROM {PYTHON_IMAGE}
RUN head -c 3000000 /dev/zero > /blob
RUN head -c 60000000 /dev/zero > /large && chmod 644 /large
RUN chown -R 1000 /large
"""
QUICK = {"test": ["CMD", "true"], "start_period": "20s", "start_interval": "100ms"}


def report(project: Project, *words: str) -> dict[str, Any]:
    finished = project.inv("migrate.analyze", "--format", "json", *words).exits(0)
    found: dict[str, Any] = json.loads(finished.out)
    return found


def rules(found: dict[str, Any]) -> list[str]:
    return sorted({item["rule"] for item in found["findings"]})


def test_images_layers_and_ports_are_the_real_ones(project: Project) -> None:
    port, taken = free_port(), free_port()
    project.compose(
        {
            "web": {**web(port), "healthcheck": QUICK},
            "built": {"build": ".", "command": ["sleep", "60"]},
            "late": {**web(taken), "restart": "always"},
        }
    )
    (project.root / "Dockerfile").write_text(DOCKERFILE)
    project.inv("docker.build").exits(0)
    project.inv("docker.up", "--service", "web").exits(0)

    server = http.server.HTTPServer(("127.0.0.1", taken), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        found = report(project)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    (running,) = found["running"]
    assert ("web", "docker", f"{project.name}-web-1") == (
        running["service"],
        running["side"],
        running["container_or_pid"],
    )
    assert {"web": "the stack's", "late": "another's"} == {
        row["service"]: row["whose"] for row in found["ports"]
    }
    built = f"{project.name}-built"
    (row,) = [row for row in found["images"] if row["image"] == built]
    size = float(row["size"].removesuffix(" MB"))
    assert size > 120
    layers = [row for row in found["layers"] if row["image"] == built and row["line"]]
    assert [("Dockerfile:3", "60.0 MB"), ("Dockerfile:4", "60.0 MB")] == sorted(
        (row["line"], row["size"]) for row in layers
    )
    large = [item for item in found["findings"] if item["rule"] == "TM018"]
    assert [[{"file": "Dockerfile", "line": 4}]] == [item["places"] for item in large]
    (stranger,) = [item for item in found["findings"] if item["rule"] == "TM005"]
    assert f"Port {taken}, which late publishes, is held by process" in stranger["message"]
    # The stand-in image has no user of its own, and the Dockerfile gives none.
    assert "TM013" in rules(found)


def test_mends_resolve_and_start(project: Project) -> None:
    project.compose({"web": web(free_port())})
    before = project.compose_file.read_text()
    assert ["TM001", "TM008", "TM009", "TM010", "TM011"] == rules(report(project))

    project.inv("migrate.analyze", "--fix", "--yes", "all").exits(0).says("3 applied")

    assert ["TM010", "TM011"] == rules(report(project))
    project.inv("docker.up").exits(0)
    host = project.container("web")
    assert "healthy" == host["State"]["Health"]["Status"]
    assert {"max-size": "10m", "max-file": "3"} == host["HostConfig"]["LogConfig"]["Config"]
    assert "unless-stopped" == host["HostConfig"]["RestartPolicy"]["Name"]
    assert set(before.splitlines()) <= set(project.compose_file.read_text().splitlines())


def test_a_mend_that_compose_refuses_is_not_written(project: Project) -> None:
    project.compose({"web": web(free_port())})
    before = project.compose_file.read_text()

    # Valid YAML, and no volume: only Compose knows.
    script = (
        "from pathlib import Path\n"
        "from tranship import settings\n"
        "from tranship.migration.analysis.fixes import change_of, write\n"
        "from tranship.migration.analysis.model import Edit, Finding, Fix\n"
        "path = Path('compose.yaml').resolve()\n"
        "edit = Edit(path, 0, 0, 'volumes: {x: {driver: [1]}}\\n')\n"
        "item = Finding('TM009', 'n', 'note', 'resources', 'm', 'm', fix=Fix((edit,)))\n"
        "write(settings.load(), change_of(item))\n"
    )

    finished = project.start(sys.executable, "-c", script).finish()

    assert finished.code != 0
    assert "would not resolve with this mend, so nothing was written" in finished.err
    assert before == project.compose_file.read_text()
    assert not list(project.root.glob(".*compose.yaml"))


def test_steps_are_timed_and_leave_no_image(project: Project) -> None:
    project.compose({"built": {"build": ".", "command": ["sleep", "60"]}})
    (project.root / "Dockerfile").write_text(f"FROM {PYTHON_IMAGE}\nRUN sleep 1\nCOPY . /x\n")

    found = report(project, "--build")

    step = found["steps"][0]
    assert ("Dockerfile:2", "RUN sleep 1") == (step["line"], step["command"])
    assert 0.9 < float(step["seconds"].removesuffix(" s")) < 10
    names = docker("image", "ls", "--format", "{{.Repository}}").split()
    assert [] == [name for name in names if f"tranship-{project.checkout}/timed" in name]
