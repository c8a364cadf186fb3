"""One difference of the sides is planted in each project: it is seen, ranked first, and proved.

What was found is a table in docs/causes.md, which the last tests compare; with the variable
CAUSES_TABLE=write they write it instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import table
from .planted import CAUSES, Found, Planted
from .running import Outcome, Outcomes, outcomes

CODES = {"differs": 1, "flaky": 5}
BISECT_CODES = {"cause": 0, "order": 0, "flaky": 5, "not found": 5}
FOUND: dict[str, Found] = {}


@pytest.fixture(scope="module")
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, suite_packages: Path
) -> Iterator[Outcomes]:
    """Start on the causes that this run has chosen, in the order of its tests."""
    chosen = dict.fromkeys(
        cause
        for item in request.session.items
        if (cause := getattr(item, "callspec", None) and item.callspec.params.get("cause"))
    )
    with outcomes(chosen, tmp_path_factory.mktemp("causes"), suite_packages) as found:
        yield found


@pytest.fixture(scope="module", params=CAUSES, ids=lambda it: it.name)
def cause(request: pytest.FixtureRequest) -> Planted:
    found: Planted = request.param
    return found


@pytest.fixture(scope="module")
def outcome(started: Outcomes, cause: Planted) -> Outcome:
    return started(cause)


@pytest.fixture(scope="module")
def found(cause: Planted) -> Found:
    return FOUND.setdefault(cause.name, Found())


def test_compare_says_what_kind_it_is(cause: Planted, outcome: Outcome, found: Found) -> None:
    outcome.compared.exits(CODES[cause.compare])
    outcome.compared.says({"differs": "1 test differs;", "flaky": "1 test is flaky"}[cause.compare])
    if cause.compare == "differs":
        assert (cause.fails,) == outcome.failed
    found.compare = cause.compare


def test_explain_ranks_it_first(cause: Planted, outcome: Outcome, found: Found) -> None:
    shown = outcome.explained.exits(0).out
    if cause.explain_says:
        assert cause.explain_says in shown
        found.explain = cause.explain_says
        return
    rows = re.findall(r"^  \d+\. ((?:env|package|dns):[^:]+|\w+): ", shown, flags=re.M)
    assert (rows[0] in cause.explain) if cause.explain else not rows, shown
    found.explain = f"`{rows[0]}`" if rows else "no row"


def test_bisect_finds_it(cause: Planted, outcome: Outcome, found: Found) -> None:
    wanted = cause.bisect
    outcome.bisected.exits(BISECT_CODES[wanted.verdict])
    answer, text = outcome.answer, outcome.bisected.text
    assert wanted.verdict == answer["verdict"], text
    assert sorted(wanted.keys) == sorted(answer["cause"]), text
    assert list(wanted.after) == [_bare(name) for name in answer["after"]], text
    if wanted.verdict == "cause":
        assert cause.fails == answer["failing"]
    if wanted.unapplied:
        assert answer["unapplied"].get(wanted.unapplied), text
    if wanted.reproduce:
        assert outcome.reproduced is not None
        outcome.reproduced.exits(0)
    found.bisect = said(answer, wanted.unapplied)
    found.probes = str(answer["probes"])


def test_nothing_is_left(outcome: Outcome) -> None:
    assert () == outcome.left


def test_the_table_in_the_docs_is_what_was_found() -> None:
    complete = {name: it for name, it in FOUND.items() if it.compare and it.explain and it.bisect}
    if not complete:
        pytest.skip("no cause was found in this run")
    if os.environ.get("CAUSES_TABLE") == "write":
        table.write(complete)
    written = table.rows()
    for name, it in complete.items():
        assert table.stable(table.row(name, it)) == table.stable(written[name])


def test_every_cause_has_a_row_and_every_row_a_cause() -> None:
    assert [cause.name for cause in CAUSES] == list(table.rows())


def said(answer: dict[str, Any], unapplied: str) -> str:
    """Return the verdict as the table shows it."""
    if answer["verdict"] == "cause":
        return ", ".join(f"`{key}`" for key in sorted(answer["cause"]))
    if answer["verdict"] == "order":
        return "order: after " + ", ".join(f"`{_bare(name)}`" for name in answer["after"])
    if unapplied:
        return f"not found: `{unapplied}` cannot be applied"
    return str(answer["verdict"])


def _bare(name: str) -> str:
    return name.split("::")[-1]
