"""What has to be built and pulled before a start."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from fakedocker import FakeDocker
from tranship.errors import ImagesMissing
from tranship.modes import images
from tranship.modes.images import Plan
from tranship.stack.engine import ComposeProject

SERVICES: dict[str, dict[str, Any]] = {
    "api": {"image": "athena"},
    "builder": {"image": "athena", "build": {"context": "."}},
    "builder-2": {"image": "athena", "build": {"context": "."}},
    "own": {"build": {"context": "."}},
    "user-of-own": {"image": "project-own"},
    "db": {"image": "postgres:17"},
    "nothing": {},
}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], Plan((), {})),
        (["db"], Plan((), {"db": "postgres:17"})),
        (["api"], Plan(("builder",), {})),
        (["api", "builder", "builder-2"], Plan(("builder",), {})),
        (["own"], Plan(("own",), {})),
        (["user-of-own", "db"], Plan(("own",), {"db": "postgres:17"})),
        (["nothing"], Plan((), {})),
    ],
)
def test_one_service_builds_each_image(wanted: list[str], expected: Plan) -> None:
    assert expected == images.plan({"services": SERVICES}, "project", wanted)


def test_build_secrets_of_ours_that_do_not_exist_are_made_empty(tmp_path: Path) -> None:
    state = tmp_path / ".tranship"
    kept = state / "build/ca.crt"
    kept.parent.mkdir(parents=True)
    kept.write_text("certificate")
    document = {
        "secrets": {
            "pip": {"file": str(state / "build/pip.conf")},
            "ca": {"file": str(kept)},
            "theirs": {"file": str(tmp_path / "theirs")},
            "variable": {"environment": "X"},
            "odd": None,
        }
    }

    images.ensure_build_secrets(document, state)
    images.ensure_build_secrets({}, state)

    made = state / "build/pip.conf"
    assert ("", 0o600) == (made.read_text(), stat.S_IMODE(made.stat().st_mode))
    assert "certificate" == kept.read_text()
    assert [".tranship"] == [path.name for path in tmp_path.iterdir()]


def test_what_is_absent_is_pulled_once(fake_docker: FakeDocker) -> None:
    fake_docker.answer("image", "inspect", out="[{}]")
    fake_docker.answer("image", "inspect", "postgres:17", err="No such image\n", code=1, times=1)
    fake_docker.answer("image", "pull")
    told: list[str] = []
    client = ComposeProject(files=()).client()

    services = {"a": "postgres:17", "b": "postgres:17", "c": "redis:7"}
    images.pull_missing(client, services, told.append)

    assert ["pulling postgres:17"] == told
    assert 1 == len(fake_docker.called_with("pull"))


def test_images_that_cannot_be_had_are_listed_in_one_message(fake_docker: FakeDocker) -> None:
    fake_docker.answer("image", "inspect", err="No such image\n", code=1)
    fake_docker.answer("image", "pull", err="manifest unknown\n", code=1)
    fake_docker.answer("image", "pull", "nginx:1", err="no route to host\n", code=1)
    services = {"db": "postgres:17", "replica": "postgres:17", "web": "nginx:1"}

    with pytest.raises(ImagesMissing) as raised:
        images.pull_missing(ComposeProject(files=()).client(), services, lambda line: None)

    lines = str(raised.value).splitlines()
    assert "  postgres:17 (for db, replica): manifest unknown" in lines
    assert "  nginx:1 (for web): no route to host" in lines
    assert "Pull or load them" in lines[-1]
