"""docs/checklist.md against the checklist: items, phases, probes, formats, what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from checklisted import Checklisted
from test_docs import DOCS, section, table_rows
from tranship.migration.checklist.assessment import proof_of
from tranship.migration.checklist.catalogue import PROBES
from tranship.migration.checklist.items import defaults
from tranship.migration.checklist.model import PHASES, STATUSES, TARGETS
from tranship.migration.checklist.report import FORMATS, render

PAGE = DOCS / "checklist.md"


def test_each_item_is_in_the_table_and_no_other() -> None:
    rows = table_rows(section(PAGE, "## Items").split("Items that a switch asks for:")[0])

    assert [[f"`{item.id}`", item.section, str(item.phase), item.title] for item in defaults()] == [
        row[:4] for row in rows
    ]
    for item, row in zip(defaults(), rows, strict=True):
        assert item.recorded or f"`{proof_of(item)}`" == row[4], item.id


def test_the_needed_items_are_named() -> None:
    rows = table_rows(section(PAGE, "## Items").split("Items that a switch asks for:")[1])

    assert [f"`{target}`" for target in TARGETS] == [row[0] for row in rows]
    for target, row in zip(TARGETS, rows, strict=True):
        asked = [item.id for item in defaults() if target in item.needed]
        assert asked == re.findall(r"`([\w-]+)`", row[1])


def test_the_phases_and_the_statuses_are_the_real_ones() -> None:
    phases = table_rows(section(PAGE, "## Phases"))
    statuses = table_rows(section(PAGE, "## Evidence"))

    assert [[str(number), name] for number, name in PHASES.items()] == [row[:2] for row in phases]
    assert {*STATUSES, "confirmed"} == {row[0].strip("`") for row in statuses}


def test_each_probe_is_in_the_table_with_its_parameters() -> None:
    rows = table_rows(section(PAGE, "## Probes"))

    assert [[f"`{name}`", probe.does] for name, probe in PROBES.items()] == [it[:2] for it in rows]
    for probe, row in zip(PROBES.values(), rows, strict=True):
        assert [*probe.required, *probe.optional] == re.findall(r"`(\w+)`", row[2])


@pytest.mark.usefixtures("no_docker")
def test_the_formats_and_the_parts_of_json_are_the_real_ones(tmp_path: Path) -> None:
    rows = table_rows(section(PAGE, "## Formats"))
    assert list(FORMATS) == [row[0].strip("`") for row in rows]

    document = json.loads(render([Checklisted(tmp_path).of("satisfaction")], "json"))

    assert list(document) == re.findall(r"`(\w+)`", rows[-1][1])
    text = section(PAGE, "## Formats").split("An item in JSON has")[1].split("Exit code")[0]
    assert list(document["items"][0]) == re.findall(r"`(\w+)`", text)
