"""`inv migrate.analyze` on a command line: its formats, its mends, and no secret shown."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tranship
from analyzedproject import Analyzed
from fakedocker import FakeDocker
from invoke.program import Program
from openproject import SECRETS, Folder
from tranship.envmap.checks import check
from tranship.envmap.project import open_project
from tranship.envmap.subject import subject_of
from tranship.errors import SettingsError
from tranship.migration.analysis import hadolint, running
from tranship.migration.analysis.analysis import fixable
from tranship.migration.analysis.images import present
from tranship.migration.analysis.model import HEADINGS
from tranship.migration.analysis.report import FORMATS
from tranship.stack.engine import developers_own

Inv = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Analyzed:
    made = Analyzed(tmp_path / "project")
    monkeypatch.chdir(made.root)
    # Whatever else this host runs has its own tests.
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})
    return made


def flawed(project: Analyzed) -> Analyzed:
    """Take out the log bound of one service and the version of an image."""
    project.change("    logging: {driver: local}\n", "")
    project.change("postgres:17", "postgres")
    return project


def test_the_table_has_every_part(program: Program, inv: Inv, project: Analyzed) -> None:
    flawed(project)

    code, out, err = inv(program, "migrate.analyze")

    assert 0 == code, err
    titles = ["What runs", "Ports", "Tools", "Images", "Large layers", "Connections"]
    titles += ["Log collection", *(f"Findings: {heading}" for heading in HEADINGS)]
    places = [out.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    assert "Nothing of this stack runs." in out
    assert "TM008" in out.split("Findings: resources")[1]
    assert "TM015" in out.split("Findings: build time")[1].split("Findings: resources")[0]
    assert "No docker command: read from the files alone, not confirmed by Compose." in out
    assert "2 warnings. 1 can be mended by `inv migrate.analyze --fix`." in out


def test_json_has_every_part(program: Program, inv: Inv, project: Analyzed) -> None:
    flawed(project)

    code, out, _ = inv(program, "migrate.analyze", "--format", "json")

    assert 0 == code
    document: dict[str, Any] = json.loads(out)
    assert {"error": 0, "warning": 2, "note": 0, "silenced": 0} == document["summary"]
    assert {"service": "api", "driver": "json-file", "bounded_by": "nothing"} in document["logs"]
    (found,) = [item for item in document["findings"] if item["rule"] == "TM008"]
    assert [{"file": "compose.yaml", "line": 3}] == found["places"]
    assert (["api"], "resources", True) == (found["services"], found["heading"], found["fixable"])


def test_markdown_has_a_table_for_each_heading(
    program: Program, inv: Inv, project: Analyzed
) -> None:
    flawed(project)

    code, out, _ = inv(program, "migrate.analyze", "--format", "markdown")

    assert 0 == code
    assert out.startswith("# shop, environment development\n\n2 warnings.")
    assert "| warning | TM008 logs-without-rotation | compose.yaml:3 | api: json-file" in out
    widths = {line.count("|") for line in out.split("## Tools")[1].split("##")[0].splitlines()}
    assert {0, 3} == widths


def test_a_report_goes_to_a_file(program: Program, inv: Inv, project: Analyzed) -> None:
    code, out, _ = inv(program, "migrate.analyze", "--format", "json", "--output", "out/a.json")

    assert (0, "out/a.json: No findings.\n") == (code, out)
    assert "shop" == json.loads(project.read("out/a.json"))["project"]
    code, _, err = inv(program, "migrate.analyze", "--output", "compose.yaml/x")
    assert 2 == code
    assert "compose.yaml/x: cannot be written" in err


def test_an_error_fails_where_it_is_asked_for(
    program: Program, inv: Inv, project: Analyzed
) -> None:
    assert 0 == inv(program, "migrate.analyze", "--strict")[0]
    project.change('    volumes: ["data:/var/lib/postgresql/data"]\n', "")

    assert 0 == inv(program, "migrate.analyze")[0]
    assert 1 == inv(program, "migrate.analyze", "--strict")[0]


@pytest.mark.parametrize("words", [("--format", "yaml"), ("--yes", "TM099"), ("--fix", "--yes=x")])
def test_wrong_words_are_usage(
    program: Program, inv: Inv, project: Analyzed, words: tuple[str, ...]
) -> None:
    assert 2 == inv(program, "migrate.analyze", *words)[0]


def test_nothing_is_built_without_an_engine(program: Program, inv: Inv, project: Analyzed) -> None:
    code, _, err = inv(program, "migrate.analyze", "--build")

    assert 4 == code
    assert "Nothing can be built here: no engine answers." in err


def test_fix_shows_a_diff_and_changes_nothing_unasked(
    program: Program, inv: Inv, project: Analyzed
) -> None:
    before = flawed(project).read()

    code, out, _ = inv(program, "migrate.analyze", "--fix")

    assert 0 == code
    assert "--- a/compose.yaml\n+++ b/compose.yaml\n" in out
    assert "Nothing was changed. Apply with --yes TM008,... or --yes all." in out
    assert before == project.read()


def test_yes_applies_what_it_names(program: Program, inv: Inv, project: Analyzed) -> None:
    flawed(project).change("    restart: unless-stopped\n", "")

    code, out, _ = inv(program, "migrate.analyze", "--fix", "--yes", "TM009")

    assert 0 == code
    assert out.endswith("1 applied: TM009.\n")
    assert "TM008" not in out
    assert ["TM008", "TM015"] == sorted(project.rules())
    assert inv(program, "migrate.analyze", "--yes", "all")[1].endswith("1 applied: TM008.\n")
    assert inv(program, "migrate.analyze", "--fix")[1] == "Nothing that can be mended here.\n"


def test_a_new_volume_for_old_data_must_be_named(
    program: Program, inv: Inv, project: Analyzed
) -> None:
    project.change('    volumes: ["data:/var/lib/postgresql/data"]\n', "")

    code, out, err = inv(program, "migrate.analyze", "--fix", "--yes", "all")

    assert (0, "Nothing was changed.\n") == (code, out)
    assert "Left: TM012. The old data does not move along; name it to apply." in err
    out = inv(program, "migrate.analyze", "--fix", "--yes", "TM012")[1]
    assert "What the store holds now does not move along: dump it first." in out
    assert "1 applied: TM012." in out


@pytest.mark.parametrize(("answer", "applied"), [("y\n", True), ("no\n", False), ("", False)])
def test_a_terminal_is_asked(
    program: Program,
    inv: Inv,
    project: Analyzed,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    applied: bool,
) -> None:
    flawed(project)
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)

    code, out, _ = inv(program, "migrate.analyze", "--fix")

    assert 0 == code
    assert "Apply it? [y/N]" in out
    assert applied == ("max-size" in project.read().split("db:")[0])


def test_without_hadolint_it_says_so(
    program: Program, inv: Inv, project: Analyzed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hadolint, "command", lambda: None)

    code, out, _ = inv(program, "migrate.analyze")

    assert 0 == code
    assert "hadolint is not installed, so Dockerfiles are not linted" in out


def test_a_dockerfile_that_is_not_there_is_said(
    program: Program, inv: Inv, project: Analyzed
) -> None:
    (project.root / "Dockerfile").unlink()

    code, out, _ = inv(program, "migrate.analyze")

    assert 0 == code
    assert f"api: {project.root / 'Dockerfile'}: cannot be read" in out


@pytest.mark.parametrize("words", [("--format", name) for name in FORMATS] + [("--fix",)])
def test_no_secret_is_shown(
    program: Program,
    inv: Inv,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_docker: None,
    words: tuple[str, ...],
) -> None:
    made = Folder(tmp_path / "secret")
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("COLUMNS", "400")

    code, out, err = inv(program, "migrate.analyze", *words)

    assert 0 == code, err
    assert [] == [secret for secret in SECRETS if secret in out + err]
    assert "DB_URL" in out


# --- silences


def silence(project: Analyzed, rule: str, service: str = "") -> None:
    limit = f'service = "{service}"\n' if service else ""
    before = project.read("pyproject.toml")
    added = f'[[tool.tranship.silence]]\nrule = "{rule}"\n{limit}reason = "the host rotates"\n'
    project.write("pyproject.toml", before + added)


def test_a_silenced_finding_counts_no_more(program: Program, inv: Inv, project: Analyzed) -> None:
    flawed(project)
    silence(project, "tm008")

    code, out, _ = inv(program, "migrate.analyze")

    assert 0 == code
    assert "Silenced: the host rotates" in out
    assert "1 warning, 1 silenced." in out
    assert () == fixable(project.settings)


def test_a_finding_about_two_services_takes_two_silences(project: Analyzed) -> None:
    flawed(project).change("logging: {driver: json-file, options: {max-size: 10m}}", "tty: true")
    silence(project, "TM008", "api")
    assert [("api", "db")] == [item.services for item in fixable(project.settings)]

    silence(project, "TM008", "db")
    assert () == fixable(project.settings)


def test_env_check_leaves_the_silences_of_the_analysis_alone(project: Analyzed) -> None:
    silence(project, "TM008")

    opened = open_project(project.settings)

    assert () == check(subject_of(opened), project.settings.silence)


def test_a_silence_for_no_rule_is_an_error(project: Analyzed) -> None:
    flawed(project)
    silence(project, "TM998")

    with pytest.raises(SettingsError, match=r"no rule 'TM998'"):
        fixable(project.settings)


# --- what the engine says


def test_images_are_read_from_inspect_and_history(tmp_path: Path, fake_docker: FakeDocker) -> None:
    project = Analyzed(tmp_path / "project")
    details = {"Size": 5, "Config": {"User": "app", "Healthcheck": {"Test": ["CMD", "x"]}}}
    layers = [
        {"Size": "3", "CreatedBy": "RUN /bin/sh -c make # buildkit", "Comment": ""},
        {"Size": "2", "CreatedBy": "", "Comment": "Imported from -"},
    ]
    fake_docker.answer("image", "inspect", code=1)
    fake_docker.answer("image", "inspect", "here", out=json.dumps(details) + "\n")
    fake_docker.answer("image", "history", "here", out="\n".join(map(json.dumps, layers)))

    found = present(developers_own(project.settings).client(), ["here", "gone"])

    assert ["here"] == list(found)
    here = found["here"]
    assert (5, "app", True, False) == (here.size, here.user, here.healthcheck, here.runs_as_root)
    assert [(2, "Imported from -"), (3, "RUN make")] == [
        (layer.size, layer.command) for layer in here.layers
    ]


def test_a_program_says_its_version_or_that_it_does_not(tmp_path: Path) -> None:
    def program(text: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return running._program(str(path))

    assert "28.2.2" == program("echo Docker version 28.2.2, build x")
    assert "1.2.3-4" == program("echo x 1.2.3-4 >&2")
    assert "unknown" == program("exit 3")
    assert "none" == running._program(None)
    assert "does not answer" == running._program(str(tmp_path))
