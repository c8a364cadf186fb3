"""docs/analyze.md against the analysis: its rules, its formats, and what it shows."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
import tranship
from invoke.program import Program
from test_docs import DOCS, output_of, project_of, section, table_rows
from test_namespaces import Inv
from tranship.migration.analysis.catalogue import RULES
from tranship.migration.analysis.layers import LARGE_BYTES, LARGE_SHARE
from tranship.migration.analysis.report import FORMATS

PAGE = DOCS / "analyze.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Path:
    """The project of the page."""
    project_of(PAGE, tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.tranship]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tranship.envmap.detect.listeners", lambda ports: {})
    return tmp_path


def shown(inv: Inv, *words: str) -> list[str]:
    program = Program(namespace=tranship.namespace(), version="0")
    code, out, err = inv(program, "migrate.analyze", *words)
    assert 0 == code, err
    return [line.rstrip() for line in out.rstrip().splitlines()]


def test_each_rule_is_in_the_table_and_no_other() -> None:
    assert [
        [
            rule.id,
            f"`{rule.name}`",
            rule.severity,
            rule.heading,
            rule.summary.rstrip("."),
            rule.why,
        ]
        for rule in RULES.values()
    ] == table_rows(section(PAGE, "## Rules"))


def test_the_findings_are_those_of_the_project(inv: Inv, project: Path) -> None:
    stated = output_of(PAGE, "inv migrate.analyze")
    assert stated[0] == "..."

    found = shown(inv)

    # Without a docker command, as here, the report says so in its last lines.
    found = [line for line in found if not line.startswith("No docker command")]
    assert stated[1:] == found[found.index("Findings: network") :]


def test_the_mend_is_the_real_one(inv: Inv, project: Path) -> None:
    command = "inv migrate.analyze --fix --yes TM014"

    assert output_of(PAGE, command) == shown(inv, "--fix", "--yes", "TM014")


def test_the_formats_and_the_parts_of_json_are_the_real_ones(inv: Inv, project: Path) -> None:
    rows = table_rows(section(PAGE, "## Formats"))
    assert [row[0].strip("`") for row in rows] == list(FORMATS)

    document = json.loads("\n".join(shown(inv, "--format", "json")))

    named = set(re.findall(r"`(\w+)`", rows[-1][1])) - {"silenced"}
    assert {*document, "steps"} == named
    finding = section(PAGE, "## Formats").split("A finding in JSON")[1]
    assert set(document["findings"][0]) == set(re.findall(r"`(\w+)`", finding)) - {
        "file",
        "line",
        "null",
    }


def test_the_limits_of_layers_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert f"over {LARGE_BYTES / 1e6:.0f} MB, or a fifth of the image" in text
    assert 1 / 5 == LARGE_SHARE


def test_the_script_passes_its_words_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS.parent / "scripts"))
    script = importlib.import_module("analyze_environment")

    assert ["migrate.analyze", "--format", "json"] == script.words(["--format", "json"])
    assert ["--help", "migrate.analyze"] == script.words(["--help"])
