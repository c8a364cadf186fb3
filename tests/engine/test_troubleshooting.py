"""The symptoms of the troubleshooting page that one meets when a stack is to come up."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from symptoms import Reproduced

from .conftest import NewProject
from .projects import PYTHON_IMAGE, Finished, Project, container, free_port, suite_of, web

Symptoms = Mapping[str, Reproduced]
USER = "nobody"


@pytest.fixture
def shop(new_project: NewProject) -> Project:
    """Return a project whose files a test writes."""
    return new_project()


def printed(done: Finished) -> tuple[str, int]:
    """Return what is on the screen, and the exit code."""
    assert "Traceback (most recent call last)" not in done.text
    return done.text, done.code


# --- the engine


@pytest.mark.symptom("no-docker-engine-answers")
def test_an_engine_that_does_not_answer(symptom: Symptoms, shop: Project) -> None:
    found = symptom["no-docker-engine-answers"]
    shop.compose({"web": web(free_port())})
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    found.says(*printed(shop.inv("docker.up", **nowhere)))
    usual = {name: it for name, it in shop.environment.items() if name != "DOCKER_HOST"}
    found.tells(shop.root, usual, 1)
    found.tells(shop.root, {**usual, **nowhere}, 2)


@pytest.mark.symptom("no-permission-on-the-docker-socket")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_the_group(symptom: Symptoms, shop: Project) -> None:
    """The docker command and the two that tell are run as somebody who may not."""
    found = symptom["no-permission-on-the-docker-socket"]
    shop.compose({"web": web(free_port())})
    folder = shop.root / "bin"
    folder.mkdir()
    become = f"HOME=/ exec setpriv --reuid {USER} --clear-groups"
    # The project's files are root's, so Compose alone reads them as root.
    as_root = f'case "$1" in version) ;; *) exec {shutil.which("docker")} "$@";; esac'
    for name, first in (("docker", as_root), ("id", ":")):
        text = f'#!/bin/sh\n{first}\n{become} {shutil.which(name)} "$@"\n'
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    environment = {**shop.environment, "PATH": f"{folder}:{shop.environment['PATH']}"}
    found.says(*printed(shop.inv("docker.up", PATH=environment["PATH"])))
    found.tells(shop.root, environment, 1, you=USER)
    # In the group, as far as the system's list of groups goes.
    (folder / "getent").write_text(f"#!/bin/sh\necho docker:x:999:{USER}\n")
    (folder / "getent").chmod(0o755)
    found.tells(shop.root, environment, 2, you=USER)


# --- the compose file


@pytest.mark.symptom("a-required-variable-is-missing", "dependency-cycle-detected")
def test_a_compose_file_that_is_refused(symptom: Symptoms, shop: Project) -> None:
    shop.compose({"web": {**web(free_port()), "image": "${WEB_IMAGE:?say which}"}})
    found = symptom["a-required-variable-is-missing"]
    for number, variables in enumerate(({}, {"WEB_IMAGE": "shop/web:7"}), 1):
        found.says(*printed(shop.inv("docker.up", **variables)), number)
        found.tells(shop.root, {**shop.environment, **variables}, number)
    shop.compose(
        {
            "a": container("wait", depends_on=["b"]),
            "c": container("wait"),
            "b": container("wait", depends_on=["a"]),
        }
    )
    found = symptom["dependency-cycle-detected"]
    found.says(*printed(shop.inv("docker.up")))
    found.tells(shop.root, shop.environment)


# --- ports and names


@pytest.mark.symptom("ports-that-are-taken", "a-stack-of-this-name-exists")
def test_what_is_taken_already(symptom: Symptoms, shop: Project, new_project: NewProject) -> None:
    found, port = symptom["ports-that-are-taken"], free_port()
    shop.compose({"web": web(port)})
    with socket.create_server(("127.0.0.1", port)):
        found.says(*printed(shop.inv("docker.up")), 1)
    found.tells(shop.root, shop.environment, 2)
    shop.inv("local.up").exits(0)
    found.says(*printed(shop.inv("docker.up")), 1)
    found.tells(shop.root, shop.environment, 1)
    shop.inv("local.down").exits(0)
    shop.inv("docker.up").exits(0)
    found.says(*printed(shop.inv("local.up")), 2)
    other = new_project(shop.name).compose({"web": web(free_port())})
    found = symptom["a-stack-of-this-name-exists"]
    found.says(*printed(other.inv("docker.up")))
    found.tells(other.root, other.environment, name=shop.name)


@pytest.mark.symptom("a-process-listens-on-127001-only")
def test_a_process_on_the_loopback(symptom: Symptoms, shop: Project) -> None:
    found, recipe = symptom["a-process-listens-on-127001-only"], web(free_port())
    front = container("wait", environment={"WEB_URL": "http://web:8000"})
    shop.compose({"web": recipe, "front": front})
    found.says(*printed(shop.inv("hybrid.up", "--local", "web")))
    found.tells(shop.root, shop.environment, 1)
    del recipe["x-tranship"]["local"]["environment"]
    shop.compose({"web": recipe, "front": front})
    found.tells(shop.root, shop.environment, 2)


# --- images


class _Registry(http.server.BaseHTTPRequestHandler):
    """A registry that answers, and has nothing."""

    def do_GET(self) -> None:
        body = b"{}"
        if self.path != "/v2/":
            body = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def registry() -> Iterator[str]:
    """Yield the address of a registry that has nothing."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.symptom("images-cannot-be-pulled", "building-failed")
def test_images_that_cannot_be_had(symptom: Symptoms, shop: Project) -> None:
    found = symptom["images-cannot-be-pulled"]
    shop.compose({"web": {"image": "tranship.invalid/web:1"}})
    found.says(*printed(shop.inv("docker.up")))
    found.tells(shop.root, shop.environment, 1)
    with registry() as address:
        shop.compose({"web": {"image": f"{address}/web:7"}})
        found.says(*printed(shop.inv("docker.up")))
        found.tells(shop.root, shop.environment, 2, registry=address)
    found = symptom["building-failed"]
    for number, step in enumerate(
        ("RUN python -c 'raise SystemExit(3)'", "COPY nothing.txt /srv/"), 1
    ):
        dockerfile = f"FROM {PYTHON_IMAGE}\n{step}\n"
        shop.compose({"web": {"build": {"context": ".", "dockerfile_inline": dockerfile}}})
        found.says(*printed(shop.inv("docker.up")))
        found.tells(shop.root, shop.environment, number)


# --- containers that do not stay


@pytest.mark.symptom("a-container-exits-at-once", "a-container-cannot-be-started")
def test_containers_that_exit(symptom: Symptoms, shop: Project) -> None:
    found = symptom["a-container-exits-at-once"]
    shop.compose({"web": container("exit", "0")})
    found.says(*printed(shop.inv("docker.up")), 3)
    shop.compose({"web": container("exit", "3", restart="always")})
    found.says(*printed(shop.inv("docker.up")), 2)
    shop.compose({"web": container("exit", "3")})
    found.says(*printed(shop.inv("docker.up")), 1)
    for number in (1, 2):
        found.tells(shop.root, shop.environment, number)
    found = symptom["a-container-cannot-be-started"]
    shop.compose({"web": {"image": PYTHON_IMAGE, "command": ["nothing"]}})
    found.says(*printed(shop.inv("docker.up")))
    found.tells(shop.root, shop.environment, 1, program="nothing")
    found.tells(shop.root, shop.environment, 2, program="python")


@pytest.mark.symptom("exit-code-137", "permission-denied-in-a-container")
def test_what_a_container_may_not(symptom: Symptoms, shop: Project) -> None:
    found = symptom["exit-code-137"]
    kill = ["sh", "-c", "sleep 0.3; kill -9 $$$$ & wait; exit 137"]
    shop.compose({"web": {"image": PYTHON_IMAGE, "command": kill}})
    found.says(*printed(shop.inv("docker.up")), 2)
    found.tells(shop.root, shop.environment, 2)
    eat = ["python", "-c", "import time; time.sleep(0.3); bytearray(300 << 20)"]
    limits = {"mem_limit": "32m", "memswap_limit": "32m"}
    shop.compose({"web": {"image": PYTHON_IMAGE, "command": eat, **limits}})
    found.says(*printed(shop.inv("docker.up")), 1)
    found.tells(shop.root, shop.environment, 1)
    shop.inv("docker.down").exits(0)
    found = symptom["permission-denied-in-a-container"]
    write = {
        "image": PYTHON_IMAGE,
        "user": "10001",
        "command": ["sh", "-c", "echo x > /data/a"],
        "volumes": ["store:/data"],
    }
    shop.compose({"web": write}, volumes={"store": {}})
    found.says(*printed(shop.inv("docker.up")))
    found.tells(shop.root, shop.environment)


@pytest.mark.symptom("not-healthy-after-some-seconds")
def test_a_service_that_is_never_healthy(symptom: Symptoms, shop: Project) -> None:
    found, port = symptom["not-healthy-after-some-seconds"], free_port()
    unwell = web(port, "unwell")
    shop.compose({"web": unwell})
    found.says(*printed(shop.inv("local.up", "--timeout", "1")), 2)
    shop.inv("local.down").exits(0)
    slow = web(port)
    slow["command"] = ["sh", "-c", "sleep 2; exec python /srv/service.py serve 8000"]
    shop.compose({"web": slow})
    found.says(*printed(shop.inv("docker.up", "--timeout", "1")), 1)
    found.tells(shop.root, shop.environment, 1)
    shop.inv("docker.down").exits(0)
    shop.compose({"web": web(port, environment={"HOST": "127.0.0.1"})})
    found.says(*printed(shop.inv("docker.up", "--timeout", "1")), 1)
    found.tells(shop.root, shop.environment, 2)


@pytest.mark.symptom("containers-of-a-killed-run")
def test_what_a_killed_run_leaves(symptom: Symptoms, shop: Project, suite_packages: Path) -> None:
    found = symptom["containers-of-a-killed-run"]
    shop.compose(
        {"web": web(free_port()), "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("import time\n\ndef test_hangs():\n    time.sleep(60)\n")
    run = shop.start_nox("-s", "docker")
    run.until("docker: running the suite")
    run.signal(signal.SIGKILL, group=True)
    run.finish()
    found.tells(shop.root, shop.environment)
    found.says(*printed(shop.inv("docker.down")))
    assert [] == shop.left()
