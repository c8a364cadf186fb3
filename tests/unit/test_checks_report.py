from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from tranship.envmap.checks import RULES, Finding, explain
from tranship.envmap.checks.report import render, summary
from tranship.envmap.origins import Origin
from tranship.errors import UsageError

ROOT = Path("/project")
ERROR = Finding(
    "TE001",
    "error",
    "api",
    "DB_URL",
    "DB_URL dials localhost.",
    "Name the service.",
    Origin(ROOT / "compose files" / "compose.yaml", 12),
)
WARNING = replace(
    ERROR, rule="TE012", severity="warning", service=None, variable="a.b", origin=None
)
OUTSIDE = replace(ERROR, rule="TE014", severity="note", variable=None, origin=Origin(Path("/x/m")))
SILENCED = replace(ERROR, variable="OTHER", silenced="a broker inside the same container")
ALL = (ERROR, WARNING, OUTSIDE, SILENCED)


class Strict(BaseModel):
    """SARIF 2.1.0 as far as it is written here: names, types and values of its schema."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Text(Strict):
    text: Annotated[str, Field(min_length=1)]
    markdown: str | None = None


class Artifact(Strict):
    uri: str
    uri_base_id: str | None = None


class Region(Strict):
    start_line: Annotated[int, Field(ge=1)]


class Physical(Strict):
    artifact_location: Artifact
    region: Region | None = None


class Logical(Strict):
    name: str
    fully_qualified_name: str
    kind: Literal["variable", "namespace"]


class Location(Strict):
    physical_location: Physical | None = None
    logical_locations: list[Logical] | None = None


class Suppression(Strict):
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"]
    justification: str


class Result(Strict):
    rule_id: str
    rule_index: Annotated[int, Field(ge=0)]
    level: Literal["none", "note", "warning", "error"]
    message: Text
    locations: list[Location] = []
    partial_fingerprints: dict[str, str]
    suppressions: list[Suppression]


class Configuration(Strict):
    level: Literal["none", "note", "warning", "error"]


class Descriptor(Strict):
    id: str
    name: str
    short_description: Text
    full_description: Text
    help: Text
    default_configuration: Configuration


class Driver(Strict):
    name: str
    full_name: str
    rules: list[Descriptor]


class Tool(Strict):
    driver: Driver


class Run(Strict):
    tool: Tool
    results: list[Result]
    original_uri_base_ids: dict[str, dict[str, Text]]
    column_kind: Literal["utf16CodeUnits", "unicodeCodePoints"]


class Log(Strict):
    schema_: Annotated[str, Field(alias="$schema")]
    version: Literal["2.1.0"]
    runs: list[Run]


def sarif(*findings: Finding) -> Run:
    return Log.model_validate_json(render(findings, "sarif", ROOT)).runs[0]


def test_sarif_results_point_to_their_rules() -> None:
    run = sarif(*ALL)
    rules = run.tool.driver.rules
    assert list(RULES) == [rule.id for rule in rules]
    assert [item.rule for item in ALL] == [rules[item.rule_index].id for item in run.results]
    assert ["error", "warning", "note", "error"] == [item.level for item in run.results]


def test_sarif_places_are_relative_uris() -> None:
    first, second, third, _ = sarif(*ALL).results
    place = first.locations[0].physical_location
    assert place is not None
    expected = Artifact(uri="compose%20files/compose.yaml", uri_base_id="%SRCROOT%")
    assert expected == place.artifact_location
    assert Region(start_line=12) == place.region
    assert second.locations[0].physical_location is None
    outside = third.locations[0].physical_location
    assert outside is not None
    assert Physical(artifact_location=Artifact(uri="file:///x/m")) == outside


def test_sarif_names_the_variable() -> None:
    expected = Logical(name="DB_URL", fully_qualified_name="api.DB_URL", kind="variable")
    assert [expected] == sarif(ERROR).results[0].locations[0].logical_locations


def test_sarif_suppressions_are_on_every_result() -> None:
    counting, silenced = sarif(ERROR, SILENCED).results
    assert [] == counting.suppressions
    reason = "a broker inside the same container"
    expected = Suppression(kind="external", status="accepted", justification=reason)
    assert [expected] == silenced.suppressions


def test_sarif_fingerprints_outlive_lines_and_words() -> None:
    moved = replace(ERROR, message="else", origin=Origin(ROOT / "compose files/compose.yaml", 99))
    before, after, other = (
        item.partial_fingerprints for item in sarif(ERROR, moved, SILENCED).results
    )
    assert before == after
    assert before != other


def test_sarif_of_nothing() -> None:
    assert [] == sarif().results


def test_json() -> None:
    document: dict[str, Any] = json.loads(render(ALL, "json", ROOT))
    assert 1 == document["version"]
    assert {"error": 1, "warning": 1, "note": 1, "silenced": 1} == document["summary"]
    assert {
        "rule": "TE001",
        "name": "localhost-in-container",
        "severity": "error",
        "service": "api",
        "variable": "DB_URL",
        "message": "DB_URL dials localhost.",
        "mend": "Name the service.",
        "file": "compose files/compose.yaml",
        "line": 12,
        "silenced": None,
    } == document["findings"][0]
    assert (None, None) == (document["findings"][1]["file"], document["findings"][1]["line"])
    assert ("/x/m", None) == (document["findings"][2]["file"], document["findings"][2]["line"])
    assert "a broker inside the same container" == document["findings"][3]["silenced"]


def test_table() -> None:
    shown = render((ERROR, SILENCED), "table", ROOT, width=130)
    headers, _, *body = shown.splitlines()
    assert ["severity", "rule", "service", "variable", "where", "finding"] == headers.split()
    assert [
        "error TE001 api DB_URL compose files/compose.yaml:12 DB_URL dials localhost.",
        "localhost-in-container Name the service.",
        "silenced TE001 api OTHER compose files/compose.yaml:12 DB_URL dials localhost.",
        "localhost-in-container Silenced: a broker inside the same",
        "container",
        "",
        "1 error, 1 silenced. `inv env.check --explain ID` explains a rule.",
    ] == [" ".join(line.split()) for line in body]
    assert all(len(line) <= 130 for line in shown.splitlines())
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_a_narrow_table_stays_readable() -> None:
    assert "DB_URL dials localhost." in render((ERROR,), "table", ROOT, width=20)


def test_nothing_found() -> None:
    assert "No findings." == render((), "table", ROOT)
    assert "2 warnings, 1 silenced." == summary((WARNING, WARNING, SILENCED))


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_is_explained(rule: Any) -> None:
    assert re.fullmatch(r"TE\d{3}", rule.id)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    text = explain(rule.name)
    assert text.startswith(f"{rule.id} {rule.name} ({rule.severity})\n{rule.summary}\n\nFinds: ")
    for part in ("\nWhy it ", "\nExample", "\nMend: "):
        assert part in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_ids_and_names_are_unique() -> None:
    assert len(RULES) == len({rule.name for rule in RULES.values()})
    assert [f"TE{number:03}" for number in range(1, len(RULES) + 1)] == sorted(RULES)


def test_explain_takes_any_case_and_names_the_nearest() -> None:
    assert explain("TE001") == explain("te001")
    with pytest.raises(UsageError, match=r"did you mean 'bound-to-loopback'"):
        explain("bound-to-loopbak")
