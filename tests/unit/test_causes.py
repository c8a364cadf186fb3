"""Ranking what a failing test speaks of: each planted cause comes first among the usual noise."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tranship
from invoke.program import Program
from tranship.comparison.causes import Cause, distribution_of, rank
from tranship.comparison.explained import case_twins, explained
from tranship.comparison.fingerprints import differences
from tranship.comparison.mentions import Mentions, TestSource, beside_tests, mentions
from tranship.errors import RecordError, UsageError
from tranship.settings import Settings, load
from tranship.trials.record import Outcome, SuiteRun, TestOutcome, Trial, write

# What a process on a host and a container differ in without any test that minds.
LOCAL = {
    "hostname": "laptop",
    "cwd": "/home/ada/shop",
    "home": "/home/ada",
    "tmp": "/tmp",
    "uid": "1000",
    "gid": "1000",
    "user": "ada",
    "umask": "0022",
    "os": "Ubuntu 24.04",
    "libc": "glibc 2.39",
    "openssl": "OpenSSL 3.0.13",
    "sqlite": "3.45.1",
    "python": "3.12.4",
    "python_build": "main Jun GCC 13",
    "tz": "CET",
    "tz_names": "CET/CEST",
    "utc_offset": "+0100 +0200",
    "locale": "en_US.UTF-8",
    "locale_collate": "en_US.UTF-8",
    "locale_numeric": "en_US.UTF-8",
    "collation": "1 _a a A b B z Z",
    "cpus": "16",
    "cpu_quota": "none",
    "memory_limit": "none",
    "shared_memory": "16000000000",
    "limit_nofile": "1048576/1048576",
    "read_only_root": "no",
    "writable_cwd": "yes",
    "writable_home": "yes",
    "case_sensitive_cwd": "no",
    "fs_cwd": "apfs",
    "encoding_preferred": "UTF-8",
    "dns:redis": "no answer",
    "dns:postgres": "no answer",
    "pytest_plugins": "asyncio cov",
    "date": "2026-05-01",
    "capabilities": "000001fffeffffff",
    "seccomp": "0",
    "python_flags": "",
    "env:PYTHONHASHSEED": "1",
    "env:REDIS_URL": "redis://127.0.0.1:6379/0",
    "env:HOME": "/home/ada",
    "env:REGION": "eu-1",
    "env:DB_PASSWORD": "sha256:aaaaaaaa",
    "env:GREETING": "corr3ct$battery",
    "env:PATH": "/usr/bin",
    "package:numpy": "2.1.0",
    "package:pyyaml": "6.0.1",
    "package:httpx": "0.27.0",
}
DOCKER = {
    **{key: value for key, value in LOCAL.items() if key != "env:REGION"},
    "hostname": "3f1c",
    "cwd": "/app",
    "home": "/",
    "uid": "10001",
    "gid": "10001",
    "user": "unknown",
    "umask": "0077",
    "os": "Debian GNU/Linux 12",
    "libc": "glibc 2.36",
    "openssl": "OpenSSL 3.0.11",
    "sqlite": "3.40.1",
    "python": "3.11.7",
    "python_build": "main Dec GCC 12",
    "tz": "UTC",
    "tz_names": "UTC/UTC",
    "utc_offset": "+0000 +0000",
    "locale": "C.UTF-8",
    "locale_collate": "C.UTF-8",
    "locale_numeric": "C.UTF-8",
    "collation": "1 A B Z _a a b z",
    "cpus": "2",
    "cpu_quota": "0.5",
    "memory_limit": "268435456",
    "shared_memory": "67108864",
    "limit_nofile": "1024/1024",
    "read_only_root": "yes",
    "writable_cwd": "no",
    "writable_home": "no",
    "case_sensitive_cwd": "yes",
    "fs_cwd": "overlay",
    "encoding_preferred": "ANSI_X3.4-1968",
    "dns:redis": "172.18.0.3",
    "dns:postgres": "172.18.0.4",
    "pytest_plugins": "cov",
    "date": "2026-05-02",
    "capabilities": "00000000a80421fb",
    "seccomp": "2",
    "python_flags": "optimize=1",
    "env:PYTHONHASHSEED": "2",
    "env:PYTHONOPTIMIZE": "1",
    "env:REDIS_URL": "redis://redis:6379/0",
    "env:HOME": "/",
    "env:DB_PASSWORD": "sha256:bbbbbbbb",
    "env:GREETING": "corr3ct",
    "package:numpy": "1.26.4",
    "package:pyyaml": "5.4.1",
    "package:httpx": "0.28.0",
}


@dataclass(frozen=True)
class Planted:
    name: str
    source: str
    message: str
    expected: str
    case_twins: tuple[tuple[str, str], ...] = field(default=())


PLANTED = [
    Planted(
        "time zone",
        """
        import datetime
        def test_it():
            assert datetime.datetime.fromtimestamp(0).hour == 1
        """,
        "assert 0 == 1",
        "tz",
    ),
    Planted(
        "time zone by its name",
        """
        import time
        def test_it():
            assert time.tzname[0] == "CET"
        """,
        "AssertionError: assert 'UTC' == 'CET'",
        "tz",
    ),
    Planted(
        "collation",
        """
        import locale
        def test_it():
            assert sorted(["b", "A", "a"], key=locale.strxfrm) == ["a", "A", "b"]
        """,
        "AssertionError: assert ['A', 'a', 'b'] == ['a', 'A', 'b']",
        "collation",
    ),
    Planted(
        "number format",
        """
        import locale
        def test_it():
            locale.setlocale(locale.LC_NUMERIC, "")
            assert locale.localeconv()["thousands_sep"] == ","
        """,
        "locale.Error: unsupported locale setting",
        "locale",
    ),
    Planted(
        "user id",
        """
        import os
        def test_it():
            assert os.getuid() == 1000
        """,
        "assert 10001 == 1000",
        "uid",
    ),
    Planted(
        "name of the user",
        """
        import getpass
        def test_it():
            getpass.getuser()
        """,
        "KeyError: 'getpwuid(): uid not found: 10001'",
        "uid",
    ),
    Planted(
        "read-only file system",
        """
        from pathlib import Path
        def test_it():
            Path("/var/cache/x").write_text("x")
        """,
        "OSError: [Errno 30] Read-only file system: '/var/cache/x'",
        "read_only_root",
    ),
    Planted(
        "right to write",
        """
        def test_it(write):
            write()
        """,
        "PermissionError: [Errno 13] Permission denied: 'report.txt'",
        "writable_cwd",
    ),
    Planted(
        "right to write at home",
        """
        from pathlib import Path
        def test_it():
            (Path.home() / ".shop").touch()
        """,
        "PermissionError: [Errno 13] Permission denied: '/.shop'",
        "writable_home",
    ),
    Planted(
        "variable that is missing",
        """
        import os
        def region():
            return os.environ["REGION"]
        def test_it():
            assert region()
        """,
        "KeyError: 'REGION'",
        "env:REGION",
    ),
    Planted(
        "variable that is missing and not named by the failure",
        """
        import os
        def test_it():
            assert os.environ.get("REGION")
        """,
        "assert None",
        "env:REGION",
    ),
    Planted(
        "variable cut at a dollar",
        """
        import os
        def test_it():
            assert len(os.getenv("GREETING", "")) == 15
        """,
        "AssertionError: assert 7 == 15",
        "env:GREETING",
    ),
    Planted(
        "secret",
        """
        import os
        def test_it(login):
            assert login(os.environ["DB_PASSWORD"])
        """,
        "assert False",
        "env:DB_PASSWORD",
    ),
    Planted(
        "version of a package",
        """
        import numpy as np
        import httpx
        def test_it():
            assert np.asarray([1], copy=None).size
        """,
        "TypeError: asarray() got an unexpected keyword argument 'copy'",
        "package:numpy",
    ),
    Planted(
        "version of a package by another name",
        """
        import yaml
        def test_it():
            yaml.load("a: 1")
        """,
        "AssertionError",
        "package:pyyaml",
    ),
    Planted(
        "version of Python",
        """
        def test_it():
            import itertools
            itertools.batched("ab", 1)
        """,
        "AttributeError: module 'itertools' has no attribute 'batched'",
        "python",
    ),
    Planted(
        "module that Python has no more",
        """
        def test_it():
            import binhex
        """,
        "ModuleNotFoundError: No module named 'binhex'",
        "python",
    ),
    Planted(
        "number of CPUs",
        """
        import os
        def test_it():
            assert os.cpu_count() >= 4
        """,
        "assert 2 >= 4",
        "cpus",
    ),
    Planted(
        "memory limit",
        """
        import subprocess, sys
        def test_it():
            done = subprocess.run([sys.executable, "-c", "bytearray(2**30)"])
            assert done.returncode == 0
        """,
        "AssertionError: child ended with SIGKILL",
        "memory_limit",
    ),
    Planted(
        "open files",
        """
        def test_it():
            [open("/dev/null") for _ in range(2000)]
        """,
        "OSError: [Errno 24] Too many open files: '/dev/null'",
        "limit_nofile",
    ),
    Planted(
        "name of a host",
        """
        import socket
        def test_it():
            socket.create_connection(("redis", 6379))
        """,
        "socket.gaierror: [Errno -2] Name or service not known",
        "dns:redis",
    ),
    Planted(
        "case of a file name",
        """
        from pathlib import Path
        def test_it():
            assert Path("data/Readme.txt").read_text()
        """,
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/Readme.txt'",
        "case_sensitive_cwd",
        (("Readme.txt", "README.txt"),),
    ),
    Planted(
        "encoding",
        """
        def test_it():
            assert open("menu.txt").read()
        """,
        "UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3 in position 2",
        "encoding_preferred",
    ),
    Planted(
        "umask",
        """
        import os
        def test_it(tmp_path):
            path = tmp_path / "x"
            path.touch()
            assert path.stat().st_mode & 0o777 == 0o644
        """,
        "assert 384 == 420",
        "umask",
    ),
    Planted(
        "plugin of pytest",
        """
        import pytest
        @pytest.mark.asyncio
        async def test_it():
            pass
        """,
        "Failed: async def functions are not natively supported.",
        "pytest_plugins",
    ),
    Planted(
        "shared memory",
        """
        from multiprocessing import shared_memory
        def test_it():
            shared_memory.SharedMemory(create=True, size=2**28).buf[:] = b"x" * 2**28
        """,
        "Fatal Python error: Bus error",
        "shared_memory",
    ),
    Planted(
        "port below 1024",
        """
        import socket
        def test_it():
            socket.socket().bind(("127.0.0.1", 514))
        """,
        "PermissionError: [Errno 13] Permission denied",
        "uid",
    ),
    Planted(
        "asserts that are switched off",
        """
        import pytest
        def test_it(order):
            with pytest.raises(AssertionError):
                order(0)
        """,
        "Failed: DID NOT RAISE <class 'AssertionError'>",
        "env:PYTHONOPTIMIZE",
    ),
    Planted(
        "order of a set",
        """
        def test_it():
            assert next(iter({"AAPL", "MSFT"})) == "AAPL"
        """,
        "AssertionError: assert 'MSFT' == 'AAPL'",
        "env:PYTHONHASHSEED",
    ),
]


def ranked(planted: Planted) -> tuple[Cause, ...]:
    source = textwrap.dedent(planted.source)
    found = TestSource(mentions(source, "test_it"), beside_tests(source))
    return rank(planted.message, found, differences(LOCAL, DOCKER), case_twins=planted.case_twins)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda it: it.name)
def test_a_planted_cause_comes_first(planted: Planted) -> None:
    causes = ranked(planted)

    assert planted.expected == causes[0].difference.key, [
        (it.difference.key, it.score, it.reasons) for it in causes[:5]
    ]
    assert causes[0].reasons


def test_each_rank_has_its_reason() -> None:
    planted = next(it for it in PLANTED if it.name == "variable that is missing")

    assert (
        "the failure names REGION",
        "the test uses the variable REGION",
    ) == ranked(planted)[0].reasons


def test_a_value_that_the_failure_shows_is_a_reason() -> None:
    causes = rank("assert 'eu-2' == 'eu-1'", TestSource(), differences(*REGIONS))

    assert [("env:REGION", ("the failure shows both values, 'eu-1' and 'eu-2'",))] == [
        (it.difference.key, it.reasons) for it in causes
    ]


@pytest.mark.parametrize("message", ["OSError: [Errno 2] Odd", "assert 2 == 3"])
def test_a_small_number_alone_is_no_reason(message: str) -> None:
    assert () == rank(message, TestSource(), differences({"seccomp": "0"}, {"seccomp": "2"}))


def test_a_file_in_another_case_blames_no_folder() -> None:
    folders = differences({"cwd": "/shop"}, {"cwd": "/app"})
    message = "FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'"

    assert rank(message, TestSource(), folders)
    assert () == rank(message, TestSource(), folders, case_twins=[("a.csv", "A.csv")])


REGIONS = ({"env:REGION": "eu-1", "tz": "UTC"}, {"env:REGION": "eu-2", "tz": "JST"})


def test_a_test_that_speaks_of_nothing_has_no_cause() -> None:
    assert () == rank("assert False", TestSource(), differences(LOCAL, DOCKER))
    assert () == rank("KeyError: 'REGION'", TestSource(), ())


def test_near_places_weigh_more_than_far_ones() -> None:
    uses = Mentions(texts=frozenset({"REGION"}))
    found = differences(*REGIONS)

    scores = [
        rank("", source, found)[0].score
        for source in (
            TestSource(test=uses, file=uses),
            TestSource(file=uses),
            TestSource(imported=uses),
        )
    ]

    assert sorted(scores, reverse=True) == scores
    assert 3 == len(set(scores))


def test_part_of_a_word_names_nothing() -> None:
    found = differences({"env:HOST": "a", "dns:redis": "x"}, {"env:HOST": "b", "dns:redis": "y"})

    assert () == rank("GHOST in redis-py, redis.client", TestSource(), found)
    assert ["dns:redis"] == [
        it.difference.key for it in rank("no route to redis:6379.", TestSource(), found)
    ]


def test_mentions_follow_aliases_fixtures_and_constants() -> None:
    source = textwrap.dedent(
        """
        import os as system
        from os import cpu_count as count
        import pytest

        NAME = "REGION"

        @pytest.fixture
        def pool():
            return count()

        class TestIt:
            def test_it(self, pool):
                assert system.environ[NAME]

        def test_other():
            import yaml
            yaml.load("x")
        """
    )

    test, whole = mentions(source, "test_it"), mentions(source)

    assert {"os.cpu_count", "os.environ"} <= test.names
    assert "REGION" in test.texts
    assert "yaml" not in test.modules
    assert "yaml.load" in whole.names
    assert "yaml.load" not in beside_tests(source).names
    assert "os.cpu_count" in beside_tests(source).names
    assert "yaml" in whole.modules


def test_a_source_that_cannot_be_parsed_mentions_nothing() -> None:
    assert Mentions() == mentions("print 1")
    assert Mentions() == mentions("x = 1", "test_it")


@pytest.mark.parametrize(
    ("module", "expected"),
    [("yaml", "pyyaml"), ("PIL.Image", "pillow"), ("prometheus_client", "prometheus-client")],
)
def test_distributions_of_modules(module: str, expected: str) -> None:
    assert expected == distribution_of(module)


def trial(mode: str, fingerprint: dict[str, str], *tests: TestOutcome) -> Trial:
    return Trial(
        id=mode,
        mode=mode,
        placement={},
        started="2026-05-01T10:00:00.000+00:00",
        project="p",
        suite=SuiteRun(("pytest",), 1, 1.0, tests),
        fingerprint=fingerprint,
    )


def outcome(name: str, result: Outcome, message: str = "", classname: str = "") -> TestOutcome:
    return TestOutcome(classname or "tests.test_shop", name, result, 0.1, message)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "tests").mkdir()
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.tranship]\ncompose-files = ["compose.yaml"]\n'
        '[tool.tranship.suite]\npaths = ["tests"]\n'
    )
    (tmp_path / "tests/test_shop.py").write_text(
        "import os\nfrom shop import stock\n\n"
        "def test_region(): assert os.environ['REGION']\n\n"
        "def test_stock(): assert stock()\n"
    )
    (tmp_path / "shop.py").write_text("import numpy\ndef stock(): return numpy.ones(1)\n")
    monkeypatch.chdir(tmp_path)
    return load()


def record_both(settings: Settings) -> None:
    local = [outcome(name, "passed") for name in ("test_region", "test_stock", "test_same")]
    docker = [
        outcome("test_region", "failed", "KeyError: 'REGION'", "app.tests.test_shop"),
        outcome("test_stock", "failed", "assert False", "app.tests.test_shop"),
        outcome("test_same", "passed", "", "app.tests.test_shop"),
    ]
    write(trial("local", LOCAL, *local), settings.trials)
    write(trial("docker", DOCKER, *docker), settings.trials)


def test_each_differing_test_is_explained_with_reasons(project: Settings) -> None:
    record_both(project)

    text = explained(project)

    region, stock = text.split("\n\n")
    assert [
        "tests.test_shop::test_region",
        "  local: passed",
        "  docker: failed: KeyError: 'REGION'",
        "  source: tests/test_shop.py",
        "  1. env:REGION: eu-1 / -",
        "       the failure names REGION",
        "       the test uses the variable REGION",
        "       set on one side only",
    ] == region.splitlines()[:8]
    assert "  1. package:numpy: 2.1.0 / 1.26.4" in stock.splitlines()
    assert "       what it imports uses the module numpy" in stock.splitlines()
    assert "test_same" not in text


def test_one_test_is_explained_by_a_part_of_its_name(project: Settings) -> None:
    record_both(project)

    assert "test_region" not in explained(project, "stock")
    with pytest.raises(UsageError, match=r"(?s)has 'same' in its name\. These differ: .*test_reg"):
        explained(project, "same")


def test_only_so_many_tests_are_explained_at_once(project: Settings) -> None:
    names = [f"test_{number:02}" for number in range(23)]
    write(trial("local", LOCAL, *(outcome(it, "passed") for it in names)), project.trials)
    write(trial("docker", DOCKER, *(outcome(it, "failed", "x") for it in names)), project.trials)

    text = explained(project)

    assert "test_19" in text
    assert "test_20" not in text
    assert "3 more tests differ: name them with --test, by a part of the name." in text


def test_passwords_are_hidden(project: Settings) -> None:
    message = "cannot dial postgresql://ada:swordfish@redis/x, password=swordfish"
    write(trial("local", LOCAL, outcome("test_region", "passed")), project.trials)
    write(trial("docker", DOCKER, outcome("test_region", "failed", message)), project.trials)

    text = explained(project)

    assert "cannot dial postgresql://ada:******@redis/x" in text
    assert "swordfish" not in text


def test_nothing_on_record_and_nothing_that_differs(project: Settings) -> None:
    with pytest.raises(RecordError):
        explained(project)
    for mode in ("local", "docker"):
        write(trial(mode, LOCAL, outcome("test_region", "passed")), project.trials)

    assert (
        "No test differs between local and docker on record.\n\n"
        "The sides' fingerprints do not differ, or one has none."
    ) == explained(project)


def test_a_module_that_cannot_be_imported_is_explained(project: Settings) -> None:
    error = TestOutcome("", "tests.test_shop", "error", 0.0, "No module named 'yaml'")
    write(trial("local", LOCAL, outcome("test_region", "passed")), project.trials)
    write(trial("docker", DOCKER, error), project.trials)

    assert "  1. package:pyyaml: 6.0.1 / 5.4.1" in explained(project).splitlines()


def test_the_task_prints_it(project: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    record_both(project)
    program = Program(namespace=tranship.namespace(), version="0")

    program.run(["inv", "compare.explain", "--test", "region"], exit=False)

    assert "1. env:REGION" in capsys.readouterr().out


def test_a_file_of_the_same_letters_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/README.txt").touch()
    missing: Callable[[str], str] = "FileNotFoundError: No such file or directory: '{}'".format

    assert (("Readme.txt", "README.txt"),) == case_twins(missing("data/Readme.txt"), tmp_path, None)
    assert () == case_twins(missing("data/README.txt"), tmp_path, None)
    assert () == case_twins(missing("data/other.txt"), tmp_path, None)
    assert () == case_twins("assert 'data/Readme.txt'", tmp_path, None)


def test_another_case_is_said_where_no_file_system_differs(project: Settings) -> None:
    (project.root / "Prices.csv").touch()
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'prices.csv'"
    line = "  it asks for 'prices.csv' and here is 'Prices.csv'"
    for cases, said in (({}, True), ({"case_sensitive_cwd": "no"}, False)):
        kept = {"case_sensitive_cwd": "yes", "cpus": "2"}
        write(trial("local", kept, outcome("test_stock", "failed", error)), project.trials)
        write(trial("docker", {**kept, **cases}, outcome("test_stock", "passed")), project.trials)

        assert said == (line in explained(project).splitlines())
