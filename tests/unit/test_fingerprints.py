"""What the suite saw differently: how suspicious, in which order, and why."""

from __future__ import annotations

import pytest
from tranship.comparison.diff import compare
from tranship.comparison.fingerprints import EXPECTED, Difference, differences
from tranship.comparison.tables import SHOWN_DIFFERENCES, render
from tranship.trials.record import Trial


def only(key: str, left: str | None, right: str | None) -> Difference:
    sides = [{} if value is None else {key: value} for value in (left, right)]
    (found,) = differences({"env:Y": "x", **sides[0]}, {"env:Y": "x", **sides[1]})
    return found


def test_the_most_suspicious_comes_first_and_what_is_expected_last() -> None:
    local = {
        "hostname": "laptop",
        "cwd": "/home/ada",
        "tz": "CET",
        "uid": "1000",
        "os": "Ubuntu",
        "same": "x",
        "env:DATABASE_URL": "postgresql://ada:sha256:1@127.0.0.1:41231/shop",
        "env:PASSWORD": "corr3ct$battery",
        "package:httpx": "0.27.0",
        "package:pip": "24.0",
    }
    docker = {
        "hostname": "3f1c",
        "cwd": "/app",
        "tz": "UTC",
        "uid": "0",
        "os": "Debian",
        "same": "x",
        "env:DATABASE_URL": "postgresql://ada:sha256:1@postgres:5432/shop",
        "env:PASSWORD": "corr3ct",
        "package:httpx": "0.28.0",
    }

    found = differences(local, docker)

    assert [
        "env:PASSWORD", "tz", "package:httpx", "uid",
        "os", "env:DATABASE_URL", "package:pip", "cwd", "hostname",
    ] == [it.key for it in found]  # fmt: skip
    assert Difference("tz", "CET", "UTC", 92, "local times read differently") == found[1]
    assert {"env:DATABASE_URL", "package:pip", "cwd", "hostname"} == {
        it.key for it in found if it.expected
    }
    assert [(it.key, it.suspicion) for it in found] == [
        (it.key, it.suspicion) for it in differences(docker, local)
    ]


@pytest.mark.parametrize(
    ("long", "short", "why"),
    [
        ("corr3ct$battery", "corr3ct", "cut at `$`"),
        ("a$b!", "a!", "what follows `$` was taken for a variable"),
        ("a${B}c", "ac", "what follows `$` was taken for a variable"),
        ("a #b", "a", "cut at `#`"),
        ("key=", "key", "cut at `=`"),
        ("two words", "two", "cut at a blank"),
        ("value", "", "empty on one side"),
    ],
)
def test_a_value_that_was_cut_is_named(long: str, short: str, why: str) -> None:
    for left, right in ((long, short), (short, long)):
        found = only("env:X", left, right)

        assert (93, why) == (found.suspicion, found.why)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("REDIS_URL", "redis://127.0.0.1:41001/0", "redis://redis:6379/0"),
        ("DB_HOST", "127.0.0.1", "postgres"),
        ("DB_PORT", "41001", "5432"),
        ("BROKERS", "127.0.0.1:1,127.0.0.1:2", "kafka-a:9092,kafka-b:9092"),
        ("TARGETS", "localhost", "10.0.0.1"),
    ],
)
def test_an_address_of_the_placement_is_expected(name: str, left: str, right: str) -> None:
    found = only(f"env:{name}", left, right)

    assert EXPECTED == found.suspicion
    assert "only the address differs, as the placement says" == found.why


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("redis://127.0.0.1:1/0", "redis://redis:6379/1"),
        ("postgresql://a:sha256:1@127.0.0.1:1/x", "postgresql://a:sha256:2@db:5432/x"),
        ("sha256:aaaaaaaa", "sha256:bbbbbbbb"),
        ('"quoted"', "quoted"),
        ("eu-1", "eu-2"),
        ("1", None),
    ],
)
def test_anything_but_an_address_is_not(left: str, right: str | None) -> None:
    assert not only("env:X", left, right).expected


def test_versions_weigh_by_the_number_that_differs() -> None:
    weights = [
        only("package:x", "1.2.3", other).suspicion for other in ("2.0", "1.3", "1.2.4", None)
    ]

    assert weights[0] > weights[1] > weights[3] > weights[2]
    assert (
        only("python", "3.11.7", "3.12.1").suspicion > only("python", "3.11.7", "3.11.9").suspicion
    )
    assert "another kind altogether" == only("libc", "glibc 2.36", "musl").why


def test_unknown_is_no_difference() -> None:
    assert () == differences({}, {"tz": "UTC"})
    assert () == differences({"tz": "UTC"}, {})
    # A record of version 1 knows neither variables nor packages.
    assert ["tz"] == [
        it.key for it in differences({"tz": "UTC"}, {"tz": "CET", "umask": "0022", "env:X": "1"})
    ]


def test_the_table_shows_the_most_suspicious_and_counts_the_rest() -> None:
    sides = [
        Trial(
            id=mode,
            mode=mode,
            placement={},
            started="2026-05-01T10:00Z",
            project="p",
            fingerprint={"cwd": mode, "tz": mode, **{f"env:X{n}": mode for n in range(20)}},
        )
        for mode in ("local", "docker")
    ]

    text = render(compare(*sides))

    assert "7 more, less suspicious; 1 of all 22 are what the placement itself makes." in text
    lines = text.split("What the suite saw differently")[1].strip().splitlines()
    assert "tz" == lines[2].split()[0]
    assert SHOWN_DIFFERENCES == 2 + len([line for line in lines if line.startswith("env:")]) - 1
