"""The chain of services that decided how long a start took."""

from __future__ import annotations

from tranship.comparison import critical
from tranship.comparison.diff import compare
from tranship.comparison.layout import Style
from tranship.trials.record import ServiceFigures, Trial

MARK = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"


def service(
    offset: float | None, ready: float | None, *waited_for: str, own: float | None = None
) -> ServiceFigures:
    known = ready is not None and offset is not None
    return ServiceFigures(
        side="docker",
        startup_seconds=ready,
        own_startup_seconds=own if own is not None or not known else ready - offset,  # type: ignore[operator]
        offset_seconds=offset,
        waited_for=waited_for,
    )


def trial(mode: str = "docker", **services: ServiceFigures) -> Trial:
    return Trial("a", mode, {}, "2026-05-01T10:00:00+00:00", "p", services=services)


STACK = trial(
    web=service(3.25, 4.0, "api", "redis"),
    redis=service(0.25, 0.5),
    api=service(1.75, 3.0, "pg", "redis"),
    pg=service(0.5, 1.5),
    side_job=service(0.5, 2.0, "redis"),
)


def test_the_chain_leads_back_from_the_last_by_what_each_waited_for_longest() -> None:
    start = critical.start_of(STACK)

    assert ("pg", "api", "web") == start.chain
    assert (4.0, 3.0) == (start.total, start.own)
    assert [0.5, 0.25, 0.25] == [step.gap for step in start.links]


def test_steps_stand_in_the_order_in_which_they_began() -> None:
    steps = critical.start_of(STACK).steps

    assert ["redis", "pg", "side_job", "api", "web"] == [step.service for step in steps]
    assert [False, True, False, True, True] == [step.decided for step in steps]
    assert [None, None] == [step.gap for step in steps if not step.decided]


def test_a_dependency_that_was_ready_only_later_was_not_waited_for() -> None:
    start = critical.start_of(
        trial(
            api=service(1.0, 5.0, "started", "healthy"),
            started=service(0.5, 4.0),
            healthy=service(0.5, 1.02),
        )
    )

    assert ("healthy", "api") == start.chain


def test_without_an_offset_the_last_dependency_counts_and_the_own_part_is_unknown() -> None:
    start = critical.start_of(
        trial(api=service(None, 5.0, "a", "b"), a=service(0.5, 1.0), b=service(0.5, 4.0))
    )

    assert ("b", "api") == start.chain
    assert start.own is None


def test_a_circle_and_names_that_are_not_there_end_the_chain() -> None:
    start = critical.start_of(
        trial(
            a=service(None, 2.0, "b", "gone"),
            b=service(None, 1.0, "a"),
            lost=service(None, None, "a"),
        )
    )

    assert ("b", "a") == start.chain
    assert critical.start_of(trial()).chain == ()


def test_each_mode_has_its_table_with_the_chain_marked() -> None:
    blocks = list(critical.blocks(compare(None, STACK), Style()))

    heading, table, sentence = blocks
    assert heading == "Start-up of docker"
    marked = [line.split()[1] for line in table.splitlines() if line.startswith(MARK)]
    assert ["pg", "api", "web"] == marked
    assert "api, redis" in table
    assert sentence == (
        "pg -> api -> web decided the total of 4.00 s: 3.00 s in their own starts, "
        "1.00 s before and between them."
    )


def test_plain_characters_and_an_unknown_own_part() -> None:
    one = trial(api=service(0.5, 5.0, "b"), b=service(None, 0.4))

    _, table, sentence = critical.blocks(compare(one, None), Style(unicode=False))

    assert [">", ">"] == [line[0] for line in table.splitlines() if line.startswith(">")]
    assert sentence == "b -> api decided the total of 5.00 s."


def test_records_of_version_1_give_no_table() -> None:
    old = trial(api=ServiceFigures(side="docker", startup_seconds=2.0))

    assert [] == list(critical.blocks(compare(old, old), Style()))
