"""The file in which a Prometheus finds the services of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tranship.modes.base import Address, Mode
from tranship.settings import Settings
from tranship.stack.isolation import Run
from tranship.stack.metrics import Metrics
from tranship.stack.model import Service, parse
from tranship.trials.scrapefile import scrape_file

RUN = Run("ab12cd", "0123abcd", Path("runs/ab12cd"))
AT = {name: Address("127.0.0.1", 40000 + at) for at, name in enumerate(("api", "admin", "db"))}


@contextmanager
def offered(
    folder: Path, run: Run = RUN, chosen: Sequence[Service] | None = None
) -> Iterator[None]:
    """Keep the file of a run in Docker; `folder` is .tranship/scrape."""
    mode = cast("Mode", SimpleNamespace(name="docker", addresses=lambda: AT))
    settings = Settings(root=folder, state_directory=folder.parent)
    with scrape_file(settings, mode, run, services() if chosen is None else chosen):
        yield


def services() -> tuple[Service, ...]:
    document = {
        "services": {
            "api": {"image": "i", "expose": [8000], "x-tranship": {"metrics": {"path": "/m"}}},
            # Its metrics are on a port that this host does not dial.
            "admin": {"image": "i", "expose": [80], "x-tranship": {"metrics": {"port": 81}}},
            "db": {"image": "i", "expose": [5432]},
            "away": {"image": "i", "expose": [8000], "x-tranship": {"metrics": {}}},
        }
    }
    return tuple(parse(document, [Path("compose.yaml")], confirmed=False).services.values())


def test_a_run_is_found_while_it_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "scrape"

    with offered(folder):
        (path,) = folder.iterdir()
        assert f"{RUN.project}.json" == path.name
        assert 0o644 == path.stat().st_mode & 0o777  # Prometheus is another user
        assert json.loads(path.read_text()) == [
            {
                "targets": ["127.0.0.1:40000"],
                "labels": {
                    "service": "api",
                    "mode": "docker",
                    "project": RUN.project,
                    "run": "ab12cd",
                    "__metrics_path__": "/m",
                },
            }
        ]

    assert [] == list(folder.iterdir())


def test_it_goes_also_when_the_run_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        offered(tmp_path / "scrape"),
    ):
        raise KeyboardInterrupt

    assert [] == list((tmp_path / "scrape").iterdir())


def test_there_is_none_where_no_service_has_metrics(tmp_path: Path) -> None:
    folder = tmp_path / "scrape"
    plain = [service for service in services() if service.metrics is None]
    assert [Metrics(8000, "/m")] == [it.metrics for it in services() if it.name == "api"]

    with offered(folder, chosen=plain):
        assert not folder.exists()


def test_what_a_run_that_died_left_goes_and_that_of_a_live_one_stays(tmp_path: Path) -> None:
    folder, runs = tmp_path / "scrape", tmp_path / "runs"
    (runs / "11ffee").mkdir(parents=True)
    folder.mkdir()
    for name in ("tranship-0123abcd-dead00", "tranship-0123abcd-11ffee", "mine"):
        (folder / f"{name}.json").write_text("[]")

    with offered(folder, Run("ab12cd", "0123abcd", runs / "ab12cd"), ()):
        pass

    assert {"tranship-0123abcd-11ffee.json", "mine.json"} == {it.name for it in folder.iterdir()}


def test_a_folder_that_cannot_be_written_keeps_no_suite_from_running(tmp_path: Path) -> None:
    folder = tmp_path / "scrape"
    folder.write_text("a file")

    with offered(folder):
        pass

    assert "a file" == folder.read_text()
