"""What services used while the suite ran: peaks, growth, and what limits did."""

from __future__ import annotations

from tranship.comparison import resources
from tranship.comparison.diff import compare
from tranship.comparison.layout import Style
from tranship.comparison.resources import Used
from tranship.trials.record import RuntimeShare, Series, ServiceFigures, Trial

SERIES = Series(
    at_seconds=(0.0, 0.5, 1.0),
    memory_bytes=(2**20, 3 * 2**20, 2 * 2**20),
    cpu_seconds=(1.0, 1.25, 1.75),
    threads=(2, None, 4),
    open_files=(None, None, None),
    network_bytes=(None, 1024, 5120),
    block_bytes=(None, 4096, None),
)


def trial(mode: str, series: Series | None = SERIES, **limits: float) -> Trial:
    figures = ServiceFigures(side="docker", series=series, **limits)  # type: ignore[arg-type]
    runtime = RuntimeShare(processes=1, series=series)
    return Trial(
        "a", mode, {}, "2026-05-01T10:00:00+00:00", "p", services={"api": figures}, runtime=runtime
    )


def test_peaks_and_growth_and_no_growth_from_one_sample() -> None:
    api, runtime = resources.used_in(trial("docker", throttled_seconds=0.5, oom_kills=1))

    assert Used("api", 0.75, 3 * 2**20, 4, None, 4096, None, 0.5, 1) == api
    assert Used("(runtime)", 0.75, 3 * 2**20, 4, None, 4096, None) == runtime


def test_the_table_has_both_modes_of_a_service_beside_each_other() -> None:
    heading, table = resources.blocks(compare(trial("local"), trial("docker")), Style())

    assert heading == "During the suite"
    assert [line.split() for line in table.splitlines()[2:]] == [
        ["api", "local", "750", "ms", "3.0", "MiB", "4", "-", "4", "KiB", "-"],
        ["docker", "750", "ms", "3.0", "MiB", "4", "-", "4", "KiB", "-"],
        ["(runtime)", "local", "750", "ms", "3.0", "MiB", "4", "-", "4", "KiB", "-"],
        ["docker", "750", "ms", "3.0", "MiB", "4", "-", "4", "KiB", "-"],
    ]


def test_limits_are_named_only_where_they_did_something() -> None:
    held = trial("docker", throttled_seconds=0.5, oom_kills=2)
    free = trial("local", throttled_seconds=0.0, oom_kills=0)

    _, _, limits = resources.blocks(compare(free, held), Style())

    assert limits == (
        "- docker: api was throttled for 500 ms\n- docker: api was killed for memory 2 times"
    )


def test_records_without_samples_give_no_table() -> None:
    old = trial("local", series=None)

    assert [] == list(resources.blocks(compare(old, None), Style()))
