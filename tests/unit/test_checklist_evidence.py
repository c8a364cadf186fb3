"""Evidence: what is kept, for how long it holds, and who confirmed what by hand."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from checklisted import Checklisted, trial
from tranship.errors import EnvironmentFailed, RecordError, UsageError
from tranship.migration.checklist import evidence
from tranship.migration.checklist.assessment import confirm, needed, phase_of
from tranship.migration.checklist.catalogue import PROBES
from tranship.migration.checklist.model import (
    PHASES,
    TARGETS,
    Assessed,
    Evidence,
    Item,
    Outcome,
    failed,
    not_seen,
    proved,
    unknown,
)

OWN = '[[tool.tranship.checklist]]\nid = "own"\ntitle = "Own"\ncommand = '
pytestmark = pytest.mark.usefixtures("no_docker")


@pytest.fixture
def project(tmp_path: Path) -> Checklisted:
    return Checklisted(tmp_path / "project")


def answer(monkeypatch: pytest.MonkeyPatch, outcome: Outcome, probe: str = "logs") -> None:
    """Let a probe find this."""
    known = replace(PROBES[probe], run=lambda _inspection, _parameters: outcome)
    monkeypatch.setitem(PROBES, probe, known)  # type: ignore[arg-type]


def test_what_cannot_be_looked_at_now_stands_as_it_was_seen(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for outcome in (proved("all well"), failed("not well"), unknown("who knows")):
        answer(monkeypatch, outcome)
        first = project.of("logs")
        answer(monkeypatch, not_seen("nothing runs"))

        later = project.of("logs")

        assert (outcome.status, outcome.seen) == (later.status, later.seen)
        assert (first.at, "inv test") == (later.at, later.by)


def test_without_evidence_the_reason_is_said(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, not_seen("nothing runs"))

    found = project.of("logs")

    assert ("unknown", "nothing runs", None) == (found.status, found.seen, found.at)
    assert not evidence.path_of(project.settings).exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yaml", "# changed\n"),
        ("Dockerfile", "# changed\n"),
        ("compose/test.yaml", "services: {}\n"),
        (".env", "A=1\n"),
        ("envs/mapping.toml", "# changed\n"),
        ("envs/development.json", "{}\n"),
    ],
)
def test_evidence_ends_with_the_files_that_it_is_of(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    answer(monkeypatch, proved("all well"))
    project.of("logs")
    answer(monkeypatch, not_seen("nothing runs"))
    before = project.read(name) if (project.root / name).exists() else ""

    project.write(name, before + text)

    found = project.of("logs")
    assert ("unknown", f"proved before {name} changed") == (found.status, found.seen)


def test_a_file_that_was_only_touched_ends_nothing(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, proved("all well"))
    project.of("logs")
    answer(monkeypatch, not_seen("nothing runs"))

    os.utime(project.root / "compose.yaml", (4e9, 4e9))

    assert "proved" == project.of("logs").status


def test_a_stack_that_cannot_be_read_has_nothing_proved(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, proved("all well"))
    project.of("logs")
    answer(monkeypatch, not_seen("nothing runs"))
    sound = project.read()
    project.write("compose.yaml", "services: [\n")

    assert "unknown" == project.of("logs").status
    assert "failed" == project.of("settings-format").status

    project.write("compose.yaml", sound)
    assert "proved" == project.of("logs").status


# --- a program of the project's own


def test_a_program_proves_by_its_exit_code_when_asked(project: Checklisted) -> None:
    project.write(
        "pyproject.toml", f'[tool.tranship]\n{OWN}["/bin/sh", "-c", "echo 7 orders; exit 0"]'
    )

    assert ("unknown", "not run") == (project.of("own").status, project.of("own").seen)
    assert ("proved", "7 orders") == (
        project.of("own", costly=True).status,
        project.of("own").seen,
    )


def test_a_program_that_fails_says_its_last_line(project: Checklisted) -> None:
    project.write(
        "pyproject.toml", f'[tool.tranship]\n{OWN}["/bin/sh", "-c", "echo no >&2; exit 3"]'
    )
    assert ("failed", "exit code 3: no") == (
        project.of("own", costly=True).status,
        project.of("own").seen,
    )

    project.write("pyproject.toml", f'[tool.tranship]\n{OWN}["no-such-program"]')
    assert "no-such-program cannot be run: No such file or directory" == (
        project.of("own", costly=True).seen
    )


def test_secrets_are_hidden_in_what_is_kept(project: Checklisted) -> None:
    said = "echo geheim-1 at postgresql://x:other-secret@h/d"
    project.write("pyproject.toml", f'[tool.tranship]\n{OWN}["/bin/sh", "-c", "{said}"]')

    assert "****** at postgresql://x:******@h/d" == project.of("own", costly=True).seen

    kept = evidence.path_of(project.settings)
    assert not {"geheim-1", "other-secret"} & set(kept.read_text().replace("@", " ").split())
    assert "geheim-1" not in kept.read_text()
    assert 0o600 == kept.stat().st_mode & 0o777


# --- by hand


def test_a_manual_item_says_who_confirmed_it_and_outlives_a_change(project: Checklisted) -> None:
    assert "nobody has confirmed it" == project.of("satisfaction").seen

    confirm(project.settings, "satisfaction", "Ada", "8 of 9 in the survey")
    project.change("mem_limit: 256m", "mem_limit: 512m")

    found = project.of("satisfaction")
    assert ("confirmed", "Ada", "8 of 9 in the survey") == (found.word, found.by, found.seen)
    assert found.proved


def test_only_manual_items_are_confirmed_and_by_somebody(project: Checklisted) -> None:
    with pytest.raises(UsageError, match=r"memory is not confirmed by hand\. .*nox -s compare"):
        confirm(project.settings, "memory", "Ada", "")
    with pytest.raises(UsageError, match="--by NAME"):
        confirm(project.settings, "satisfaction", " ", "")
    assert {} == evidence.read(project.settings)


def test_a_confirmation_proves_no_item_that_a_program_proves_now(project: Checklisted) -> None:
    confirm(project.settings, "satisfaction", "Ada", "")
    own = OWN.replace('id = "own"', 'id = "satisfaction"')
    project.write("pyproject.toml", f'[tool.tranship]\n{own}["true"]')

    assert "unknown" == project.of("satisfaction").status


# --- what another command proves


def test_another_command_writes_its_evidence_down(project: Checklisted) -> None:
    assert "not recorded by inv migrate.rehearse" == project.of("data-loss").seen

    evidence.note(project.settings, "data-loss", "proved", "0 of 120 lost", "inv migrate.rehearse")

    found = project.of("data-loss")
    assert ("proved", "0 of 120 lost", "inv migrate.rehearse") == (
        found.status,
        found.seen,
        found.by,
    )
    project.change("mem_limit: 256m", "mem_limit: 512m")
    assert "proved before compose.yaml changed" == project.of("data-loss").seen


# --- the file


def test_two_writers_lose_nothing(project: Checklisted) -> None:
    def write(number: int) -> None:
        entry = Evidence("proved", "", evidence.now(), "x")
        evidence.update(project.settings, {f"item-{number}": entry})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == len(evidence.read(project.settings))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": "tranship-ev', "cannot be read"),
        ("[]", "not evidence"),
        ('{"format": "tranship-evidence", "version": 9}', 'version" is 9, this Tranship reads 1'),
        (
            '{"format": "tranship-evidence", "version": 1, "items": {"a": {"status": "good"}}}',
            '"a.status": Input should be',
        ),
    ],
)
def test_a_broken_file_is_no_empty_one(project: Checklisted, text: str, said: str) -> None:
    path = evidence.path_of(project.settings)
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(RecordError, match=said):
        project.of("satisfaction")
    with pytest.raises(RecordError, match=said):
        confirm(project.settings, "satisfaction", "Ada", "")

    assert text == path.read_text()


def test_a_folder_that_cannot_be_written_is_one_clear_line(project: Checklisted) -> None:
    project.settings.state_directory.mkdir()
    (project.settings.state_directory / "migration").write_text("")

    with pytest.raises((EnvironmentFailed, RecordError), match=r"evidence\.json: .*\(.*\)"):
        confirm(project.settings, "satisfaction", "Ada", "")


def test_the_file_says_what_was_seen_when_and_of_which_files(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, proved("all well"))
    project.of("logs")

    document = json.loads(evidence.path_of(project.settings).read_text())

    kept = document["items"]["logs"]
    assert {"compose.yaml", "Dockerfile"} == set(kept["files"])
    assert ("proved", "all well", "inv test") == (kept["status"], kept["seen"], kept["by"])


# --- phases


def test_a_phase_is_proved_when_it_and_every_earlier_one_is() -> None:
    def entries(**states: str) -> list[Assessed]:
        return [
            Assessed(
                Item(f"i{phase}", "x", "t", phase, manual=True),
                states.get(f"i{phase}", "proved"),  # type: ignore[arg-type]
                "",
                "",
            )
            for phase in PHASES
        ]

    assert 4 == phase_of(entries())
    assert 4 == phase_of(entries(i2="not needed"))
    assert 1 == phase_of(entries(i2="failed"))
    assert 0 == phase_of(entries(i1="unknown"))
    assert 2 == phase_of(entries(i3="unknown", i4="failed"))


def test_a_switch_asks_for_the_needed_items_that_are_not_proved(
    project: Checklisted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})

    def missing(target: str) -> list[str]:
        found = needed(project.settings, target, "inv test", lambda _it: None)
        return [entry.item.id for entry in found]

    docker = ["docker-start", "health-checks", "docker-tests", "same-tests"]
    assert docker == missing("docker")
    assert ["local-start", "local-tests"] == missing("local")
    assert {*docker, "local-start", "local-tests"} == {*missing("hybrid")}

    for mode in ("local", "docker"):
        project.record(trial(mode))

    # What only a stack that runs in Docker could show is not asked for before one does.
    assert [[], [], []] == [missing(target) for target in TARGETS]
    assert "unknown" == project.of("docker-data").status
