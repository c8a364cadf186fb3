from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tranship.comparison.diff import (
    Comparison,
    FingerprintDifference,
    Pair,
    Summary,
    compare,
)
from tranship.comparison.joining import join
from tranship.comparison.messages import normalise
from tranship.comparison.services import ServiceRow
from tranship.comparison.verdict import exit_code, sentence
from tranship.errors import ExitCode
from tranship.trials.record import (
    Failure,
    HealthSamples,
    Outcome,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)


def a_test(
    name: str,
    outcome: Outcome = "passed",
    message: str = "",
    seconds: float = 0.0,
    classname: str = "tests.stack.test_orders",
) -> TestOutcome:
    return TestOutcome(classname, name, outcome, seconds, message)


def suite(*tests: TestOutcome, exit_code: int | None = None, **more: object) -> SuiteRun:
    failing = any(it.outcome in ("failed", "error") for it in tests)
    code = int(failing) if exit_code is None else exit_code
    return SuiteRun(("pytest",), code, 1.0, tests, **more)  # type: ignore[arg-type]


def trial(mode: str, run: SuiteRun | None = None, **more: object) -> Trial:
    values: dict[str, object] = {
        "id": "a1", "placement": {}, "started": "2026-05-01T10:00:00", "project": "p",
    }  # fmt: skip
    return Trial(mode=mode, suite=run, **(values | more))  # type: ignore[arg-type]


def compared(left: Iterable[TestOutcome], right: Iterable[TestOutcome]) -> Comparison:
    return compare(trial("local", suite(*left)), trial("docker", suite(*right)))


def names(pairs: Iterable[Pair]) -> list[str]:
    return [pair.baseline.name for pair in pairs]


# Joining


def test_tests_are_joined_on_class_and_name() -> None:
    left = [a_test("a"), a_test("b"), a_test("a", classname="other")]
    right = [a_test("a", classname="other"), a_test("c"), a_test("a")]

    joined = join(left, right)

    assert ((left[0], right[2]), (left[2], right[0])) == joined.pairs
    assert (left[1],) == joined.only_baseline
    assert (right[1],) == joined.only_candidate


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("tests.stack.test_a", "stack.test_a"),
        ("test_a", "tests.stack.test_a"),
        ("tests.test_a.TestX", "test_a.TestX"),
        ("...tests.test_a", "tests.test_a"),
    ],
)
def test_a_class_that_ends_in_the_other_is_the_same(left: str, right: str) -> None:
    joined = join([a_test("t", classname=left)], [a_test("t", classname=right)])

    assert len(joined.pairs) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("tests.test_a", "t"), ("ests.test_a", "t")),
        (("tests.test_a", "t"), ("test_a", "u")),
        (("tests.test_a", "t"), ("tests.test_b", "t")),
        (("tests.test_a", "t"), ("", "t")),
        (("", "t"), ("tests.test_a", "t")),
        (("", ""), ("", "t")),
    ],
)
def test_what_only_looks_alike_is_not_joined(left: tuple[str, str], right: tuple[str, str]) -> None:
    joined = join([a_test(left[1], classname=left[0])], [a_test(right[1], classname=right[0])])

    assert (
        len(joined.pairs), len(joined.only_baseline), len(joined.only_candidate)
    ) == (0, 1, 1)  # fmt: skip


def test_modules_that_cannot_be_imported_are_joined_by_their_path() -> None:
    left, right = [a_test("tests.test_a", classname="")], [a_test("test_a", classname="")]

    assert len(join(left, right).pairs) == 1


def test_a_suffix_that_two_tests_share_joins_neither() -> None:
    two = [a_test("t", classname="unit.test_a"), a_test("t", classname="stack.test_a")]
    one = [a_test("t", classname="test_a")]

    assert join(two, one).pairs == ()
    assert join(one, two).pairs == ()


def test_an_equal_name_wins_over_a_suffix() -> None:
    left = [a_test("t", classname="a.test_a"), a_test("t", classname="test_a")]
    right = [a_test("t", classname="test_a")]

    joined = join(left, right)

    assert ((left[1], right[0]),) == joined.pairs
    assert (left[0],) == joined.only_baseline


def ends(one: str, other: str) -> bool:
    return bool(one and other) and (one.endswith(f".{other}") or other.endswith(f".{one}"))


def alike(one: TestOutcome, other: TestOutcome) -> bool:
    if not one.classname and not other.classname:
        return ends(one.name, other.name)
    return one.name == other.name and ends(one.classname, other.classname)


@pytest.mark.parametrize("seed", range(40))
def test_the_index_of_endings_finds_what_trying_every_pair_finds(seed: int) -> None:
    draw = random.Random(seed)

    def dotted() -> str:
        return ".".join(draw.choice(["a", "b", "", "t"]) for _ in range(draw.randint(1, 3)))

    def drawn() -> list[TestOutcome]:
        pairs = {
            (dotted(), draw.choice("xy")) if draw.random() < 0.7 else ("", dotted())
            for _ in range(draw.randint(2, 9))
        }
        return [a_test(name, classname=classname) for classname, name in sorted(pairs)]

    left, right = drawn(), drawn()
    known = {(it.classname, it.name) for it in left} & {(it.classname, it.name) for it in right}
    rest, others = (
        [it for it in side if (it.classname, it.name) not in known] for side in (left, right)
    )
    expected = [
        (one, other)
        for one in rest
        for other in others
        if alike(one, other)
        and sum(alike(one, it) for it in others) == 1
        and sum(alike(it, other) for it in rest) == 1
    ]

    found = [(one, other) for one, other in join(left, right).pairs if one in rest]

    assert expected == found


def test_tests_of_one_name_are_joined_in_their_order() -> None:
    left = [a_test("t", seconds=1), a_test("t", seconds=2), a_test("t", seconds=3)]
    right = [a_test("t", seconds=4), a_test("t", seconds=5)]

    joined = join(left, right)

    assert ((left[0], right[0]), (left[1], right[1])) == joined.pairs
    assert (left[2],) == joined.only_baseline
    assert (left[2],) == join(right, left).only_candidate


# Messages


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<Foo object at 0x7f49195de190>", "<Foo object at 0x10>"),
        ("refused by 127.0.0.1:41231", "refused by 172.18.0.3:8000"),
        ("refused by localhost:41231", "refused by data-service:8000"),
        ("http://[::1]:80/x", "http://127.0.0.1:81/x"),
        ("http://127.0.0.1:41231/health: 503", "http://data-service:8000/health: 503"),
        ('server at "127.0.0.1", port 41999 failed', 'server at "172.18.0.2", port 5432 failed'),
        ("order 3f2a9c0e1b77 lost", "order 9b1d3c5e7f02 lost"),
        (
            "no order 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "no order 2c0e7cde-ccfe-4c3e-8c6e-bc9ecace5cfe",
        ),
        ("no such file: '/tmp/pytest-of-me/pytest-1/x'", "no such file: '/var/tmp/b'"),
        ("no file /private/var/folders/ab/c", "no file /tmp/d"),
        ("took 1.25 s, limit 1 s", "took 3s, limit 1s"),
        ("took 12ms", "took 1e-05 s"),
        ("at 2026-05-01T10:00:00Z", "at 2026-05-02 11:00:01.123+02:00"),
        ("pid 12 died", "pid 4711 died"),
        ("two  spaces", "two spaces"),
    ],
)  # fmt: skip
def test_messages_that_say_the_same(one: str, other: str) -> None:
    services = ("data", "data-service")

    assert normalise(one, services) == normalise(other, services)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 1 == 2", "assert 1 == 3"),
        ("assert 'UTC' == 'CET'", "assert 'UTC' == 'EST'"),
        ("expected 12345678", "expected 87654321"),
        ("was defaced", "was effaced"),
        ("redis is down", "postgres is down"),
        ("version 1.2.3.4.5", "version 1.2.3.4.6"),
        ("big-redis:6379", "small-redis:6379"),
        ("404 not found", "405 not found"),
        ("ratio 1.5x", "ratio 1.6x"),
    ],
)
def test_messages_that_do_not(one: str, other: str) -> None:
    assert normalise(one, ("redis", "postgres")) != normalise(other, ("redis", "postgres"))


def test_a_service_is_an_address_only_with_its_port() -> None:
    assert normalise("redis said redis:6379", ["redis"]) == "redis said <address>"
    assert normalise("redis:6379") == "redis:6379"


# The diff


def test_outcomes_that_agree_and_that_differ() -> None:
    comparison = compared(
        [
            a_test("pass"), a_test("skip", "skipped", "a"), a_test("breaks"),
            a_test("same", "failed", "at 0x1"), a_test("else", "failed", "x"),
            a_test("kind", "failed", "x"), a_test("left"),
        ],
        [
            a_test("pass"), a_test("skip", "skipped", "b"), a_test("breaks", "failed", "boom"),
            a_test("same", "failed", "at 0x2"), a_test("else", "failed", "y"),
            a_test("kind", "error", "x"), a_test("right"),
        ],
    )  # fmt: skip

    assert comparison.same == 2
    assert names(comparison.different) == ["breaks", "else", "kind"]
    assert [pair.both_fail for pair in comparison.different] == [False, True, True]
    assert names(comparison.same_failure) == ["same"]
    assert [it.name for it in comparison.only_baseline] == ["left"]
    assert [it.name for it in comparison.only_candidate] == ["right"]


def test_service_names_of_either_placement_count_as_addresses() -> None:
    left = trial("local", suite(a_test("a", "failed", "no 127.0.0.1:7")), placement={})
    right = trial("docker", suite(a_test("a", "failed", "no api:80")), placement={"api": "docker"})

    assert names(compare(left, right).same_failure) == ["a"]


def test_movers_are_ordered_by_their_change() -> None:
    comparison = compared(
        [
            a_test("slower", seconds=1.0), a_test("quicker", seconds=5.0),
            a_test("still", seconds=1.0), a_test("tiny", seconds=0.0),
            a_test("skips", seconds=9.0), a_test("edge", seconds=0.010),
        ],
        [
            a_test("slower", seconds=1.5), a_test("quicker", seconds=1.0),
            a_test("still", seconds=1.0), a_test("tiny", seconds=0.2),
            a_test("skips", "skipped"), a_test("edge", seconds=0.011),
        ],
    )  # fmt: skip

    assert names(comparison.movers) == ["quicker", "slower", "tiny", "edge"]
    assert [0.2, 1.5, None, pytest.approx(1.1)] == [it.ratio for it in comparison.movers]
    assert [it.change_seconds for it in comparison.movers[:2]] == [-4.0, 0.5]


def test_only_so_many_movers() -> None:
    left = [a_test(f"t{i:02}", seconds=1.0) for i in range(20)]
    right = [a_test(f"t{i:02}", seconds=2.0) for i in range(20)]
    trials = trial("local", suite(*left)), trial("docker", suite(*right))

    assert [f"t{i:02}" for i in range(10)] == names(compare(*trials).movers)
    assert names(compare(*trials, movers=2).movers) == ["t00", "t01"]


def test_a_suite_of_no_tests_is_not_joined() -> None:
    comparison = compared([a_test("a")], [])

    assert (
        comparison.different, comparison.only_baseline, comparison.only_candidate
    ) == ((), (), ())  # fmt: skip


def test_sides_are_named_after_their_modes() -> None:
    def of(*trials: Trial | None) -> tuple[str, ...]:
        comparison = compare(*trials, modes=("l", "d"))  # type: ignore[arg-type, misc]
        return tuple(side.name for side in comparison.sides)

    assert of(trial("local"), trial("hybrid:a")) == ("local", "hybrid:a")
    assert of(trial("local"), trial("local")) == ("local (baseline)", "local (candidate)")
    assert of(None, trial("docker")) == ("l", "docker")
    assert of(None, None) == ("l", "d")


def test_fingerprints() -> None:
    left = trial("local", fingerprint={"python": "3.11", "tz": "UTC", "os": "x", "uid": "0"})
    right = trial("docker", fingerprint={"python": "3.12", "tz": "CET", "os": "x", "libc": "m"})

    comparison = compare(left, right)

    assert (
        FingerprintDifference("libc", None, "m"),
        FingerprintDifference("python", "3.11", "3.12"),
        FingerprintDifference("tz", "UTC", "CET"),
        FingerprintDifference("uid", "0", None),
    ) == comparison.fingerprint
    assert tuple(it.key for it in comparison.interpreters) == ("python",)
    assert compare(left, trial("docker")).fingerprint == ()
    assert compare(left, None).fingerprint == ()


def mirrored(row: ServiceRow) -> tuple[object, ...]:
    inverse = None if row.ratio is None else round(1 / row.ratio, 9)
    return row.service, row.figure, row.sides[::-1], row.candidate, row.baseline, inverse


def plain(row: ServiceRow) -> tuple[object, ...]:
    rounded = None if row.ratio is None else round(row.ratio, 9)
    return row.service, row.figure, row.sides, row.baseline, row.candidate, rounded


@pytest.mark.parametrize("seed", range(30))
def test_swapping_the_sides_mirrors_the_comparison(seed: int) -> None:
    dice = random.Random(seed)

    def side(mode: str, where: Side, prefix: str) -> Trial:
        tests = []
        for _ in range(40):
            outcome: Outcome = dice.choice(["passed", "failed", "skipped", "error"])
            message = dice.choice(["", "boom", "at 0x1", "at 0x2"])
            module = dice.choice(["test_a", "test_b"])
            classname = dice.choice(["", prefix]) + module
            seconds = dice.choice([0.0, 0.001, 0.5, 1.0, dice.random()])
            tests.append(
                TestOutcome(classname, f"t{dice.randrange(20)}", outcome, seconds, message)
            )
        services = {
            name: ServiceFigures(
                where,
                dice.choice([None, 0.0, 1.0, 2.0]),
                memory_bytes=dice.choice([None, 5, 10]),
                memory_method=dice.choice([None, "cgroup", "psutil"]),
                health=dice.choice([None, HealthSamples(30, 30, 0.1, 0.2)]),
            )
            for name in ("a", "b", "c")
            if dice.random() < 0.8
        }
        return trial(
            mode, suite(*tests), services=services,
            fingerprint={"python": dice.choice("12"), "tz": dice.choice("12")},
        )  # fmt: skip

    left, right = side("local", "local", "tests."), side("docker", "docker", "")
    there, back = compare(left, right, movers=99), compare(right, left, movers=99)

    def swapped(pairs: Iterable[Pair]) -> set[tuple[int, int]]:
        return {(id(pair.candidate), id(pair.baseline)) for pair in pairs}

    def straight(pairs: Iterable[Pair]) -> set[tuple[int, int]]:
        return {(id(pair.baseline), id(pair.candidate)) for pair in pairs}

    assert straight(there.different) == swapped(back.different)
    assert straight(there.same_failure) == swapped(back.same_failure)
    assert straight(there.movers) == swapped(back.movers)
    assert there.same == back.same
    assert there.only_baseline == back.only_candidate
    assert there.only_candidate == back.only_baseline
    assert sorted(map(plain, there.services), key=str) == sorted(
        map(mirrored, back.services), key=str
    )
    assert [(it.key, it.baseline, it.candidate) for it in there.fingerprint] == [
        (it.key, it.candidate, it.baseline) for it in back.fingerprint
    ]
    total = 2 * (there.same + len(there.different) + len(there.same_failure))
    assert total + len(there.only_baseline) + len(there.only_candidate) == 80
    assert exit_code(there, enforce=False, strict=False) == exit_code(
        back, enforce=False, strict=False
    )


# The verdict

GOOD = ServiceFigures(
    side="docker",
    startup_seconds=1.0,
    memory_bytes=10,
    memory_method="cgroup",
    cpu_seconds=1.0,
    cpu_method="cgroup",
    health=HealthSamples(100, 100, 0.001, 0.002),
)
SLOW = ServiceFigures(
    side="docker",
    startup_seconds=1.8,
    memory_bytes=10,
    memory_method="cgroup",
    cpu_seconds=1.0,
    cpu_method="cgroup",
    health=HealthSamples(100, 90, 0.001, 0.2),
)
UNMEASURED = ServiceFigures(side="docker")
ONE = suite(a_test("a"))


def both(
    left: SuiteRun | None,
    right: SuiteRun | None,
    services: tuple[dict[str, ServiceFigures], dict[str, ServiceFigures]] | None = None,
    failures: tuple[Failure | None, Failure | None] = (None, None),
    runs: int = 1,
) -> Comparison:
    figures = services or ({"redis": GOOD}, {"redis": GOOD})
    return compare(
        [trial("local", left, services=figures[0], failure=failures[0])] * runs,
        [trial("docker", right, services=figures[1], failure=failures[1])] * runs,
    )


HUNG = suite(a_test("a"), hung_in="tests/test_a.py::b", limit_seconds=60.0)
KILLED = SuiteRun(("pytest",), None, 60.0, (a_test("a"),))
NOT_UP = Failure("start", "redis never became healthy")


@pytest.mark.parametrize(
    ("comparison", "code", "last"),
    [
        (both(ONE, ONE), 0, "no test differs (1 on both sides); all 5 targets met."),
        (
            both(suite(a_test("a"), a_test("b")), suite(a_test("a"), a_test("b", "failed"))),
            1,
            "1 test differs; all 5 targets met.",
        ),
        (
            both(
                suite(a_test("a", "failed", "x"), a_test("b")),
                suite(a_test("a", "failed", "y"), a_test("b", "failed")),
            ),
            1,
            "2 tests differ; all 5 targets met.",
        ),
        (
            both(suite(a_test("a", "failed", "x")), suite(a_test("a", "failed", "x"))),
            1,
            "1 test fails in the same way on both sides; all 5 targets met.",
        ),
        (
            both(
                suite(a_test("a", "error"), a_test("b", "error")),
                suite(a_test("a", "error"), a_test("b", "error")),
            ),
            1,
            "2 tests fail in the same way on both sides; all 5 targets met.",
        ),
        (
            both(suite(a_test("a"), a_test("b")), suite(a_test("a"), a_test("c"))),
            1,
            "1 test only on local; 1 test only on docker; all 5 targets met.",
        ),
        (
            both(ONE, HUNG),
            1,
            "docker hung in tests/test_a.py::b (ended at its limit of 60 s); all 5 targets met.",
        ),
        (
            both(ONE, KILLED, failures=(None, Failure("suite", "hung"))),
            1,
            "docker hung in no test: in collection or between tests; all 5 targets met.",
        ),
        (
            both(suite(a_test("a"), exit_code=1), ONE),
            1,
            "pytest ended with exit code 1 on local although no test failed; all 5 targets met.",
        ),
        (
            both(suite(a_test("a", "failed"), exit_code=3), suite(a_test("a", "failed"))),
            1,
            "1 test fails in the same way on both sides; "
            "pytest ended with exit code 3 on local; all 5 targets met.",
        ),
        (
            both(suite(exit_code=4), suite(exit_code=5)),
            1,
            "pytest ended with exit code 4 on local although no test failed; "
            "no test ran on either side; all 5 targets met.",
        ),
        (
            both(suite(exit_code=5), suite(exit_code=5)),
            5,
            "no test ran on either side; all 5 targets met.",
        ),
        (both(None, None), 5, "no test ran on either side; all 5 targets met."),
        (both(ONE, suite(exit_code=5)), 5, "no test ran on docker; all 5 targets met."),
        (
            both(suite(a_test("a", "failed")), suite(exit_code=5)),
            1,
            "1 test fails on local; no test ran on docker; all 5 targets met.",
        ),
        (
            both(suite(), suite(a_test("a", "failed"), a_test("b", "error"))),
            1,
            "2 tests fail on docker; no test ran on local; all 5 targets met.",
        ),
        (
            both(suite(a_test("a", "skipped")), suite(a_test("a", "skipped"))),
            5,
            "no test ran on either side; all 5 targets met.",
        ),
        (
            both(ONE, None, failures=(None, NOT_UP)),
            4,
            "docker failed at start; no test ran on docker; all 5 targets met.",
        ),
        (
            both(ONE, suite(a_test("a", "failed")), failures=(None, Failure("stop", "x"))),
            4,
            "docker failed at stop; 1 test differs; all 5 targets met.",
        ),
        (
            both(ONE, ONE, failures=(Failure("interrupted", ""), None)),
            4,
            "local was interrupted; all 5 targets met.",
        ),
        (
            both(ONE, ONE, failures=(None, Failure("suite", "no pytest"))),
            4,
            "docker failed at suite; all 5 targets met.",
        ),
        (
            compare(trial("local", ONE), None),
            4,
            "no trial of docker; no target judged.",
        ),
        (compare(None, None), 4, "no trial of local; no trial of docker; no target judged."),
    ],
)  # fmt: skip
def test_the_exit_code_and_the_last_line(comparison: Comparison, code: int, last: str) -> None:
    for enforce in (False, True):
        assert code == exit_code(comparison, enforce=enforce, strict=False)
    assert last == sentence(comparison)


def test_a_missed_target_fails_only_when_enforced() -> None:
    services = ({"redis": GOOD, "api": GOOD}, {"redis": SLOW, "api": SLOW})
    comparison = both(ONE, ONE, services, runs=3)

    assert exit_code(comparison, enforce=False, strict=True) == ExitCode.SAME
    assert exit_code(comparison, enforce=True, strict=False) == ExitCode.GATE_FAILED
    named = (
        "no test differs (1 on both sides); missed: start-up of redis 1.80x and api 1.80x "
        "(< 1.5x), health p95 of redis 200 ms and api 200 ms (< 100 ms), "
        "health rate of redis 90.0 % and api 90.0 % (> 99 %)"
    )
    assert f"{named}, not enforced." == sentence(comparison)
    assert f"{named}." == sentence(comparison, enforce=True)


def test_a_ratio_beyond_its_limit_in_too_few_runs_is_never_missed() -> None:
    slow = replace(GOOD, startup_seconds=1.8)
    services = ({"redis": GOOD, "api": GOOD}, {"redis": slow, "api": GOOD})
    once, twice, thrice = (both(ONE, ONE, services, runs=count) for count in (1, 2, 3))

    for few in (once, twice):
        assert [False, True] == [
            any(getattr(row, kind) for row in few.services) for kind in ("missed", "beyond")
        ]
        # A gate that never fails because each mode ran once would be no gate.
        assert exit_code(few, enforce=True, strict=False) == ExitCode.INCONCLUSIVE
        assert exit_code(few, enforce=False, strict=True) == ExitCode.INCONCLUSIVE
        assert exit_code(few, enforce=False, strict=False) == ExitCode.SAME
        assert "; beyond the limit, or noise: start-up of redis 1.80x (< 1.5x)." in sentence(few)
    judgement = next(row.judgement for row in twice.services if row.beyond)
    assert judgement is not None
    assert judgement.reason == "beyond the limit in 2 of at least 3 runs, which may be noise"
    assert exit_code(thrice, enforce=True, strict=False) == ExitCode.GATE_FAILED
    assert "missed: start-up of redis 1.80x (< 1.5x), not enforced" in sentence(thrice)


def test_a_figure_of_the_candidate_alone_is_missed_after_three_runs() -> None:
    poor = replace(GOOD, health=HealthSamples(50, 50, 0.1, 0.2))
    once, thrice = (both(ONE, ONE, ({"redis": GOOD}, {"redis": poor}), runs=it) for it in (1, 3))

    # A burst of other work on the machine slows all of one run's probes.
    assert exit_code(once, enforce=True, strict=False) == ExitCode.INCONCLUSIVE
    assert "beyond the limit, or noise: health p95 of redis 200 ms (< 100 ms)" in sentence(once)
    assert exit_code(thrice, enforce=True, strict=False) == ExitCode.GATE_FAILED


def test_an_unknown_target_fails_only_when_strict() -> None:
    comparison = both(ONE, ONE, ({"redis": GOOD}, {"redis": UNMEASURED}))

    assert exit_code(comparison, enforce=True, strict=False) == ExitCode.SAME
    assert exit_code(comparison, enforce=False, strict=True) == ExitCode.INCONCLUSIVE
    assert sentence(comparison) == "no test differs (1 on both sides); 5 of 5 targets unknown."


def test_strict_wants_services_that_were_measured() -> None:
    comparison = both(ONE, ONE, ({}, {}))
    assert exit_code(both(ONE, ONE), enforce=True, strict=True) == ExitCode.SAME
    comparison = compare(trial("local", ONE), trial("docker", ONE))

    assert exit_code(comparison, enforce=False, strict=True) == ExitCode.INCONCLUSIVE
    assert exit_code(comparison, enforce=False, strict=False) == ExitCode.SAME


def test_a_missed_target_goes_before_an_unknown_one_and_after_the_tests() -> None:
    services = ({"a": GOOD, "b": GOOD}, {"a": SLOW, "b": UNMEASURED})
    failing = suite(a_test("a", "failed"))

    missed = both(ONE, ONE, services, runs=3)
    assert exit_code(missed, enforce=True, strict=True) == ExitCode.GATE_FAILED
    assert (
        exit_code(both(ONE, failing, services), enforce=True, strict=True) == ExitCode.TESTS_DIFFER
    )
    assert (
        exit_code(both(suite(), suite(), services), enforce=True, strict=False)
        == ExitCode.INCONCLUSIVE
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (None, None),
        (suite(a_test("a")), None),
        (suite(a_test("a", "failed"), exit_code=1), None),
        (suite(a_test("a", "error"), exit_code=2), None),
        (suite(a_test("a", "failed"), exit_code=0), None),
        (suite(exit_code=5), None),
        (suite(a_test("a", "skipped"), exit_code=5), None),
        (KILLED, None),
        (suite(a_test("a"), exit_code=2, hung_in="b"), None),
        (suite(a_test("a"), exit_code=2), 2),
        (suite(a_test("a"), exit_code=5), 5),
        (suite(exit_code=1), 1),
        (suite(a_test("a"), exit_code=-11), -11),
        (suite(a_test("a", "failed"), exit_code=139), 139),
    ],
)
def test_exit_codes_that_the_tests_do_not_account_for(
    run: SuiteRun | None, expected: int | None
) -> None:
    assert expected == Summary("local", trial("local", run)).unexplained_exit
    assert Summary("local", None).unexplained_exit is None
