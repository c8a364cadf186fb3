"""What fails in a copy is what is said, and not what fails while it is tidied up after it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from python_on_whales.exceptions import DockerException
from tranship.errors import DataRefused
from tranship.migration.data import last_words, redis_saving
from tranship.migration.data.drivers import abandoned
from tranship.migration.data.redis_store import Server, library, manifest
from tranship.migration.data.tools import Tools
from tranship.modes.base import Address
from tranship.stack.engine import mend_of

FULL = "could not write to file: No space left on device"


class Gone:
    """A driver whose server cannot be reached any more."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def abandon(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [DataRefused("no connection"), DockerException(["docker"], 1, stderr=b"no connection")],
)
def test_a_stage_that_cannot_be_removed_does_not_hide_why(error: Exception) -> None:
    found: Any = Gone(error)

    with pytest.raises(DataRefused, match="the disk is full"), abandoned(found):
        raise DataRefused("the disk is full")


def test_a_stage_that_cannot_be_removed_is_an_error_after_all_went_well() -> None:
    found: Any = Gone(DataRefused("no connection"))

    with pytest.raises(DataRefused, match="no connection"), abandoned(found):
        pass


def test_of_a_log_the_line_that_tells_most_is_shown() -> None:
    log = f"LOG: x\nFATAL:  {FULL}\n FATAL:  in recovery\nPANIC:  aborting.\n"

    assert f"FATAL: {FULL}" == last_words.telling(log)
    assert "PANIC: aborting" == last_words.telling("FATAL: in recovery\nPANIC:  aborting.\n")
    assert "" == last_words.telling("LOG: all is well\n")


def test_a_server_that_went_away_is_asked_for_its_log_and_no_other() -> None:
    tools = Tools("db", "docker", (), None, {}, last_words=lambda: f" Its log says: {FULL}.")

    said = str(tools.refused("restoring shop", "server closed the connection unexpectedly"))

    assert said.endswith(f"unexpectedly. Its log says: {FULL}. Free some space there.")
    assert "log" not in str(tools.refused("reading", "ERROR: no such table"))


def test_an_engine_that_is_gone_is_to_be_started() -> None:
    tools = Tools("db", "docker", (), None, {})

    said = str(tools.refused("reading", "Cannot connect to the Docker daemon at unix:///x."))

    assert said.endswith("Start it (`sudo systemctl start docker`).")
    assert "" == mend_of("no such container")


def redis(monkeypatch: pytest.MonkeyPatch, answers: list[Exception | None]) -> Server:
    """Return a server that gives these answers to SAVE."""

    def command(word: str) -> None:
        assert "SAVE" == word
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    found = Server("cache", "docker", Address("127.0.0.1", 1), None, lambda: f" {FULL}.")
    client = SimpleNamespace(execute_command=command)
    monkeypatch.setattr(found, "client", lambda **_: client)
    return found


def test_what_redis_was_given_is_on_its_disk_also_when_it_was_writing_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = library().ResponseError("Background save already in progress")
    answers: list[Exception | None] = [busy, None]

    redis_saving.save(redis(monkeypatch, answers))

    assert [] == answers


def test_a_redis_that_cannot_write_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = redis(monkeypatch, [library().ResponseError("")])

    with pytest.raises(DataRefused, match=r"cannot write to its disk\. could not write.*Free some"):
        redis_saving.save(found)
    renamed = redis(monkeypatch, [library().ResponseError("unknown command 'SAVE'")])
    with pytest.raises(DataRefused, match="to its disk: unknown command 'SAVE'"):
        redis_saving.save(renamed)


def test_a_redis_that_is_gone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = redis(monkeypatch, [library().ConnectionError("refused")])

    with pytest.raises(DataRefused, match="writing to its disk failed: refused"):
        redis_saving.save(found)


def test_a_redis_that_is_too_old_to_be_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = redis(monkeypatch, [])
    client = SimpleNamespace(info=lambda _section: {"redis_version": "6.2.14"})
    monkeypatch.setattr(found, "client", lambda **_: client)

    with pytest.raises(DataRefused, match=r"cache on docker is Redis 6\.2\.14.*since 7\. Update"):
        manifest(found)
