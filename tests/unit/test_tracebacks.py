"""What of a traceback says why a test failed, and that no secret in it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tranship.comparison.explained import explained
from tranship.comparison.tracebacks import spoken
from tranship.settings import Settings
from tranship.trials.record import SuiteRun, TestOutcome, Trial, write
from tranship.trials.seeing import without_secrets

LONG = """\
    def test_total():
        region = os.environ.get("REGION", "none")
>       assert total(region) == 3

tests/test_total.py:9:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

    def total(region):
        timezone = TABLE["ignored"]
>       return prices.load("/data/Prices.csv")
E       FileNotFoundError: [Errno 2] No such file or directory: '/data/Prices.csv'
E       hint: is LC_ALL set?

shop/total.py:4: FileNotFoundError"""

SHORT = """\
tests/test_total.py:9: in test_total
    assert total("x") == 3
E   AssertionError: assert 2 == 3"""


def outcome(details: str, message: str = "boom") -> TestOutcome:
    return TestOutcome("tests.test_total", "test_total", "failed", 0.1, message, details)


def test_the_error_and_the_failing_statements_speak_and_the_source_does_not() -> None:
    said = spoken(outcome(LONG)).splitlines()

    assert "boom" == said[0]
    assert "FileNotFoundError: [Errno 2] No such file or directory: '/data/Prices.csv'" in said
    assert "hint: is LC_ALL set?" in said
    assert 'return prices.load("/data/Prices.csv")' in said
    assert "shop/total.py: FileNotFoundError" in said
    assert not any("REGION" in line or "TABLE" in line for line in said)


def test_the_short_style() -> None:
    assert [
        "boom",
        "tests/test_total.py: in test_total",
        'assert total("x") ==',
        "AssertionError: assert 2 == 3",
    ] == spoken(outcome(SHORT)).splitlines()


def test_paths_of_python_and_numbers_of_statements_say_nothing() -> None:
    details = """\
>       os.posix_fallocate(shared, 0, 80 * 1024 * 1024)

/home/root/python-3.11.7/lib/socket.py:864: in create_server
    raise error(err.errno, msg) from None
/home/root/venv/lib/site-packages/prices/rates.py:12: OSError"""

    assert [
        "boom",
        "os.posix_fallocate(shared, , * * )",
        "raise error(err.errno, msg) from None",
        "prices/rates.py: OSError",
    ] == spoken(outcome(details)).splitlines()


def test_a_record_without_tracebacks_speaks_by_its_message() -> None:
    assert "boom" == spoken(outcome(""))


def test_no_secret_of_the_stack_is_kept() -> None:
    text = "E  no s3cret-word here\nE  postgresql://app:other-word@db/app\nE  password=third"
    run = SuiteRun(("pytest",), 1, 1.0, (outcome(text), outcome("")))

    kept = without_secrets(run, frozenset({"s3cret-word"})).tests[0].details

    assert "no ****** here" in kept
    assert not any(word in kept for word in ("s3cret-word", "other-word", "third"))


def test_a_cause_that_only_the_traceback_names_is_found(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path / "state")
    details = "E   AssertionError: boom\nE     + where REGION is not set"
    passed = replace(outcome(""), outcome="passed", message="")
    for mode, test, region in (("local", passed, "eu-1"), ("docker", outcome(details), "")):
        seen = {"env:LEVEL": mode, **({"env:REGION": region} if region else {})}
        suite = SuiteRun(("pytest",), 1, 1.0, (test,))
        started = "2026-05-01T10:00:00.000+00:00"
        write(Trial(mode, mode, {}, started, "p", suite=suite, fingerprint=seen), settings.trials)

    text = explained(settings)

    assert "1. env:REGION: eu-1 / -" in text
    assert "the failure names REGION" in text
    assert "docker: failed: boom" in text
