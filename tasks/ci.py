"""Pipelines that run all of this on every change."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode, UsageError


@task(
    help={
        "provider": "github or gitlab. Default: what the project's files or git remotes tell.",
        "output": "Another path for the file, or - for standard output.",
        "check": "Write nothing; exit 1 when a file is not what would be written.",
        "force": "Replace a file that was written or changed by hand.",
    }
)
def generate(
    c: Context, provider: str = "", output: str = "", check: bool = False, force: bool = False
) -> None:
    """Write the pipeline for GitHub Actions or GitLab that runs the suite in each mode."""
    from . import settings as settings_module
    from .deployment.pipelines import commands

    settings = settings_module.load()
    printed = output == "-"
    if printed and (check or force):
        raise UsageError("--output - prints the pipeline: leave out --check and --force.")
    files = commands.pipelines(settings, provider, "" if printed else output)
    if check:
        wrong = commands.checked(files, console.path)
        for line in wrong:
            console.out(line)
        if wrong:
            raise Exit("Make it again: inv ci.generate", int(ExitCode.TESTS_DIFFER))
        console.out(f"{', '.join(console.path(file.path) for file in files)}: up to date.")
    elif printed:
        console.out("\n".join(file.text for file in files).rstrip("\n"))
    else:
        for line in commands.write(files, console.path, force=force):
            console.out(line)


ns = Collection("ci", generate)
