"""`inv migrate.checklist`, `migrate.confirm` and `migrate.status`, in-process."""

from __future__ import annotations

import datetime
import importlib
import json
from pathlib import Path

import pytest
import tranship
from checklisted import Checklisted, trial
from invoke.program import Program
from test_namespaces import Inv
from tranship.migration.checklist import report
from tranship.migration.checklist.items import defaults

pytestmark = pytest.mark.usefixtures("no_docker")


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checklisted:
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})
    made = Checklisted(tmp_path / "project")
    monkeypatch.chdir(made.root)
    return made


def test_the_table_has_each_item_by_section(
    program: Program, inv: Inv, project: Checklisted
) -> None:
    code, out, err = inv(program, "migrate.checklist")

    assert 0 == code, err
    for item in defaults():
        assert f"\n{item.id} " in out
        assert item.title in out
    lines = out.splitlines()
    assert 120 >= max(map(len, lines))
    assert lines[-1].startswith(f"{len(defaults())} items: 5 proved, ")


def test_json_says_what_was_seen_when_by_what(
    program: Program, inv: Inv, project: Checklisted
) -> None:
    project.record(trial("docker"))

    code, out, _ = inv(program, "migrate.checklist", "--format", "json", "--section", "tests")

    document = json.loads(out)
    items = {item["id"]: item for item in document["items"]}
    assert 0 == code
    assert {"local-tests", "docker-tests", "same-tests", "mixed-tests"} == set(items)
    assert 0 == document["phase"]
    assert {
        "id": "docker-tests",
        "section": "tests",
        "phase": 2,
        "title": "The suite passes, in Docker",
        "status": "proved",
        "manual": False,
        "needed": ["docker", "hybrid"],
        "seen": "3 tests pass",
        "at": trial().started,
        "by": "nox -s compare",
        "proved_by": "nox -s compare",
    } == items["docker-tests"]


def test_markdown_is_a_table(program: Program, inv: Inv, project: Checklisted) -> None:
    _, out, _ = inv(program, "migrate.checklist", "--format", "markdown", "--section", "people")

    assert "## people" in out
    assert "| The developers are satisfied (`satisfaction`) | 4 | unknown | - |" in out


def test_strict_tells_failed_from_unknown(program: Program, inv: Inv, project: Checklisted) -> None:
    words = ("migrate.checklist", "--strict", "--only", "logs")
    assert 0 == inv(program, *words)[0]
    assert 5 == inv(program, "migrate.checklist", "--strict", "--only", "memory")[0]

    project.change("logging: {driver: local}", "logging: {driver: none}")

    assert 3 == inv(program, *words)[0]
    assert 0 == inv(program, "migrate.checklist", "--only", "logs")[0]


def test_confirming_is_shown_with_name_and_time(
    program: Program, inv: Inv, project: Checklisted
) -> None:
    words = ("migrate.confirm", "satisfaction", "--by", "Ada", "--note", "8 of 9")
    code, out, err = inv(program, *words)
    assert 0 == code, err
    assert out.startswith("satisfaction: confirmed by Ada at 2")

    _, out, _ = inv(program, "migrate.checklist", "--section", "people")
    assert "confirmed" in out
    assert "by Ada: 8 of 9" in out
    assert "2 items: 1 confirmed, 1 unknown." in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("migrate.checklist", "--only", "memry"), "did you mean 'memory'?"),
        (("migrate.checklist", "--section", "test"), "did you mean 'tests'?"),
        (("migrate.checklist", "--format", "yaml"), "Unknown format 'yaml'"),
        (("migrate.confirm", "memory", "--by", "Ada"), "memory is not confirmed by hand"),
        (("migrate.confirm", "satisfaction"), "--by NAME"),
    ],
)
def test_wrong_usage_is_2(
    program: Program, inv: Inv, project: Checklisted, words: tuple[str, ...], said: str
) -> None:
    code, _, err = inv(program, *words)

    assert 2 == code
    assert said in err


def test_status_names_what_is_missing_and_what_would_prove_it(
    program: Program, inv: Inv, project: Checklisted
) -> None:
    code, out, err = inv(program, "migrate.status")
    assert 0 == code, err
    assert "Phase proved: none (of 1 local stable, 2 Docker tuned, 3 mixed, 4" in out
    assert "Phase 1 local stable: 4 of 8 items" in out
    assert "no record of mode local" in out
    for line in ("local-tests", "docker-start"):
        assert "nox -s compare" in next(it for it in out.splitlines() if it.startswith(line))
    assert "inv migrate.confirm satisfaction --by NAME" in out


def test_status_says_the_phase_that_is_proved(
    program: Program, inv: Inv, project: Checklisted
) -> None:
    waived = ("local-database", "local-data")
    project.write(
        "pyproject.toml",
        "[tool.tranship]\n"
        + "".join(
            f'[[tool.tranship.checklist]]\nid = "{name}"\nwaived = "there is none"\n'
            for name in waived
        ),
    )
    project.record(trial("local"))

    _, out, _ = inv(program, "migrate.status")

    assert "Phase proved: 1 local stable (of " in out
    assert "Phase 1" not in out


def test_ages_are_of_now() -> None:
    now = datetime.datetime.now(datetime.UTC)

    def ago(**amount: float) -> str:
        return report.age((now - datetime.timedelta(**amount)).isoformat())

    assert ["5 s", "5 min", "5 h", "5 d"] == [
        ago(seconds=5.5),
        ago(minutes=5.5),
        ago(hours=5.5),
        ago(days=5.5),
    ]
    assert "in the future" == ago(seconds=-60)
    assert "-" == report.age(None)


# --- how much is documented


def test_the_measure_of_the_docs_counts_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.syspath_prepend(str(root / "scripts"))
    documented = importlib.import_module("documented")
    count, absent = documented.missing(root / "docs")
    assert 150 < count
    assert [] == absent
    assert 0 == documented.main([])

    for page in (root / "docs").glob("*.md"):
        text = page.read_text().replace("### docker.up\n", "").replace("| TM007 ", "")
        (tmp_path / page.name).write_text(text)
    assert ["commands.md: docker.up", "analyze.md: TM007"] == documented.missing(tmp_path)[1]
    (tmp_path / "commands.md").unlink()

    capsys.readouterr()
    assert 1 == documented.main(["--docs", str(tmp_path)])
    assert "no entry: commands.md: migrate.checklist\n" in capsys.readouterr().out
