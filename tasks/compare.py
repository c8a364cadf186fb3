"""Look at the trials on record."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import UsageError
from .selection import Count, Seconds
from .selection import names as selected


@task(
    help={
        "baseline": "The mode that the other is compared with, or the path of an earlier record.",
        "candidate": "The mode that is compared.",
        "format": "terminal or markdown.",
        "enforce": "Exit 3 when a gate is failed.",
        "strict": "Exit 5 when a gate is inconclusive.",
        "prometheus": "URL of a Prometheus, asked for what the records lack for gates on queries.",
    }
)
def show(
    c: Context,
    baseline: str = "local",
    candidate: str = "docker",
    format: str = "terminal",  # noqa: A002 - the word of the command line
    enforce: bool = False,
    strict: bool = False,
    prometheus: str = "",
) -> None:
    """Print the comparison of the newest trials on record; nothing is run."""
    from . import settings as settings_module
    from .comparison.records import compared_records
    from .envmap.project import masker

    settings = settings_module.load()
    if prometheus:
        from .deployment.monitoring.asking import ask_for_gates

        modes = [it for it in (baseline, candidate) if not it.endswith(".json")]
        ask_for_gates(settings, modes, console.note, prometheus=prometheus, again=True)
    shown, code = compared_records(
        settings,
        baseline,
        candidate,
        format=format,
        enforce=enforce,
        strict=strict,
        width=console.width(),
        unicode=console.unicode_out(),
        mask=masker(settings),
    )
    console.out(shown)
    if code:
        raise Exit(code=int(code))


@task(
    help={
        "baseline": "The mode that the other is compared with, or the path of an earlier record.",
        "candidate": "The mode that is compared.",
        "enforce": "The verdict fails where a gate is failed.",
        "strict": "The verdict is inconclusive where a gate is.",
    }
)
def report(
    c: Context,
    baseline: str = "local",
    candidate: str = "docker",
    enforce: bool = False,
    strict: bool = False,
) -> None:
    """Write the newest comparison as a page, Markdown and JUnit."""
    from . import settings as settings_module
    from .comparison.report.records import write_records

    for path in write_records(
        settings_module.load(), baseline, candidate, enforce=enforce, strict=strict
    ):
        console.out(str(path))


@task(
    help={
        "test": "A part of a test's name; all that differ without it.",
        "baseline": "The mode that the other is compared with, or the path of an earlier record.",
        "candidate": "The mode that is compared.",
    },
)
def explain(c: Context, test: str = "", baseline: str = "local", candidate: str = "docker") -> None:
    """Rank the causes of each test that differs on record; nothing is run."""
    from . import settings as settings_module
    from .comparison.explained import explained
    from .envmap.project import masker

    settings = settings_module.load()
    console.out(masker(settings)(explained(settings, test, baseline, candidate)))


@task(
    positional=["test"],
    help={
        "test": "A part of the name of one test that differs, or its node id.",
        "baseline": "The mode that the other is compared with.",
        "candidate": "The mode that is compared.",
        "repeat": "How often a probe must agree with itself.",
        "apply": "Keys of differences, separated by commas: run without and with these, and stop.",
        "timeout": "Seconds that one probe may take; 60, or the suite's own limit if that is less.",
        "limit": "How many probes there may be.",
        "format": "terminal or json.",
    },
)
def bisect(
    c: Context,
    test: str,
    baseline: str = "local",
    candidate: str = "docker",
    repeat: Count = Count(3),  # noqa: B008 - a number, and Invoke reads its type
    apply: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008 - a number, and Invoke reads its type
    limit: Count = Count(200),  # noqa: B008
    format: str = "terminal",  # noqa: A002 - the word of the command line
) -> None:
    """Find the difference that makes a test fail on one side, by applying and running it."""
    from . import settings as settings_module
    from .comparison.bisect.run import Options, run
    from .envmap.project import masker

    if format not in ("terminal", "json"):
        raise UsageError(f"Unknown format {format!r}. Formats: terminal, json.")
    settings = settings_module.load()
    mask = masker(settings)
    options = Options(repeat, selected([apply]), float(timeout), limit)
    found = run(settings, test, baseline, candidate, options, lambda line: console.note(mask(line)))
    console.out(mask(found.as_json() if format == "json" else found.as_text()))
    if found.code:
        raise Exit(code=int(found.code))


def _collection() -> Collection:
    found = Collection("compare")
    found.add_task(show)
    found.add_task(report)
    found.add_task(explain)
    found.add_task(bisect)
    return found


ns = _collection()
