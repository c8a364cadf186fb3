"""Look at the trials on record."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task


@task(
    help={
        "baseline": "The mode that the other is compared with.",
        "candidate": "The mode that is compared.",
        "format": "terminal or markdown.",
        "enforce": "Exit 3 when a performance target is missed.",
        "strict": "Exit 5 when a target could not be judged.",
    }
)
def show(
    c: Context,
    baseline: str = "local",
    candidate: str = "docker",
    format: str = "terminal",  # noqa: A002 - the word of the command line
    enforce: bool = False,
    strict: bool = False,
) -> None:
    """Print the comparison of the newest trials on record; nothing is run."""
    from . import settings as settings_module
    from .comparison.records import compared_records

    shown, code = compared_records(
        settings_module.load(),
        baseline,
        candidate,
        format=format,
        enforce=enforce,
        strict=strict,
        width=console.width(),
        unicode=console.unicode_out(),
    )
    console.out(shown)
    if code:
        raise Exit(code=int(code))


def _collection() -> Collection:
    found = Collection("compare")
    found.add_task(show)
    return found


ns = _collection()
