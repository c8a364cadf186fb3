"""What a run starts, and what the next one removes after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakedocker import FakeDocker
from tranship.errors import UsageError
from tranship.modes import runs
from tranship.modes.runs import Recovered, suite_services
from tranship.settings import Settings, SuiteSettings
from tranship.stack import isolation
from tranship.stack.model import Stack, parse

STACK: Stack = parse(
    {
        "services": {
            "db": {},
            "api": {"depends_on": {"db": {}}},
            "proxy": {"profiles": ["production"]},
            "mailbox": {"profiles": ["test"]},
            "tests": {"profiles": ["test"], "depends_on": {"api": {}, "mailbox": {}}},
        }
    },
    [Path("compose.yaml")],
    confirmed=True,
)


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        ("tests", {"db", "api", "mailbox"}),
        ("api", {"db"}),
    ],
)
def test_a_run_starts_what_the_suite_needs_and_not_the_suite(
    suite: str, expected: set[str]
) -> None:
    settings = Settings(root=Path("/p"), suite=SuiteSettings(service=suite))

    found = [service.name for service in suite_services(settings, STACK)]

    assert expected == set(found)
    assert "api" not in found or found.index("db") < found.index("api")


def test_a_run_without_a_suite_is_wrong_usage(tmp_path: Path, fake_docker: FakeDocker) -> None:
    compose = tmp_path / "compose.yaml"
    compose.write_text("services: {a: {image: x}}\n")
    fake_docker.resolves_to({"name": "a", "services": {"a": {"image": "x"}}})
    settings = Settings(root=tmp_path, compose_files=(compose,), state_directory=tmp_path / "state")
    modes = ("local", "docker", "hybrid:a")

    for run in (runs.isolated(settings, mode, tmp_path, lambda line: None) for mode in modes):
        with pytest.raises(UsageError, match=r"No suite: .*\[tool\.tranship\.suite\]"), run:
            pass
    assert not settings.runs.exists()


@pytest.mark.parametrize(
    ("recovered", "text"),
    [
        (Recovered((), 0, 0), None),
        (Recovered(("a",), 0, 0), "their folders"),
        (Recovered((), 3, 0), "3 processes"),
        (Recovered((), 0, 2), "2 containers, networks and volumes"),
        (Recovered(("a",), 3, 2), "3 processes and 2 containers, networks and volumes"),
    ],
)
def test_what_was_removed_is_said(recovered: Recovered, text: str | None) -> None:
    assert (text is not None) == bool(recovered)
    if text is not None:
        assert f"Removed what runs that died had left: {text}." == str(recovered)


def test_folders_of_runs_that_died_go_and_those_of_live_runs_stay(
    tmp_path: Path, no_docker: None
) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path / "state")
    with isolation.new_run(tmp_path, settings.runs) as live:
        dead = settings.runs / "dead00"
        (dead / "redis/data").mkdir(parents=True)

        recovered = runs.recover(settings)

        assert Recovered(("dead00",), 0, 0) == recovered
        assert (False, True) == (dead.exists(), live.directory.exists())


def test_an_engine_with_nothing_of_ours_is_left_alone(
    tmp_path: Path, fake_docker: FakeDocker
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x}}\n")
    settings = Settings(root=tmp_path, compose_files=(tmp_path / "compose.yaml",))

    assert not runs.recover(settings)

    label = f"label={isolation.LABEL_CHECKOUT}={isolation.checkout_id(tmp_path)}"
    assert {"container", "network", "volume"} == {
        call.argv[0] for call in fake_docker.calls if label in call.argv
    }
