"""The shell lines that both providers run: what is started, and what its exit code means."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from ...errors import ExitCode
from ...settings import CiSettings

_USAGE = "Usage, settings or a file of the project is wrong; the message is above."
_ENVIRONMENT = "The environment failed, not a test: engine, port, image or service."
PROVED = {
    ExitCode.TESTS_DIFFER: "A test fails or differs.",
    ExitCode.USAGE: _USAGE,
    ExitCode.ENVIRONMENT: _ENVIRONMENT,
    ExitCode.INCONCLUSIVE: "No test ran.",
}
"""Exit code -> what it says of the suite in one mode."""
COMPARED = {
    ExitCode.TESTS_DIFFER: "Tests differ or fail; the report has them.",
    ExitCode.USAGE: _USAGE,
    ExitCode.GATE_FAILED: "A target is missed; the report has the figures.",
    ExitCode.ENVIRONMENT: _ENVIRONMENT,
    ExitCode.INCONCLUSIVE: "Inconclusive: too little was measured to judge.",
}
"""Exit code -> what it says of a comparison."""


def dispatch() -> str:
    """Return the cases of `case "$MODE"`: how the suite is run in each kind of mode.

    No session runs a hybrid placement alone: it is compared with the pure one beside it.
    """
    return "\n".join(
        (
            'local | docker) nox -s "$MODE" || code=$? ;;',
            'hybrid:*) nox -s compare -- --modes "docker,$MODE" || code=$? ;;',
        )
    )


def comparison(ci: CiSettings) -> str:
    """Return the command that compares all modes."""
    words = ["nox", "-s", "compare", "--", "--modes", ",".join(ci.modes)]
    if ci.repeat > 1:
        words += ["--repeat", str(ci.repeat)]
    words += [word for word, on in (("--enforce", ci.enforce), ("--strict", ci.strict)) if on]
    return shlex.join(words)


def meaning(codes: dict[ExitCode, str], say: Callable[[str, str], str], passed: bool) -> str:
    """Return the lines that say what `$code` means and end with it.

    `say` makes the command that shows a level (error, warning) and a text. `passed`:
    an inconclusive answer is a warning, and the job goes on.
    """
    lines = ['case "$code" in', "  0) ;;"]
    for code, text in codes.items():
        lenient = code == ExitCode.INCONCLUSIVE and passed
        shown = say("warning" if lenient else "error", f"{text} (exit code {int(code)})")
        lines.append(f"  {int(code)}) {shown}{'; code=0' if lenient else ''} ;;")
    lines += ["  *) " + say("error", "Ended with exit code $code.") + " ;;", "esac"]
    return "\n".join([*lines, 'exit "$code"'])


def on_path(folders: tuple[str, ...], line: Callable[[str], str]) -> list[str]:
    """Return the lines that put folders of the checkout first on PATH, the first one first."""
    return [line(folder) for folder in reversed(folders)]
