"""Rules about the project's own files: layers and mapping."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import near
from ..layers import kind
from ..origins import Origin
from .model import Finding, Rule, Subject

TYPE_CHANGES = Rule(
    "TE012",
    "type-changes-between-layers",
    "warning",
    "A setting's type changes from one layer to the next.",
    """\
Finds: a setting that is, say, a number in base.json and a string in production.json. Null
has no type, and whole numbers and fractions are one.

Why it breaks: variables are text, so both work until a template uses a part of the setting,
or a program reads it as JSON: `"false"` is true, `"8000"` is no port, and a string in place
of an object loses every setting inside it.

Example:
    base.json:        {"database": {"port": 5432}}
    production.json:  {"database": {"port": "6432"}}

Mend: write the same type in every layer.
""",
)

USELESS_EXCLUSION = Rule(
    "TE014",
    "exclusion-matches-nothing",
    "warning",
    "An exclusion in envs/mapping.toml names nothing that there is.",
    """\
Finds: an entry of [infer] exclude that is no variable of the stack and no service.VARIABLE.

Why it breaks: it protects nothing. After a variable was renamed, or with a slip of the pen,
the value that was to stay as it is gets rewritten.

Example:
    [infer]
    exclude = ["REDIS_KEY_PREFX"]

Mend: write the name as it stands in the compose file, or remove the entry.
""",
)

USELESS_SILENCE = Rule(
    "TE015",
    "silence-matches-nothing",
    "note",
    "A [[tool.tranship.silence]] silences nothing.",
    """\
Finds: an entry of [[tool.tranship.silence]] whose rule, service and variable no finding has.

Why it matters: what it excused is gone, or it never hit. Left there, it will hide the next
finding of that kind, with a reason that belongs to another.

Example, where REDIS_URL was mended since:
    [[tool.tranship.silence]]
    rule = "TE001"
    variable = "REDIS_URL"
    reason = "a Redis inside the same container"

Mend: remove the entry from pyproject.toml.
""",
)


def check_written(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong in layers and mapping."""
    yield from _changes(subject)
    yield from _exclusions(subject)


def _changes(subject: Subject) -> Iterator[Finding]:
    # The base and the environment's layer belong to both sides: once is enough.
    changes = {
        (change.path, change.before.layer, change.after.origin): change
        for layers in subject.envmap.layers.values()
        for change in layers.changes
    }
    for change in changes.values():
        before = change.before.origin.shown(subject.root)
        yield TYPE_CHANGES.finding(
            f"{change} ({before} comes first).",
            f"Make it {kind(change.before.value)} in {change.after.layer} too.",
            variable=change.path,
            origin=change.after.origin,
        )


def _exclusions(subject: Subject) -> Iterator[Finding]:
    mapping = subject.envmap.mapping
    if not mapping.excluded or mapping.file is None:
        return
    named = {
        service: {*body.environment, *subject.declarations.get(service, {})}
        for service, body in subject.envmap.stack.services.items()
    }
    variables = set().union(*named.values())
    qualified = {f"{service}.{name}" for service, names in named.items() for name in names}
    for entry in sorted(mapping.excluded):
        # A rule that does not exist is refused when the mapping is read.
        if entry in variables or entry in qualified or entry.startswith("rule:"):
            continue
        known = qualified if "." in entry else variables
        yield USELESS_EXCLUSION.finding(
            f"{entry!r} excludes nothing{near(entry, known)}.",
            "Correct it, or remove it from [infer] exclude.",
            origin=_line_of(entry, subject),
        )


def _line_of(entry: str, subject: Subject) -> Origin | None:
    file = subject.envmap.mapping.file
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        return Origin(file)
    quoted = (f'"{entry}"', f"'{entry}'")
    found = (number for number, line in enumerate(lines, 1) if any(q in line for q in quoted))
    return Origin(file, next(found, 0))
