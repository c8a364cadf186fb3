"""Where a variable that is required and missing can be given a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from tranship import settings
from tranship.errors import ComposeFileError
from tranship.stack import engine
from tranship.stack.unset import where_to_set

COMPOSE = Path("shop/compose/compose.yaml")
SAID = "required variable TAG is missing a value: say which"


def test_nobody_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAG", raising=False)

    assert ". Write it into shop/compose/.env" == where_to_set(SAID, [COMPOSE], ())
    assert "" == where_to_set("no such file", [COMPOSE], ())


def test_the_shell_has_it_and_no_run_gets_to_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAG", "v7-of-the-shell")

    found = where_to_set(SAID, [COMPOSE], ())

    assert "This shell has a TAG" in found
    assert "pass-env" in found
    assert "v7-of-the-shell" not in found
    # It is passed on, and empty: the shell's is no answer.
    assert ". Write it into shop/compose/.env" == where_to_set(SAID, [COMPOSE], ["TAG"])


def test_without_docker_it_is_said_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None
) -> None:
    monkeypatch.delenv("TAG", raising=False)
    text = "services:\n  web:\n    image: ${TAG:?say which}\n"
    (tmp_path / "compose.yaml").write_text(text)

    with pytest.raises(ComposeFileError, match=r"TAG is required: say which\. Write it into"):
        engine.load(settings.load(tmp_path))
