"""What the compose files of two stacks say of the services, as factors."""

from __future__ import annotations

from typing import Any

from tranship.comparison.bisect.change import Change, together
from tranship.comparison.bisect.factors import Factor
from tranship.comparison.bisect.mend import mend
from tranship.comparison.bisect.services import served, service_factors

PLAIN: dict[str, Any] = {"web": {"environment": {"LEVEL": "1", "API_TOKEN": "one"}}, "tests": {}}
HARD: dict[str, Any] = {
    "web": {
        "read_only": True,
        "cap_drop": ["ALL"],
        "tmpfs": [],
        "ports": ["80:80"],
        "environment": {"LEVEL": "2", "API_TOKEN": "other"},
    },
    "tests": {"read_only": True},
    "nginx": {"read_only": True},
}


def factors(failing: dict[str, Any], passing: dict[str, Any], **more: bool) -> dict[str, Factor]:
    options = {"candidate_fails": True, **more}
    found = service_factors({"services": failing}, {"services": passing}, "tests", **options)
    return {it.key: it for it in found}


def test_each_key_of_a_service_that_both_have_is_one() -> None:
    found = factors(HARD, PLAIN)

    assert ["service:web:cap_drop", "service:web:read_only", "service:web:env:LEVEL"] == list(found)
    assert 'service:web:cap_drop: - / ["ALL"]' == found["service:web:cap_drop"].row
    assert "service:web:env:LEVEL: 1 / 2" == found["service:web:env:LEVEL"].row
    assert Change(services={"web": {"read_only": None}}) == found["service:web:read_only"].change


def test_the_baseline_comes_first_whichever_fails() -> None:
    found = factors(PLAIN, HARD, candidate_fails=False)

    assert "service:web:read_only: - / true" == found["service:web:read_only"].row
    assert Change(services={"web": {"read_only": True}}) == found["service:web:read_only"].change


def test_what_is_alike_is_no_factor() -> None:
    assert {} == factors(HARD, HARD)
    assert {} == factors({"web": {"tmpfs": None}}, {"web": {"tmpfs": []}})


def test_several_changes_are_in_one_document() -> None:
    found = factors(HARD, PLAIN)
    change = together(it.change for it in found.values() if it.change is not None)

    made = served({"services": HARD}, change.services)

    assert {
        "tmpfs": [],
        "ports": ["80:80"],
        "environment": {"LEVEL": "1", "API_TOKEN": "other"},
    } == made["services"]["web"]
    assert HARD["nginx"] == made["services"]["nginx"]
    assert True is HARD["web"]["read_only"], "the document itself stays as it is"


def test_a_variable_is_taken_away() -> None:
    change = Change(services={"web": {"environment": {"LEVEL": None}}})

    made = served({"services": HARD}, change.services)

    assert {"API_TOKEN": "other"} == made["services"]["web"]["environment"]
    cause = (Factor("service:web:env:LEVEL", None, "2", change),)
    assert [
        "In the compose file:",
        "  services:",
        "    web:",
        "      # no LEVEL in environment",
    ] == list(mend(cause, True, "tests"))


def test_the_mend_names_the_service() -> None:
    cause = tuple(factors(HARD, PLAIN).values())

    assert [
        "In the compose file:",
        "  services:",
        "    web:",
        "      # no cap_drop",
        "      # no read_only",
        "      environment:",
        '        LEVEL: "1"',
    ] == list(mend(cause, True, "tests"))
