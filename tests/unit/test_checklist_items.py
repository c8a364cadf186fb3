"""The items of the checklist: Tranship's own, and what a project makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from checklisted import Checklisted
from tranship.errors import SettingsError, UsageError
from tranship.migration.checklist.assessment import proof_of
from tranship.migration.checklist.catalogue import PROBES
from tranship.migration.checklist.items import defaults, item_of, items_of, of_section
from tranship.migration.checklist.model import PHASES, SECTIONS

OWN = "[[tool.tranship.checklist]]\n"


def test_each_item_of_ours_can_be_proved_in_one_way() -> None:
    for item in defaults():
        ways = [item.probe, item.command, item.recorded, item.manual]
        assert 1 == sum(map(bool, ways)), item.id
        assert item.phase in PHASES
        assert item.section in SECTIONS
        assert proof_of(item).split()[0] in {"inv", "nox"}
        if item.probe is not None:
            probe = PROBES[item.probe]
            known = {*probe.required, *probe.optional}
            assert set(probe.required) <= set(item.parameters) <= known, item.id
            for name, words in probe.required.items():
                assert item.parameters[name] in words, item.id
    ids = [item.id for item in defaults()]
    assert sorted(set(ids)) == sorted(ids)


def test_each_phase_has_items_and_each_probe_is_used() -> None:
    assert set(PHASES) == {item.phase for item in defaults()}
    assert set(PROBES) == {item.probe for item in defaults() if item.probe}


def test_a_project_adds_replaces_and_waives(tmp_path: Path) -> None:
    project = Checklisted(
        tmp_path,
        f'{OWN}id = "seeded"\ntitle = "Orders are seeded"\ncommand = ["true"]\nphase = 1\n'
        f'{OWN}id = "logs"\ntitle = "Logs reach the collector"\nsection = "function"\n'
        'command = ["true"]\nneeded = true\n'
        f'{OWN}id = "mixed-tests"\nwaived = "we move all at once"\n'
        f'{OWN}id = "docker-data"\nneeded = ["docker"]\n'
        f'{OWN}id = "health-checks"\nneeded = false\n',
    )

    items = {item.id: item for item in items_of(project.settings)}

    assert ("project", 1, ("true",)) == (
        items["seeded"].section,
        items["seeded"].phase,
        items["seeded"].command,
    )
    assert "seeded" == list(items)[-1]
    assert ("Logs reach the collector", None, ("local", "docker", "hybrid")) == (
        items["logs"].title,
        items["logs"].probe,
        items["logs"].needed,
    )
    assert ("docker",) == items["docker-data"].needed
    assert ("data", ()) == (items["docker-data"].probe, items["health-checks"].needed)
    assert "not needed" == project.of("mixed-tests").status
    assert "waived: we move all at once" == project.of("mixed-tests").seen


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('id = "My Item"\nmanual = true', "'My Item': write an id in small letters"),
        ('id = "x"\ntitle = "t"', "'x': name exactly one of `probe`, `command`, `manual"),
        (
            'id = "x"\ntitle = "t"\nmanual = true\ncommand = ["true"]',
            "'x': name exactly one of",
        ),
        ('id = "x"\nmanual = true', "'x': give it a title"),
        ('id = "x"\ntitle = "t"\nmanual = true\nphase = 5', "phase 5 is none. Phases: 1 local"),
        ('id = "x"\ntitle = "t"\nprobe = "gates"', r"no probe 'gates' \(did you mean 'gate'\?\)"),
        ('id = "x"\ntitle = "t"\nprobe = "gate"', "the probe 'gate' needs the parameter 'figure'"),
        (
            'id = "x"\ntitle = "t"\nprobe = "gate"\nparameters = {figure = "memry"}',
            r"figure = 'memry' \(did you mean 'memory'\?\)",
        ),
        (
            'id = "x"\ntitle = "t"\nprobe = "logs"\nparameters = {side = "local"}',
            "'logs' has no parameter 'side'. Parameters: none",
        ),
        (
            'id = "x"\ntitle = "t"\nmanual = true\nparameters = {side = "local"}',
            "'x': parameters are a probe's",
        ),
        (
            'id = "x"\ntitle = "t"\nprobe = "edges"\n'
            'parameters = {mode = "docker", within = "5ms"}',
            'within = "5ms": write seconds',
        ),
        ('id = "logs"\nneeded = ["dockr"]', r"needed = 'dockr' \(did you mean 'docker'\?\)"),
        ('id = "logs"', "'logs' is Tranship's own. Say how it is proved here, or waive it"),
        (f'id = "logs"\nwaived = "a"\n{OWN}id = "logs"\nwaived = "b"', "'logs' stands there twice"),
    ],
)
def test_an_entry_that_cannot_be_proved_is_an_error(tmp_path: Path, entry: str, said: str) -> None:
    project = Checklisted(tmp_path, f"{OWN}{entry}\n")

    with pytest.raises(SettingsError, match=said) as caught:
        items_of(project.settings)

    assert f"{tmp_path / 'pyproject.toml'}: [[tool.tranship.checklist]] number" in str(caught.value)


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    project = Checklisted(tmp_path, f'{OWN}id = "x"\nmanuel = true\n')

    with pytest.raises(SettingsError, match=r"unknown key \"manuel\" \(did you mean 'manual'\?\)"):
        _ = project.settings


def test_unknown_names_are_usage_errors(tmp_path: Path) -> None:
    settings = Checklisted(tmp_path).settings

    with pytest.raises(UsageError, match=r"No item 'memry' .*\(did you mean 'memory'\?\)"):
        item_of(settings, "memry")
    with pytest.raises(UsageError, match=r"No section 'test' .*\(did you mean 'tests'\?\)"):
        of_section(items_of(settings), "test")
    assert {"tests"} == {item.section for item in of_section(items_of(settings), "tests")}
