"""The workflow of this repository is one of those that are generated, and calls what exists."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tranship
import yaml
from invoke.program import Program
from pipelined import scripts
from tranship import settings as settings_module
from tranship.comparison.options import parsed
from tranship.deployment.pipelines.commands import pipelines

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from bootstrap.cli import parse  # noqa: E402

PROVIDERS = ("github", "gitlab")


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    settings = settings_module.load(ROOT)
    return {name: yaml.safe_load(pipelines(settings, name)[0].text) for name in PROVIDERS}


def words_of(document: Any, provider: str, program: str) -> Iterator[list[str]]:
    """Yield the words after `program` wherever a line of the pipeline calls it."""
    for _, text in scripts(provider, document):
        for found in re.findall(rf"(?:^|[;)&|]) *{re.escape(program)} ([^|;>&\n]+)", text, re.M):
            yield shlex.split(found)


def test_the_workflow_here_is_what_would_be_written(
    inv: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    program = Program(namespace=tranship.namespace(), version="0")

    expected = (0, ".github/workflows/tranship.yml: up to date.\n", "")
    assert expected == inv(program, "ci.generate", "--check")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_task_exists_with_its_options(provider: str, documents: dict[str, Any]) -> None:
    root = tranship.namespace()
    found = list(words_of(documents[provider], provider, "inv"))

    assert {"env.check", "migrate.analyze", "ci.generate", "docker.config"} == {
        words[0] for words in found
    }
    for name, *options in found:
        assert name in root.task_names
        known = {
            f"--{word.replace('_', '-')}"
            for argument in root[name].get_arguments()
            for word in argument.names
        }
        assert {word for word in options if word.startswith("--")} <= known


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_session_exists_and_takes_its_options(
    provider: str, documents: dict[str, Any]
) -> None:
    found = list(words_of(documents[provider], provider, "nox"))
    sessions = set()

    for flag, session, *rest in found:
        assert "-s" == flag
        sessions.add(session)
        if session == "compare":
            options, for_pytest = parsed(rest[1:])
            assert [] == for_pytest
            assert set(options.modes) <= {"docker", "local", "hybrid:strategy-service", "$MODE"}
    # $MODE is local or docker where it is a session: the case says so.
    assert {"$MODE", "compare"} == sessions


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_command_of_the_bootstrap_exists(provider: str, documents: dict[str, Any]) -> None:
    found = [
        words
        for text in (text for _, text in scripts(provider, documents[provider]))
        for words in map(shlex.split, re.findall(r"^scripts/run (.+)$", text, re.M))
    ]

    assert {"setup", "tests"} == {parse(words).command for words in found}


def test_the_page_shows_the_settings_of_this_repository() -> None:
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    block = re.search(r"^```toml\n(.*?)^```", page, re.M | re.S)
    assert block
    shown = tomllib.loads(block[1])["tool"]["tranship"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["tranship"]

    assert {name: ours[name] for name in shown} == shown
