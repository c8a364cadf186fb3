"""Removing what runs made: volumes of which the engine has not let go yet."""

from __future__ import annotations

from typing import Any

import pytest
from python_on_whales.exceptions import DockerException
from tranship.modes import removal


class Volume:
    """A volume that the engine refuses to remove for a while, as it does for milliseconds."""

    def __init__(self, engine: Engine, refusals: int, reason: str = "volume is in use") -> None:
        self.engine, self.refusals, self.reason = engine, refusals, reason

    def remove(self) -> None:
        if self.refusals:
            self.refusals -= 1
            command = ["docker", "volume", "rm"]
            raise DockerException(command, 1, stderr=self.reason.encode())
        self.engine.volumes.remove(self)


class Engine:
    """The part of a client that is asked; it lists what has not been removed."""

    def __init__(self) -> None:
        self.volumes: list[Volume] = []
        self.container = self.network = self.volume = self

    def list(self, **options: Any) -> list[Any]:
        return [] if "all" in options else list(self.volumes)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(made, "network", Engine())
    return made


def test_a_volume_that_is_let_go_of_late_is_removed(engine: Engine) -> None:
    engine.volumes = [Volume(engine, 0), Volume(engine, 2)]

    assert 2 == removal.remove_run(engine, "077e95")  # type: ignore[arg-type]
    assert [] == engine.volumes


def test_another_refusal_is_not_waited_for(engine: Engine) -> None:
    engine.volumes = [Volume(engine, 1, "permission denied")]

    assert 0 == removal.remove_run(engine, "077e95")  # type: ignore[arg-type]
    assert 1 == len(engine.volumes)


def test_one_that_stays_in_use_is_given_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_LET_GO_SECONDS", 0.0)
    engine.volumes = [Volume(engine, 10**6)]

    assert 0 == removal.remove_run(engine, "077e95")  # type: ignore[arg-type]
    assert 1 == len(engine.volumes)
